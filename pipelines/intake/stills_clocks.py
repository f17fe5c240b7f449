"""What people should know of the times of stills: how to date them, and which summer time they ignore."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final

from forensics.custody.case_folder import CaseFolder
from forensics.footage.evidence import Evidence, Reader
from forensics.spelling import in_shell
from forensics.tables.evidence import load_index

__all__ = ["describe_stills_clocks"]

_FIRST: Final = re.compile(r"first picture (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\S* .*no time zone")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def describe_stills_clocks(folder: CaseFolder, evidence: Iterable[Evidence], zone: tzinfo | None) -> list[str]:
    """Return a line for each folder of stills that could be dated, or whose first picture had another offset from UTC.

    Args:
        folder: the case.
        evidence: what was ingested.
        zone: zone of the recorder's clock, as the user stated it; None if not stated.
    """
    lines = []
    for item in evidence:
        if item.readable is None or item.readable.footage.reader is not Reader.STILLS:
            continue
        if item.start_utc_us is None:
            lines.append(_how_to_date(folder, item, item.readable.reader_reason))
        elif zone is not None:
            lines.append(_other_offsets(folder, item, _EPOCH + timedelta(microseconds=item.start_utc_us), zone))
    return [line for line in lines if line]


def _how_to_date(folder: CaseFolder, item: Evidence, times: str) -> str:
    """Return the command that dates pictures whose clock has no zone; empty if they have no such times."""
    first = _FIRST.search(times)
    if first is None:
        return ""
    path = in_shell(item.path) if isinstance(item.path, Path) else item.path.url
    command = f"forensics ingest {in_shell(folder.root)} {path} --camera {item.camera_id} --start {first[1]}"
    return (
        f"{item.path.name}: no UTC, because nobody stated the zone of the pictures' clock: {command} --start-zone ZONE"
    )


def _other_offsets(folder: CaseFolder, item: Evidence, start: datetime, zone: tzinfo) -> str:
    """Say how many pictures were taken when the zone had another offset than at the first one; empty if none."""
    pictures = load_index(folder, item).pictures
    if pictures is None:
        return ""
    first = start.astimezone(zone)
    taken = [timedelta(microseconds=int(each)) for each in pictures.taken_us[pictures.is_timed]]
    walls = [(first.replace(tzinfo=None) + each).replace(tzinfo=zone) for each in taken]
    n_others = sum(wall.utcoffset() != first.utcoffset() for wall in walls)
    if not n_others:
        return ""
    return (
        f"{item.path.name}: all pictures are dated with the offset of the first one, {first.isoformat()[-6:]}, as by "
        f"a clock that is never changed; {n_others} of {len(taken)} were taken while {zone} had another. If the clock "
        "was changed too, ingest the pictures of each offset as a folder of their own"
    )
