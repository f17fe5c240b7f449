"""Faces as values: selection, quality, pooling, comparison, published error rates, rules of the review.

Belongs here: arithmetic on vectors, and decision rules. Networks belong in `adapters.faces`, encryption in
`adapters.crypto`.
"""
