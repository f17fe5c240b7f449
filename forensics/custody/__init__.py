"""Custody of a case as values: case folder, log, mandate, scope, checkpoints.

Rules that decide from values belong here. Commands that act on a case belong in `pipelines.custody`.
"""
