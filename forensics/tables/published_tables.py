"""Methods that give the published tables of a case, or of several, as Polars LazyFrames."""

import difflib
from abc import ABC, abstractmethod

import polars as pl

from forensics.errors import UsageError
from forensics.tables.schemas import CANDIDATES_TABLE, PUBLISHED

__all__ = ["PublishedTables", "refuse_unknown"]


def refuse_unknown(name: str) -> None:
    """Raise `UsageError` if there is no table of this name that can be read without a reason."""
    if name not in PUBLISHED:
        raise UsageError(f"there is no table {name!r}", _instead_of(name))


def _instead_of(name: str) -> str:
    """Return what to read instead of a table that does not exist."""
    if name == CANDIDATES_TABLE:
        return "read candidates with case.candidates(reason=...)"
    if name == "tracks":
        return "read sightings: each is one track, with its track_id"
    similar = difflib.get_close_matches(name, PUBLISHED, n=1)
    return f"did you mean {similar[0]}?" if similar else f"the tables are: {', '.join(PUBLISHED)}"


class PublishedTables(ABC):
    """One method for each published table; docs/tables.md describes every column."""

    __slots__ = ()

    @abstractmethod
    def table(self, name: str) -> pl.LazyFrame:
        """Return one table by name."""

    def sources(self) -> pl.LazyFrame:
        """Return one row per path given to ingest."""
        return self.table("sources")

    def evidence(self) -> pl.LazyFrame:
        """Return one row per piece of evidence: a file, or a folder of stills."""
        return self.table("evidence")

    def sections(self) -> pl.LazyFrame:
        """Return one row per part of a recording that has a clock of its own; one row for most recordings."""
        return self.table("sections")

    def frames(self) -> pl.LazyFrame:
        """Return one row per frame: its pts, its time and what the container says of it."""
        return self.table("frames")

    def detections(self) -> pl.LazyFrame:
        """Return one row per box and frame."""
        return self.table("detections")

    def sightings(self) -> pl.LazyFrame:
        """Return one row per tracked object at one camera, with its interval of time."""
        return self.table("sightings")

    def coverage(self) -> pl.LazyFrame:
        """Return one row per range of frames with one state, and the reason where they were not detected."""
        return self.table("coverage")

    def failures(self) -> pl.LazyFrame:
        """Return one row per unit of work that failed."""
        return self.table("failures")
