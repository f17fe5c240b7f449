"""Entries of a watch-list, as far as they can be read without the key of the case.

`watchlist/<entry>/entry.json` holds the basis, the end and the picture quality of each entry.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.errors import UsageError
from forensics.json_object import JsonObject

__all__ = [
    "ORIGIN_CANDIDATE",
    "ORIGIN_PICTURES",
    "Entry",
    "expired_entries",
    "find_entry",
    "find_incomplete_entries",
    "load_entries",
    "people_of",
    "remove_incomplete_entries",
]

ORIGIN_PICTURES: Final = "pictures"
"""Origin of an entry whose pictures were chosen by a person."""

ORIGIN_CANDIDATE: Final = "candidate "
"""Start of the origin of every other entry; ``SIGHTING:ENTRY`` follows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the watch-list: a person to search for.

    Attributes:
        entry_id: id in `candidates`; a number, a code word or a name.
        basis: reason why the case may search for this person.
        expires_utc: end of the entry.
        added_utc, added_by: time of adding and user who added it.
        origin: `ORIGIN_PICTURES`, or the confirmed candidate whose faces are the reference pictures.
        pictures: SHA-256 and face quality of each reference picture.
    """

    entry_id: str
    basis: str
    expires_utc: datetime
    added_utc: datetime
    added_by: str
    origin: str
    pictures: tuple[JsonObject, ...]

    @property
    def candidate(self) -> tuple[str, str] | None:
        """Sighting and entry of the confirmed candidate that it was made from; None if its pictures were chosen."""
        if not self.origin.startswith(ORIGIN_CANDIDATE):
            return None
        sighting_id, _, entry_id = self.origin.removeprefix(ORIGIN_CANDIDATE).partition(":")
        return sighting_id, entry_id


def load_entries(folder: CaseFolder) -> list[Entry]:
    """Read all entries, by id."""
    return [_read(path) for path in folder.entry_files()]


def _read(path: Path) -> Entry:
    stored = json.loads(path.read_text())
    return Entry(
        entry_id=path.parent.name,
        basis=stored["basis"],
        expires_utc=datetime.fromisoformat(stored["expires_utc"]),
        added_utc=datetime.fromisoformat(stored["added_utc"]),
        added_by=stored["added_by"],
        origin=stored["origin"],
        pictures=tuple(stored["pictures"]),
    )


def find_entry(folder: CaseFolder, entry_id: str) -> Entry:
    """Read one entry.

    Raises:
        UsageError: there is no entry with this id.
    """
    entries = {entry.entry_id: entry for entry in load_entries(folder)}
    if entry_id not in entries:
        raise UsageError(
            f"the watch-list has no entry {entry_id!r}",
            f"choose one of its entries: {', '.join(entries) if entries else 'there are none'}",
        )
    return entries[entry_id]


def expired_entries(folder: CaseFolder, now: datetime) -> list[str]:
    """Return the ids of the entries that have ended at `now`."""
    return [entry.entry_id for entry in load_entries(folder) if entry.expires_utc <= now]


def people_of(folder: CaseFolder, entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the first entry of the same person for each of these entries, in their order.

    An entry made from a confirmed candidate shows the same person as the entry of that candidate, which two reviewers
    confirmed. The chain of candidates may lead through removed entries, whose origin is in the log.
    """
    parents = {entry.entry_id: entry.candidate[1] for entry in entries if entry.candidate is not None}
    if not parents:
        return tuple(entry.entry_id for entry in entries)
    lines = read_chain(folder.audit_file).lines
    done = {line.of for line in lines if line.kind == "end" and line.facts.get("exit_code") == 0}
    for line in lines:
        origin = str(line.facts.get("origin", ""))
        if line.command == "watchlist add" and line.number in done and origin.startswith(ORIGIN_CANDIDATE):
            parents.setdefault(line.facts["entry"], origin.rpartition(":")[2])
    return tuple(_follow_parents(entry.entry_id, parents) for entry in entries)


def _follow_parents(entry_id: str, parents: Mapping[str, str]) -> str:
    """Return the last entry of the chain of parents; stop before a circle."""
    chain = [entry_id]
    while chain[-1] in parents and parents[chain[-1]] not in chain:
        chain.append(parents[chain[-1]])
    return chain[-1]


def find_incomplete_entries(folder: CaseFolder) -> list[Path]:
    """Return the folders of entries whose `entry.json` is missing, because a command was killed while adding them."""
    if folder.watchlist.is_symlink():
        return []
    folders = [path for path in sorted(folder.watchlist.glob("*")) if path.is_dir() and not path.is_symlink()]
    return [path for path in folders if not folder.entry_file(path.name).exists()]


def remove_incomplete_entries(folder: CaseFolder) -> None:
    """Remove the folders of incomplete entries. The caller holds the lock of the case."""
    for path in find_incomplete_entries(folder):
        shutil.rmtree(path)
