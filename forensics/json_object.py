"""The type of a JSON object, where one is written to a file or read from it."""

from typing import Any, TypeAlias

__all__ = ["JsonObject"]

JsonObject: TypeAlias = dict[str, Any]
"""What a JSON object is in Python; its keys are part of a file format or of the output of `--json`."""
