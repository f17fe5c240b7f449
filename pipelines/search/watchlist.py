"""Adds entries to the watch-list of a case, each with a legal basis, a last day and encrypted reference pictures."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from forensics.adapters.crypto.case_key import Key
from forensics.adapters.faces.face_models import FaceModels
from forensics.custody.case_document import Case
from forensics.digests import sha256_of_bytes
from forensics.errors import NotAuthorised, UsageError
from forensics.spelling import fault_in_statement
from forensics.wording import counted
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.earlier_denials import refuse_denied_pictures
from pipelines.custody.entries import (
    ORIGIN_PICTURES,
    Entry,
    encode_entry,
    entry_folder,
    load_entries,
)
from pipelines.custody.entry_additions import added_entries, count_additions, note_addition
from pipelines.custody.mandate_text import last_day_text
from pipelines.search.reference_checks import (
    measure_references,
    refuse_copies_of_entries,
    refuse_frames_of_footage,
    refuse_several_people,
)
from pipelines.search.reference_pictures import Picture
from pipelines.search.references import load_compared_people, store_references

__all__ = ["NewEntry", "add_entry"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A requested entry, not yet checked.

    Attributes:
        entry_id: name of the entry.
        pictures: pictures of the person.
        origin: `ORIGIN_PICTURES`, or `ORIGIN_CANDIDATE` and the confirmed candidate whose faces are the pictures.
        basis: reason why the case may search for this person.
        expires_utc: end of the entry.
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
    """Add an entry to the watch-list and encrypt its pictures and template; the caller holds the case's lock.

    Args:
        case: the case, in a mode that compares faces.
        files: writes the entry's file.
        wanted: the requested entry.
        models_for: resolves the face models; called only after the cheap checks.
        key_for: loads the case's key; called only after the cheap checks.
        now: current time, UTC.
        who: name of the operating-system user.

    Raises:
        UsageError: a value or picture of the entry is invalid, the pictures show two people, or a picture belongs to
            another entry.
        NotAuthorised: the case does not compare faces, its watch-list is full, a picture is from the footage, or a
            denied case used it.
    """
    _check_entry(case, wanted, now)
    _refuse_duplicates(case, wanted.pictures)
    refuse_denied_pictures(case, files.note, {sha256_of_bytes(picture.data) for picture in wanted.pictures})
    key, models = key_for(), models_for()
    folder = entry_folder(case.folder, key, wanted.entry_id)
    is_chosen = wanted.origin == ORIGIN_PICTURES
    references, faces = measure_references(wanted.pictures, models, require_all=is_chosen)
    if is_chosen:
        known = load_compared_people(case, key, models, files, now=now)
        refuse_copies_of_entries(references, faces, models, known.references)
        refuse_frames_of_footage(references, faces, models, case.folder, key)
    note_addition(files, folder.name, len(references))
    refuse_several_people(faces, len(references), models)
    store_references(folder, references, faces, models, key, files)
    pictures = tuple(each.describe() for each in references)
    basis = wanted.basis.strip()
    entry = Entry(folder, wanted.entry_id, basis, wanted.expires_utc, now, who, wanted.origin, pictures)
    files.write(case.folder.entry_file(folder.name), encode_entry(entry, key))
    return entry


def _refuse_duplicates(case: Case, pictures: Sequence[Picture]) -> None:
    """Check that no picture belongs to another entry.

    With one picture in two entries, each would be the best competitor of the other, and the list would count as longer
    than it is.

    Raises:
        UsageError: a picture belongs to another entry.
    """
    owners = {known["sha256"]: entry.entry_id for entry in load_entries(case) for known in entry.pictures}
    for picture in pictures:
        owner = owners.get(sha256_of_bytes(picture.data))
        if owner is not None:
            raise UsageError(
                f"is already a reference picture of entry {owner}",
                "use one entry for each person, and give other pictures",
                picture.name,
            )


def _check_entry(case: Case, wanted: NewEntry, now: datetime) -> None:
    """Check name, basis, last day and number of entries.

    Raises:
        UsageError: one of them is invalid.
        NotAuthorised: the case does not compare faces, or its watch-list is full.
    """
    mode, ends = case.mandate.mode, case.mandate.expires_utc
    entry_id, expires_utc = wanted.entry_id, wanted.expires_utc
    if not mode.compares_faces:
        raise NotAuthorised(
            f"a case in mode {mode.value} has no watch-list", "create a case with --mode search or --mode missing"
        )
    if not _NAME.fullmatch(entry_id):
        raise UsageError(
            f"{entry_id!r} is not a valid entry name",
            "use 1 to 64 letters, digits, dots, hyphens and underscores, with a letter or digit first",
        )
    fault = fault_in_statement(wanted.basis)
    if fault:
        raise UsageError(f"the basis {fault}", "give the reason why this person may be searched for: --basis TEXT")
    if expires_utc <= now:
        raise UsageError(f"--expires {last_day_text(expires_utc)} is in the past", "give a later day")
    if ends is not None and expires_utc > ends:
        raise UsageError(
            f"the last day of the entry is after the last day of the case, {last_day_text(ends)}",
            "give an earlier day with --expires",
        )
    known = load_entries(case)
    if any(entry.entry_id.casefold() == entry_id.casefold() for entry in known):
        raise UsageError(f"an entry named {entry_id} already exists", "choose another name")
    ever_added = added_entries(case)
    if entry_id.casefold() in {str(each.facts.get("entry", "")).casefold() for each in ever_added}:
        raise UsageError(
            f"the name {entry_id} belonged to an entry that was removed or not finished, and verdicts may refer to it",
            "choose another name",
        )
    n_added = count_additions(case)
    if n_added >= case.watchlist_limit:
        raise NotAuthorised(
            f"{counted(n_added, 'entry was', 'entries were')} added to this case over its life, "
            f"the case allows {case.watchlist_limit}",
            "raise the limit: forensics case policy CASE --watchlist-limit N --reason TEXT",
        )
