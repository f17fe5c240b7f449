"""Detection: boxes, the port that detectors implement, and the arithmetic around a network.

What belongs here: everything between a frame and a box. Running a network belongs in `adapters.detectors`.
"""
