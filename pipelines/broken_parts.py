"""Parts of a run that are not what was written: cut short, emptied or altered while no run worked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forensics.case import RunFolder
from forensics.tables.files import fault_in_table

__all__ = ["BrokenPart", "broken_parts"]

_STAGES: Final = ("detect", "track", "sight", "recognise")


@dataclass(frozen=True, slots=True)
class BrokenPart:
    """A part that cannot be read whole: a run makes it again once it is gone.

    Attributes:
        path: where it lies.
        fault: what is wrong with its bytes.
    """

    path: Path
    fault: str


def broken_parts(folder: RunFolder) -> Iterator[BrokenPart]:
    """Every part of the run is read; those whose bytes are no whole table come out, by stage and name.

    Raises:
        OSError: the disk does not give a part.
    """
    for stage in _STAGES:
        for path in sorted((folder.root / "parts" / stage).glob("[!.]*.parquet")):
            fault = fault_in_table(path)
            if fault:
                yield BrokenPart(path, fault)
