"""Parquet input and output: schemas, atomic files, the evidence store, access for analysts.

Belongs here: everything that knows Arrow or Polars. Does not belong here: how the values of a row are computed.
"""
