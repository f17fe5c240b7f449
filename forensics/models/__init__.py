"""Model files: registration, look-up, digest check, download, and refusal of forbidden models.

What belongs here: names, digests, licences, look-up, download. What does not: running a model
(`forensics.adapters`). Only `pull.pull` downloads; import and look-up never do.
"""
