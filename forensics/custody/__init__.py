"""Custody as values: the case folder, its log, the mandate, the scope, checkpoints.

Belongs here: rules that decide from values. Commands that act on a case belong in `pipelines.custody`.
"""
