"""One module per stage, and the ports of stage and runner.

A stage is a frozen value that is sent to workers. `open()` loads models and starts processes, once per worker, and
returns a callable that turns one item into one result. A stage reads the case folder and never writes to it.
"""
