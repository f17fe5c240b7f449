"""Type of options that take a duration."""

from typing import Any

import click

from pipelines.durations import parse_duration
from pipelines.intake.unknown import UNKNOWN

__all__ = ["Duration", "DurationOrUnknown"]


class DurationOrUnknown(click.ParamType[Any]):
    """A duration in milliseconds that is not negative, or ``unknown``, which becomes `UNKNOWN`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the milliseconds, or `UNKNOWN`."""
        if value in (UNKNOWN, UNKNOWN.value):
            return UNKNOWN
        return Duration(is_signed=False).convert(value, param, ctx)


class Duration(click.ParamType[int]):
    """A duration in milliseconds: ``500``, ``500ms``, ``90s``, ``25m3s``, ``-1h``.

    Args:
        is_signed: whether it may be negative.
    """

    name = "duration"

    def __init__(self, *, is_signed: bool) -> None:
        self._is_signed = is_signed

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the milliseconds."""
        if isinstance(value, int):
            return value
        milliseconds = parse_duration(value)
        if milliseconds is None:
            self.fail(
                f"{value!r} is no duration; write milliseconds, or units as in 25m3s, 90s, 500ms, -1h", param, ctx
            )
        if milliseconds < 0 and not self._is_signed:
            self.fail(f"{value} is negative", param, ctx)
        return milliseconds
