"""Frames by their number, from an indexed video file."""
