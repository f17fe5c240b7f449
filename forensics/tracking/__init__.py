"""Tracking: detections joined into tracks, tracks summed up as sightings.

Belongs here: association and what follows from it. What is sampled between frames belongs in `sampling`.
"""
