"""Published tables of a case as Polars LazyFrames, for analysts and for commands."""

import os
import pwd
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa

from forensics.custody.case_document import Case, read_case
from forensics.custody.case_folder import SEALED_SUFFIX, CaseFolder
from forensics.custody.log_writer import Anchor, LogWriter
from forensics.custody.sealer import Sealer, is_sealed
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken, NotAuthorised, UsageError
from forensics.spelling import fault_in_statement, in_shell
from forensics.tables.files import read_sealed_table
from forensics.tables.manifest import read_manifest
from forensics.tables.result_access import refuse_unless_active
from forensics.tables.schemas import CANDIDATES, CANDIDATES_TABLE, PUBLISHED
from forensics.tables.sighting_rows import THUMBNAIL

__all__ = ["OpenCase", "candidates_of", "published_files"]


_WHERE_STATED: Final = "`forensics case show CASE` displays whether the results are withheld or destroyed"
_NEXT_STEP: Final = "run `forensics verify` to see what has changed; `forensics run` publishes the tables again"


def published_files(folder: CaseFolder, table: str) -> list[Path]:
    """Return the files of one table that the manifest names, after checking their digests.

    Raises:
        IntegrityBroken: a file is missing or has changed since it was published.
    """
    files = [file for file in read_manifest(folder)["files"] if file["path"].partition("/")[0] == table]
    for file in files:
        _check_published(folder.tables / file["path"], file["sha256"])
    return [folder.tables / file["path"] for file in files]


def _check_published(path: Path, expected_sha256: str) -> None:
    """Raise `IntegrityBroken` unless a file has the digest that was published."""
    if not path.is_file():
        raise IntegrityBroken("is missing", _NEXT_STEP, path)
    state = path.stat()
    actual = _digest(path, (state.st_size, state.st_ino, state.st_mtime_ns, state.st_ctime_ns))
    if actual != expected_sha256:
        raise IntegrityBroken("has changed since it was published", _NEXT_STEP, path)


@lru_cache(maxsize=256)
def _digest(path: Path, state: tuple[int, ...]) -> str:
    """Return the SHA-256 of a file; cached as long as size, inode and times stay the same."""
    return sha256_of_file(path)


def candidates_of(folder: CaseFolder, sealer: Sealer) -> pl.LazyFrame:
    """Decrypt the table candidates; the caller must write the access to the log.

    Raises:
        UsageError: the published run compared no faces.
        NotAuthorised: the table was destroyed.
        IntegrityBroken: the table cannot be opened with this key.
    """
    files = _candidate_files(folder)
    if not all(path.exists() for path in files):
        raise NotAuthorised("was destroyed", _WHERE_STATED, files[0])
    tables = [read_sealed_table(path, CANDIDATES, sealer) for path in published_files(folder, CANDIDATES_TABLE)]
    rows = pl.from_arrow(pa.concat_tables(tables))
    assert isinstance(rows, pl.DataFrame)
    return rows.lazy()


def _require_reason(reason: str, problem: str, next_step: str) -> None:
    """Raise `UsageError` unless a reason states something."""
    fault = fault_in_statement(reason)
    if fault:
        raise UsageError(f"{problem}, and {reason!r} {fault}", next_step)


def _candidate_files(folder: CaseFolder) -> list[Path]:
    """Return the files of the table candidates that the manifest names.

    Raises:
        UsageError: the published run compared no faces.
    """
    paths = [file["path"] for file in read_manifest(folder)["files"]]
    files = [folder.tables / path for path in paths if path.partition("/")[0] == CANDIDATES_TABLE]
    if not files:
        raise UsageError("has no candidates, because no faces were compared", _WHERE_STATED, folder.root)
    return files


