"""Footage as values: evidence, frames and their times, chunks, coverage, camera clocks, the motion gate.

What belongs here: everything about a recording that needs no model. Opening files belongs in `adapters`.
"""
