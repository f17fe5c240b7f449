"""Tracking: association of detections to tracks, and summaries of tracks as sightings.

What belongs here: association and everything computed from tracks. Choosing the frames to detect belongs in `sampling`.
"""