def _system_user() -> dict[str, str]:
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return {"user": user, "host": socket.gethostname()}


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case opened for reading its published tables; docs/tables.md describes every column.

    Attributes:
        folder: folder of the case.
        run_id: id of the run that published the tables.
        find_key: returns the key of the case with an id; called only for what is sealed.
        find_anchor: returns the log anchor of a case, from its folder and id; None if this user has none.
        refuse_reading: raises `NotAuthorised` if nobody may read results of the case now.
    """

    folder: CaseFolder
    run_id: str
    find_key: Callable[[str], Sealer] = field(repr=False, compare=False)
    find_anchor: Callable[[CaseFolder, str], Anchor | None] = field(repr=False, compare=False)
    refuse_reading: Callable[[Case], None] = field(repr=False, compare=False)

    @classmethod
    def at(
        cls,
        path: Path,
        find_key: Callable[[str], Sealer],
        find_anchor: Callable[[CaseFolder, str], Anchor | None],
        refuse_reading: Callable[[Case], None],
    ) -> "OpenCase":
        """Open the case at a path, see `forensics.open_case`."""
        folder = CaseFolder.at(path)
        folder.refuse_special_files()
        for link in folder.find_outside_links():
            raise link.to_error("restore the missing file or folder from a backup; a case is moved as a whole")
        return cls(folder, read_manifest(folder)["run"], find_key, find_anchor, refuse_reading)

    def table(self, name: str) -> pl.LazyFrame:
        """Return one table by name.

        Raises:
            UsageError: there is no table of this name, or an older version published the run without it.
            IntegrityBroken: a file of the table is missing or has changed since it was published.
        """
        if name not in PUBLISHED:
            hint = "read candidates with case.candidates(reason=...)" if name == CANDIDATES_TABLE else ""
            raise UsageError(f"there is no table {name!r}", hint or f"the tables are: {', '.join(PUBLISHED)}")
        files = published_files(self.folder, name)
        if not files:
            raise UsageError(
                f"the published run has no table {name!r}: an older version of this program made it",
                f"run `forensics run {in_shell(self.folder.root)}` again, which publishes all tables",
            )
        return pl.scan_parquet(files)

    def candidates(self, *, reason: str) -> pl.LazyFrame:
        """Return one row per compared pair of a sighting and an entry; the access and its reason are logged.

        Raises:
            UsageError: the reason is blank or a placeholder, or the published run compared no faces.
            NotAuthorised: the key of the case is withheld, destroyed or not in this user's key folder, the mandate is
                over, a case about the same was denied, or the log cannot be written.
            IntegrityBroken: the case was changed by other means than commands.
        """
        _require_reason(reason, "candidates can be read only for a stated reason", "use case.candidates(reason=TEXT)")
        with self._log().record_command("open candidates", who=_system_user(), why=reason, facts={}):
            self._refuse_unless_allowed()
            _candidate_files(self.folder)  # a case that compares no faces has no key to find
            return candidates_of(self.folder, self.find_key(read_case(self.folder).case_id))

    def picture(self, name: str) -> Path:
        """Return the file of a thumbnail, after checking its digest.

        Args:
            name: value of the column `sightings.thumbnail`.

        Raises:
            UsageError: the thumbnail is sealed, because the case compares faces; read it with `read_picture`.
            IntegrityBroken: the file is missing, has changed since it was published, or lies outside of the case.
        """
        if self._stored_name(name).endswith(SEALED_SUFFIX):
            raise UsageError("this thumbnail is encrypted", "use case.read_picture(name, reason=TEXT)", name)
        return self._find_picture(name)

    def read_picture(self, name: str, *, reason: str = "") -> bytes:
        """Return a thumbnail as JPEG, after checking its digest; access to a sealed one and its reason are logged.

        Args:
            name: value of the column `sightings.thumbnail`.
            reason: why the picture is opened; required if it is sealed.

        Raises:
            UsageError: the thumbnail is sealed, and the reason is blank or a placeholder.
            NotAuthorised: the key of the case cannot be used, the mandate is over, a case about the same was
                denied, or the log cannot be written.
            IntegrityBroken: the file is missing, has changed since it was published, or lies outside of the case.
        """
        if not self._stored_name(name).endswith(SEALED_SUFFIX):
            return self.picture(name).read_bytes()
        _require_reason(reason, "pictures of people can be opened only for a stated reason", "give reason=TEXT")
        with self._log().record_command("open picture", who=_system_user(), why=reason, facts={"picture": name}):
            self._refuse_unless_allowed()
            return self.unseal_picture(name, self.find_key(read_case(self.folder).case_id))

    def unseal_picture(self, name: str, sealer: Sealer | None) -> bytes:
        """Return a thumbnail as JPEG, after checking its digest; the caller must write the access to the log.

        Args:
            name: value of the column `sightings.thumbnail`.
            sealer: the key of the case; None if thumbnails are not sealed.
        """
        data = self._find_picture(name).read_bytes()
        return sealer.unseal(data, THUMBNAIL) if sealer is not None and is_sealed(data) else data

    def _refuse_unless_allowed(self) -> None:
        """Raise `NotAuthorised` unless results about people may be read now."""
        refuse_unless_active(self.folder, datetime.now(UTC))
        self.refuse_reading(read_case(self.folder))

    def _log(self) -> LogWriter:
        anchor = self.find_anchor(self.folder, read_case(self.folder).case_id)
        return LogWriter(self.folder, lambda: datetime.now(UTC), anchor)

    def _stored_name(self, name: str) -> str:
        """Return the name of the file; tables of versions before 0.3 name what was sealed later without its suffix."""
        sealed = f"{name}{SEALED_SUFFIX}"
        return (
            sealed if any(each["path"] == sealed for each in read_manifest(self.folder).get("pictures", ())) else name
        )

    def _find_picture(self, name: str) -> Path:
        name = self._stored_name(name)
        path = self.folder.resolve_inside(name)
        published = {each["path"]: each["sha256"] for each in read_manifest(self.folder).get("pictures", ())}
        if name in published or not path.is_file():  # older manifests list no pictures
            _check_published(path, published.get(name, ""))
        return path

    def sources(self) -> pl.LazyFrame:
        """Return one row per path given to ingest."""
        return self.table("sources")

    def evidence(self) -> pl.LazyFrame:
        """Return one row per piece of evidence: a file, or a folder of stills."""
        return self.table("evidence")

    def sections(self) -> pl.LazyFrame:
        """Return one row per part of a recording that has a clock of its own; one row for most recordings."""
        return self.table("sections")

    def detections(self) -> pl.LazyFrame:
        """Return one row per box and frame."""
        return self.table("detections")

    def tracks(self) -> pl.LazyFrame:
        """Return one row per tracked object of one evidence."""
        return self.table("tracks")

    def sightings(self) -> pl.LazyFrame:
        """Return one row per tracked object at one camera, with its interval of time."""
        return self.table("sightings")

    def coverage(self) -> pl.LazyFrame:
        """Return one row per range of frames with one state, and the reason where they were not detected."""
        return self.table("coverage")

    def failures(self) -> pl.LazyFrame:
        """Return one row per unit of work that failed."""
        return self.table("failures")
