"""Custody of a case: mandate, lock, log, keys, retention and erasure.

Rules that permit or refuse a command, and the life of a case, belong here. The search for people belongs in
`pipelines/search`, the review of candidates in `pipelines/review`.
"""
