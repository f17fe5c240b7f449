"""The command line: parse, call one function, print. Every rule lives below."""

from pipelines.cli.main import main

__all__ = ["main"]
