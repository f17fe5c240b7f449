"""Domain functions bound to settings, files and an engine.

The order of stages, where they run, and the command line belong here. How to read a frame, detect a box or lay out a
row belongs in `forensics`.
"""
