"""Footage as values: evidence, frames and their times, chunks, coverage, the camera's clock, the motion gate.

Belongs here: what can be said of a recording without a model. Opening files belongs in `adapters`.
"""
