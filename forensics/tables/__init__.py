"""Parquet in and out: schemas, atomic files, the evidence store, what analysts read.

What belongs here: everything that knows Arrow or Polars. What does not: how a row came to be.
"""
