"""Domain functions bound to settings, files and an engine.

What belongs here: which stages run in which order, where they run, what a person types. What does
not: how a frame is read, a box is found or a row is laid out; that is `forensics`.
"""
