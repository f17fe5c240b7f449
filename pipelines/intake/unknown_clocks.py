"""Warnings about footage whose clock is unknown, in cases that are limited in time: none of it is in scope."""

from collections.abc import Iterable
from typing import Final

from forensics.custody.case_document import Case
from forensics.footage.evidence import Evidence

__all__ = ["describe_missing_clock_errors", "describe_unknown_clocks"]

_OUT_OF_SCOPE: Final = "the case is limited in time, so it is out of scope"


def describe_unknown_clocks(case: Case, evidence: Iterable[Evidence]) -> list[str]:
    """Return a line that names the cameras with footage without a start, and one for starts without a clock error.

    Args:
        case: case of the footage; if it is not limited in time, nothing is said.
        evidence: its footage.
    """
    chosen = list(evidence)
    without_start = {item.camera_id for item in chosen if item.start_utc_us is None}
    stated = [(item.camera_id, item.clock_error_ms) for item in chosen if item.start_utc_us is not None]
    return [*_describe_starts(case, without_start), *describe_missing_clock_errors(case, stated)]


def describe_missing_clock_errors(case: Case, stated: Iterable[tuple[str, int | None]]) -> list[str]:
    """Return a line that names the cameras with a start whose largest error is unknown; none if there are none.

    Args:
        case: case of the footage; if it is not limited in time, nothing is said.
        stated: camera and largest error in milliseconds of each start.
    """
    missing = {name for name, error_ms in stated if case.camera(name).clock_error_ms(error_ms) is None}
    named = _in_mandate(case, missing)
    if not named:
        return []
    how = "give --clock-error, or `forensics case clock`"
    return [f"no clock error for footage of cameras {', '.join(named)}: {_OUT_OF_SCOPE}; {how}"]


def _describe_starts(case: Case, cameras: set[str]) -> list[str]:
    named = _in_mandate(case, cameras)
    if not named:
        return []
    how = "give --start and --clock-error, or --list"
    return [f"no start time for footage of cameras {', '.join(named)}: {_OUT_OF_SCOPE}; {how}"]


def _in_mandate(case: Case, cameras: set[str]) -> list[str]:
    """Return the cameras that the case may process, by name; none if it is not limited in time."""
    if case.mandate.from_utc is None and case.mandate.to_utc is None:
        return []
    return sorted(cameras & set(case.mandate.cameras or cameras))
