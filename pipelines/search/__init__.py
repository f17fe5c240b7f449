"""Looking for known people: the watch-list, what faces are compared with, what is kept of them, and what came out.

Here belongs what prepares a comparison and handles its results. The comparison itself is a stage
(`pipelines/stages/recognise.py`) on values of `forensics`.
"""
