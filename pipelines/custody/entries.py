"""Who is looked for: what may be read of the entries of a watch-list without the case's key.

What `watchlist/<entry>/entry.json` says of each: its basis, its end, and what was good about its pictures.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.errors import UsageError

__all__ = [
    "CHOSEN",
    "FROM_CANDIDATE",
    "Entry",
    "entries_of",
    "entry_named",
    "expired_entries",
    "forget_half_added",
    "half_added",
    "people_of",
]

CHOSEN: Final = "pictures"
"""The origin of an entry whose pictures a person chose."""

FROM_CANDIDATE: Final = "candidate "
"""What the origin of every other entry begins with; ``SIGHTING:ENTRY`` follows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody who is looked for.

    Attributes:
        entry_id: its name in `candidates`; a number or a code word serves as well as a name.
        basis: why this person may be looked for.
        expires_utc: when the entry ends.
        added_utc, added_by: when and by whom it was added.
        origin: `CHOSEN`, or the confirmed candidate whose faces serve as pictures.
        pictures: for each reference picture its SHA-256 and the quality of the face in it.
    """

    entry_id: str
    basis: str
    expires_utc: datetime
    added_utc: datetime
    added_by: str
    origin: str
    pictures: tuple[dict[str, Any], ...]

    @property
    def candidate(self) -> tuple[str, str] | None:
        """The sighting and the entry of the confirmed candidate that its faces are of; None where people chose."""
        if not self.origin.startswith(FROM_CANDIDATE):
            return None
        sighting_id, _, entry_id = self.origin.removeprefix(FROM_CANDIDATE).partition(":")
        return sighting_id, entry_id


def entries_of(folder: CaseFolder) -> list[Entry]:
    """All entries, by id."""
    return [_read(path) for path in sorted(folder.watchlist.glob("*/entry.json"))]


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


def entry_named(folder: CaseFolder, entry_id: str) -> Entry:
    """One entry.

    Raises:
        UsageError: there is none of this name, and which there are.
    """
    entries = {entry.entry_id: entry for entry in entries_of(folder)}
    if entry_id not in entries:
        raise UsageError(
            f"the watch-list has no entry {entry_id!r}", f"it has: {', '.join(entries) if entries else 'none'}"
        )
    return entries[entry_id]


def expired_entries(folder: CaseFolder, now: datetime) -> list[str]:
    """Ids of the entries that have ended."""
    return [entry.entry_id for entry in entries_of(folder) if entry.expires_utc <= now]


def people_of(folder: CaseFolder, entries: Sequence[Entry]) -> tuple[str, ...]:
    """Who each entry is of, in their order: the entry from which, candidate by candidate, it was made.

    Two people said of each of those candidates that it is the person of its entry. The log knows the origin of entries
    that are on the list no more.
    """
    parents = {entry.entry_id: entry.candidate[1] for entry in entries if entry.candidate is not None}
    if not parents:
        return tuple(entry.entry_id for entry in entries)
    lines = read_chain(folder.audit_file).lines
    done = {line.of for line in lines if line.kind == "end" and line.facts.get("exit_code") == 0}
    for line in lines:
        origin = str(line.facts.get("origin", ""))
        if line.command == "watchlist add" and line.number in done and origin.startswith(FROM_CANDIDATE):
            parents.setdefault(line.facts["entry"], origin.rpartition(":")[2])
    return tuple(_first(entry.entry_id, parents) for entry in entries)


def _first(entry_id: str, parents: Mapping[str, str]) -> str:
    """The end of the chain; of names that would lead in a circle, the first."""
    chain = [entry_id]
    while chain[-1] in parents and parents[chain[-1]] not in chain:
        chain.append(parents[chain[-1]])
    return chain[-1]


def half_added(folder: CaseFolder) -> list[Path]:
    """Folders of entries that a dying command left without saying who is meant: sealed pictures of nobody."""
    if folder.watchlist.is_symlink():
        return []
    folders = [path for path in sorted(folder.watchlist.glob("*")) if path.is_dir() and not path.is_symlink()]
    return [path for path in folders if not (path / "entry.json").exists()]


def forget_half_added(folder: CaseFolder) -> None:
    """They are gone; the caller holds the case's lock."""
    for path in half_added(folder):
        shutil.rmtree(path)
