"""Warnings about recordings of one camera at the same time: a start that was stated for the wrong file."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from forensics.footage.evidence import Evidence, Reader

__all__ = ["describe_overlaps"]


@dataclass(frozen=True, slots=True, order=True)
class _Recording:
    """A recording, in microseconds since 1970 UTC.

    Attributes:
        start_us: first frame.
        stop_us: end of the last frame.
        name: of its file.
    """

    start_us: int
    stop_us: int
    name: str


def describe_overlaps(evidence: Iterable[Evidence], cameras: Collection[str]) -> list[str]:
    """Return a line for each camera of which two recordings overlap by more than half of the shorter one.

    Recorders let recordings overlap by some seconds; one camera does not record half of a file twice.

    Args:
        evidence: all evidence of a case, also without a start.
        cameras: which cameras are examined.
    """
    recordings = defaultdict[str, list[_Recording]](list)
    for item in evidence:
        if item.camera_id in cameras:
            recordings[item.camera_id] += _recording(item)
    pairs = {camera: list(_overlapping(sorted(recordings[camera]))) for camera in sorted(recordings)}
    return [_describe(camera, found) for camera, found in pairs.items() if found]


def _recording(item: Evidence) -> Iterator[_Recording]:
    """Yield the recording of an evidence; nothing for stills and for what has no start or no rate."""
    readable = item.readable
    if readable is None or item.start_utc_us is None or readable.footage.reader is Reader.STILLS:
        return
    rate = readable.medium.rate_counted
    if rate:
        duration_us = int(readable.n_frames * 1_000_000 / rate)
        yield _Recording(item.start_utc_us, item.start_utc_us + duration_us, item.path.name)


def _overlapping(recordings: list[_Recording]) -> Iterator[tuple[_Recording, _Recording]]:
    for first, second in pairwise(recordings):
        shared_us = min(first.stop_us, second.stop_us) - second.start_us
        if 2 * shared_us > min(first.stop_us - first.start_us, second.stop_us - second.start_us):
            yield first, second


def _describe(camera: str, pairs: list[tuple[_Recording, _Recording]]) -> str:
    first, second = pairs[0]
    at = datetime.fromtimestamp(second.start_us // 1_000_000, UTC)
    more = f", and {len(pairs) - 1} more pairs" if len(pairs) > 1 else ""
    return (
        f"camera {camera}: {first.name} and {second.name} were recorded at the same time, from {at:%Y-%m-%dT%H:%M:%SZ} "
        f"on{more}. If a start is wrong, ingest again with --start from-name or --list; if it is another camera, with "
        "its own --camera"
    )
