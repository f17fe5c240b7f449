"""Model files: registration, look-up, digest check, download, and refusal of forbidden models.

What belongs here: names, digests, licences, look-up, download, records of conversions. What does not: converting or
running a model (`forensics.adapters`). Only `pull.fetch` downloads; import and look-up never do.
"""
