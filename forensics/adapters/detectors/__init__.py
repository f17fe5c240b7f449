"""Detectors: OpenVINO, ultralytics, and `builtin`, which needs no model file."""
