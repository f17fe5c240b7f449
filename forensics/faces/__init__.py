"""Faces as values: selection, quality, pooling, comparison, published error rates, the rules of the review.

Belongs here: arithmetic on vectors and decisions. Networks belong in `adapters.faces`, encryption in `adapters.crypto`.
"""
