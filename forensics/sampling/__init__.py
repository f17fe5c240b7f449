"""Sampling behind the motion gate: which frames are detected, how their detections are linked, and the spot check.

What belongs here: decisions about frames of which only some are detected. The gate itself works on pixels, see
`footage.motion_gate`.
"""
