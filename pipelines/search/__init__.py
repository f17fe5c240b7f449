"""Watch-list, reference pictures, calibration, and the faces of candidates.

Code belongs here that prepares a comparison of faces or reads its results. The comparison itself is a stage
(`pipelines/stages/recognise.py`).
"""
