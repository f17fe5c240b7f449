"""Which model files are known, where they lie, and whether they are what they claim to be.

What belongs here: names, digests, licences, look-up, download. What does not: running a model
(`forensics.adapters`). Nothing is fetched on import or look-up, only by `pull.pull`.
"""
