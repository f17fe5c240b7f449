"""What analysts open: the published tables of a case as Polars LazyFrames."""

import os
import pwd
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

import polars as pl

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log_writer import LogWriter
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken, NotAuthorised, UsageError
from forensics.tables.manifest import read_manifest
from forensics.tables.result_access import refuse_unless_active
from forensics.tables.schemas import CANDIDATES_TABLE, PUBLISHED

__all__ = ["OpenCase", "candidates_of", "published_files"]


_ADVICE: Final = "see `forensics verify`; running again publishes anew"


def published_files(folder: CaseFolder, table: str) -> list[Path]:
    """The files of one table, as the manifest names them.

    Raises:
        IntegrityBroken: one is not there, or not what was published.
    """
    files = [file for file in read_manifest(folder)["files"] if file["path"].partition("/")[0] == table]
    for file in files:
        _check(folder.tables / file["path"], file["sha256"])
    return [folder.tables / file["path"] for file in files]


def _check(path: Path, expected_sha256: str) -> None:
    """Return only if the file is what was published."""
    if not path.is_file():
        raise IntegrityBroken("is not there any more", _ADVICE, path)
    state = path.stat()
    actual = _digest(path, (state.st_size, state.st_ino, state.st_mtime_ns, state.st_ctime_ns))
    if actual != expected_sha256:
        raise IntegrityBroken("is not what was published", _ADVICE, path)


@lru_cache(maxsize=256)
def _digest(path: Path, state: tuple[int, ...]) -> str:
    """SHA-256 of a file; computed once while nothing touches it."""
    return sha256_of_file(path)


def candidates_of(folder: CaseFolder) -> pl.LazyFrame:
    """The table candidates, for a caller who records that it is read.

    Raises:
        UsageError: the case compares no faces.
        NotAuthorised: it was withheld or destroyed.
    """
    named = [file["path"] for file in read_manifest(folder)["files"]]
    mine = [folder.tables / path for path in named if path.partition("/")[0] == CANDIDATES_TABLE]
    if not mine:
        raise UsageError("no face was compared", "see `forensics case show`", folder.root)
    if not all(path.exists() for path in mine):
        raise NotAuthorised("was withheld or destroyed", "see `forensics case show`", mine[0])
    return pl.scan_parquet(published_files(folder, CANDIDATES_TABLE))


def _reader() -> dict[str, str]:
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return {"user": user, "host": socket.gethostname()}


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case as analysts see it; docs/tables.md describes every column.

    Attributes:
        folder: where it lies.
        run_id: the run whose tables these are.
    """

    folder: CaseFolder
    run_id: str

    @classmethod
    def at(cls, path: Path) -> "OpenCase":
        """See `forensics.open_case`."""
        folder = CaseFolder.at(path)
        for linked in folder.links_out():
            raise IntegrityBroken(linked, "put there what belongs there; a case is moved as a whole")
        return cls(folder, read_manifest(folder)["run"])

    def table(self, name: str) -> pl.LazyFrame:
        """One table by name.

        Raises:
            UsageError: there is no table of this name.
        """
        if name not in PUBLISHED:
            hint = "read candidates with case.candidates(reason=...)" if name == CANDIDATES_TABLE else ""
            raise UsageError(f"there is no table {name!r}", hint or f"the tables are: {', '.join(PUBLISHED)}")
        return pl.scan_parquet(published_files(self.folder, name))

    def candidates(self, *, reason: str) -> pl.LazyFrame:
        """A row for every pair of a sighting and an entry that was compared; reading it is logged with its reason.

        Raises:
            UsageError: no reason, or a case that compares no faces.
            NotAuthorised: it was withheld or destroyed, the mandate is over, or reading it cannot be recorded.
            IntegrityBroken: the case was changed by other means than commands.
        """
        if not reason.strip():
            raise UsageError("candidates are read for a reason", "say it: case.candidates(reason=...)")
        log = LogWriter(self.folder, lambda: datetime.now(UTC))
        with log.recorded("open candidates", who=_reader(), why=reason, facts={}):
            refuse_unless_active(self.folder, datetime.now(UTC))
            return candidates_of(self.folder)

    def picture(self, name: str) -> Path:
        """The file of a thumbnail, by the name that a table gives it.

        Raises:
            IntegrityBroken: it is not there, is not what was published, or leads out of the case.
        """
        path = self.folder.inside(name)
        published = {each["path"]: each["sha256"] for each in read_manifest(self.folder).get("pictures", ())}
        if name in published or not path.is_file():  # older manifests name no pictures
            _check(path, published.get(name, ""))
        return path

    def sources(self) -> pl.LazyFrame:
        """A row for every path that was given."""
        return self.table("sources")

    def evidence(self) -> pl.LazyFrame:
        """A row for every file, or folder of stills."""
        return self.table("evidence")

    def detections(self) -> pl.LazyFrame:
        """A row for every box in every frame."""
        return self.table("detections")

    def tracks(self) -> pl.LazyFrame:
        """A row for every object in one evidence."""
        return self.table("tracks")

    def sightings(self) -> pl.LazyFrame:
        """A row for every object at one camera over an interval."""
        return self.table("sightings")

    def coverage(self) -> pl.LazyFrame:
        """A row for every run of frames in one state: what was looked at, and why the rest was not."""
        return self.table("coverage")

    def failures(self) -> pl.LazyFrame:
        """A row for every unit of work that gave nothing."""
        return self.table("failures")
