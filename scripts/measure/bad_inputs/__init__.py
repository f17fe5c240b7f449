"""Runs the real job on bad files: truncated, with flipped bits, inconsistent or hostile.

One module holds each family of bad files. `bad_file` defines a bad file, `originals` the intact files that bad files
are made from. `checked_job` runs the job on them, `checks` checks the results, `tracing` records the opened files.
"""
