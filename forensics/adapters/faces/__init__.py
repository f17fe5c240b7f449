"""Face detectors, face embedders, and the quality of a face."""
