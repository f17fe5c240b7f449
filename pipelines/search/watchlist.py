"""The watch-list of a case: a few entries, each with a legal basis, an end, and sealed reference pictures."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from forensics.adapters.crypto.sealing import Key
from forensics.adapters.faces.face_models import FaceModels
from forensics.custody.case_folder import CaseFolder
from forensics.digests import sha256_of_bytes
from forensics.errors import NotAuthorised, UsageError
from forensics.tables.files import encoded_json
from pipelines.custody.case_document import Case
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.entries import CHOSEN, Entry, entries_of
from pipelines.custody.erasure import certified
from pipelines.custody.mandate_text import last_day_text
from pipelines.search.reference_pictures import Picture
from pipelines.search.references import keep_references

__all__ = ["NewEntry", "add_entry"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry as somebody asks for it.

    Attributes:
        entry_id: its name.
        pictures: of the person.
        origin: `CHOSEN`, or the confirmed candidate whose faces serve as pictures.
        basis: why this person may be looked for.
        expires_utc: when the entry ends.
    """

    entry_id: str
    pictures: Sequence[Picture]
    origin: str
    basis: str
    expires_utc: datetime


def add_entry(
    case: Case,
    files: DecidingFiles,
    wanted: NewEntry,
    *,
    models_for: Callable[[], FaceModels],
    key_for: Callable[[], Key],
    now: datetime,
    who: str,
) -> Entry:
    """The entry lies in the watch-list, its pictures and template sealed; the caller holds the case's lock.

    Raises:
        UsageError: something about the entry or one of its pictures is wrong, and what; the pictures show two
            people; one of them is another entry's.
        NotAuthorised: the case compares no faces, or its list is full.
    """
    _check_entry(case, wanted, now)
    _refuse_known(case.folder, wanted.pictures)
    key, models = key_for(), models_for()
    folder = case.folder.watchlist / wanted.entry_id
    references = keep_references(folder, wanted.pictures, models, key, all_of_them=wanted.origin == CHOSEN)
    described = tuple(each.described() for each in references)
    entry = Entry(wanted.entry_id, wanted.basis.strip(), wanted.expires_utc, now, who, wanted.origin, described)
    stored = {
        "basis": entry.basis,
        "expires_utc": entry.expires_utc.isoformat(),
        "added_utc": now.isoformat(),
        "added_by": who,
        "origin": entry.origin,
        "pictures": list(entry.pictures),
    }
    files.write(folder / "entry.json", encoded_json(stored))
    return entry


def _refuse_known(folder: CaseFolder, pictures: Sequence[Picture]) -> None:
    """One picture under two names would make each the other's best rival, and the list longer than it is."""
    owners = {known["sha256"]: entry.entry_id for entry in entries_of(folder) for known in entry.pictures}
    for picture in pictures:
        owner = owners.get(sha256_of_bytes(picture.data))
        if owner is not None:
            raise UsageError(
                f"is a reference of entry {owner} already",
                "one person is one entry; give other pictures",
                picture.name,
            )


def _check_entry(case: Case, wanted: NewEntry, now: datetime) -> None:
    mode, ends = case.mandate.mode, case.mandate.expires_utc
    entry_id, expires_utc = wanted.entry_id, wanted.expires_utc
    if not mode.compares_faces:
        raise NotAuthorised(
            f"a case in mode {mode.value} has no watch-list", "make a case with --mode search or --mode missing"
        )
    if not _NAME.fullmatch(entry_id):
        raise UsageError(f"{entry_id!r} is no name of an entry", "use up to 64 letters, digits, dots and hyphens")
    if not wanted.basis.strip():
        raise UsageError("the basis is empty", "say with --basis why this person may be looked for")
    if expires_utc <= now:
        raise UsageError(f"--expires {last_day_text(expires_utc)} is over", "state when the entry ends")
    if ends is not None and expires_utc > ends:
        raise UsageError(f"the entry would outlive the case, whose last day is {last_day_text(ends)}", "end it earlier")
    known = entries_of(case.folder)
    if any(entry.entry_id.casefold() == entry_id.casefold() for entry in known):
        raise UsageError(f"there is an entry {entry_id} already", "choose another name")
    if entry_id.casefold() in _former_names(case.folder):
        raise UsageError(
            f"there was an entry {entry_id}, and verdicts may name it",
            "choose another name: one name stands for the same pictures for ever",
        )
    if len(known) >= case.watchlist_limit:
        raise NotAuthorised(
            f"the watch-list has {len(known)} entries, the case allows {case.watchlist_limit}",
            "remove one, or raise it on record: forensics case policy CASE --watchlist-limit N --reason TEXT",
        )


def _former_names(folder: CaseFolder) -> set[str]:
    """Of entries whose pictures were destroyed, as they are compared."""
    paths = (Path(path) for path in certified(folder))
    return {path.parts[1].casefold() for path in paths if path.is_relative_to(folder.watchlist.name)}
