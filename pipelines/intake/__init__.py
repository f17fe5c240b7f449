"""Intake of footage: find, digest and index it, and list it as evidence of a case."""
