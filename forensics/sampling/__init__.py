"""Sampling behind the motion gate: which frames are detected, how detections are linked, and the spot check.

Belongs here: decisions about frames that are not all detected. The gate itself works on pixels: `footage.motion_gate`.
"""
