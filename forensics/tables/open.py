"""Published tables of a case as Polars LazyFrames, for analysts and for commands."""

import os
import pwd
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from forensics.custody.case_document import Case, read_case
from forensics.custody.case_folder import SEALED_SUFFIX, CaseFolder
from forensics.custody.log_writer import Anchor, LogWriter
from forensics.custody.sealer import Sealer, is_sealed
from forensics.errors import UsageError
from forensics.faces.comparison import DECISIONS_TO_REVIEW
from forensics.faces.review_rules import State
from forensics.spelling import fault_in_statement
from forensics.tables.manifest import read_manifest
from forensics.tables.published import candidate_files, candidates_of, check_published, scan_published
from forensics.tables.published_tables import PublishedTables, refuse_unknown
from forensics.tables.result_access import refuse_unless_active
from forensics.tables.sighting_rows import THUMBNAIL

__all__ = ["OpenCase", "ReviewStates", "add_review_states"]

ReviewStates = Mapping[tuple[str, str], str]
"""State of a review by sighting id and entry id."""


def _require_reason(reason: str, problem: str, next_step: str) -> None:
    """Raise `UsageError` unless a reason states something."""
    fault = fault_in_statement(reason)
    if fault:
        raise UsageError(f"{problem}, and {reason!r} {fault}", next_step)


def add_review_states(candidates: pl.LazyFrame, states: ReviewStates) -> pl.LazyFrame:
    """Return candidates with the column `review_state`; null for pairs without a verdict that need no examination."""
    pairs = [{"sighting_id": pair[0], "entry_id": pair[1], "review_state": state} for pair, state in states.items()]
    schema = {"sighting_id": pl.String, "entry_id": pl.String, "review_state": pl.String}
    joined = candidates.join(
        pl.LazyFrame(pairs, schema=schema), on=["sighting_id", "entry_id"], how="left", maintain_order="left"
    )
    is_asked = pl.col("decision").is_in(DECISIONS_TO_REVIEW)
    state = pl.col("review_state")
    return joined.with_columns(pl.when(is_asked).then(state.fill_null(State.OPEN.value)).otherwise(state))


def _system_user() -> dict[str, str]:
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return {"user": user, "host": socket.gethostname()}


@dataclass(frozen=True, slots=True)
class OpenCase(PublishedTables):
    """A case opened for reading its published tables; docs/tables.md describes every column.

    Attributes:
        folder: folder of the case.
        case_id: id of the case.
        run_id: id of the run that published the tables.
        find_key: returns the key of the case with an id; called only for what is sealed.
        find_anchor: returns the log anchor of a case, from its folder and id; None if this user has none.
        refuse_reading: raises `NotAuthorised` if nobody may read results of the case now.
        find_review_states: returns the state of the review of every pair with a verdict.
    """

    folder: CaseFolder
    case_id: str
    run_id: str
    find_key: Callable[[str], Sealer] = field(repr=False, compare=False)
    find_anchor: Callable[[CaseFolder, str], Anchor | None] = field(repr=False, compare=False)
    refuse_reading: Callable[[Case], None] = field(repr=False, compare=False)
    find_review_states: Callable[[Case], ReviewStates] = field(repr=False, compare=False)

    @classmethod
    def at(
        cls,
        path: Path,
        find_key: Callable[[str], Sealer],
        find_anchor: Callable[[CaseFolder, str], Anchor | None],
        refuse_reading: Callable[[Case], None],
        find_review_states: Callable[[Case], ReviewStates],
    ) -> "OpenCase":
        """Open the case at a path, see `forensics.open_case`."""
        folder = CaseFolder.at(path)
        folder.refuse_special_files()
        for link in folder.find_outside_links():
            raise link.to_error("restore the missing file or folder from a backup; a case is moved as a whole")
        return cls(
            folder,
            read_case(folder).case_id,
            read_manifest(folder)["run"],
            find_key,
            find_anchor,
            refuse_reading,
            find_review_states,
        )

    def table(self, name: str) -> pl.LazyFrame:
        """Return one table by name.

        Raises:
            UsageError: there is no table of this name, or an older version published the run without it.
            IntegrityBroken: a file of the table is missing or has changed since it was published.
        """
        refuse_unknown(name)
        return scan_published(self.folder, name)

    def candidates(self, *, reason: str) -> pl.LazyFrame:
        """Return one row per compared pair of a sighting and an entry, with the state of its review.

        The access and its reason are logged.

        Raises:
            UsageError: the reason is blank or a placeholder, or the published run compared no faces.
            NotAuthorised: the key of the case is withheld, destroyed or not in this user's key folder, the mandate is
                over, a case about the same was denied, or the log cannot be written.
            IntegrityBroken: the case was changed by other means than commands.
        """
        _require_reason(reason, "candidates can be read only for a stated reason", "use case.candidates(reason=TEXT)")
        with self._log().record_command("open candidates", who=_system_user(), why=reason, facts={}):
            self._refuse_unless_allowed()
            candidate_files(self.folder)  # a case that compares no faces has no key to find
            case = read_case(self.folder)
            rows = candidates_of(self.folder, self.find_key(case.case_id))
            return add_review_states(rows, self.find_review_states(case))

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
            check_published(path, published.get(name, ""))
        return path
