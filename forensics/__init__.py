"""Offline video forensics: exact frames, repeatable runs, Parquet sighting tables."""
