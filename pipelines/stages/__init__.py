"""One file per stage: its settings, and how a worker opens it.

A stage is a frozen value that travels to workers. `open()` loads what is heavy, once per worker, and
returns the work: one item in, one result out. A stage reads the case folder and never writes to it.
"""
