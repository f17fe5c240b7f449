"""Face detectors and face embedders, and the quality of a face."""
