"""Entries of a watch-list. Without the key of the case only their number and their ends can be read.

The folder of an entry is named by a keyed reference to its name. `entry.json` in it holds the end of the entry, so that
it is removed on time, and sealed all that says whom the case searches for.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from forensics.custody.case_document import Case
from forensics.custody.case_folder import CaseFolder
from forensics.custody.sealer import Sealer
from forensics.digests import canonical_json
from forensics.errors import UsageError
from forensics.json_object import JsonObject, decode_json
from forensics.tables.files import encode_json
from pipelines.custody.entry_additions import added_entries
from pipelines.custody.keys import key_of

__all__ = [
    "ORIGIN_CANDIDATE",
    "ORIGIN_PICTURES",
    "Entry",
    "decode_entry",
    "encode_entry",
    "entry_folder",
    "expired_entries",
    "find_entry",
    "find_incomplete_entries",
    "load_entries",
    "people_of",
    "read_entry",
    "remove_incomplete_entries",
    "stored_pictures",
]

ORIGIN_PICTURES: Final = "pictures"
"""Origin of an entry whose pictures were chosen by a person."""

ORIGIN_CANDIDATE: Final = "candidate "
"""Start of the origin of every other entry; ``SIGHTING:ENTRY`` follows."""

_CONTEXT: Final = "entry of the watch-list"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the watch-list: a person to search for.

    Attributes:
        folder: its folder in the watch-list.
        entry_id: id in `candidates`; a number, a code word or a name.
        basis: reason why the case may search for this person.
        expires_utc: end of the entry.
        added_utc, added_by: time of adding and user who added it.
        origin: `ORIGIN_PICTURES`, or the confirmed candidate whose faces are the reference pictures.
        pictures: SHA-256 and face quality of each reference picture.
    """

    folder: Path
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


def entry_folder(folder: CaseFolder, key: Sealer, entry_id: str) -> Path:
    """Return the folder of an entry; names that differ in case only have the same one."""
    return folder.watchlist / key.reference("entry", entry_id.casefold())


def encode_entry(entry: Entry, key: Sealer) -> bytes:
    """Encode an entry as it is stored."""
    stored = {
        "entry": entry.entry_id,
        "basis": entry.basis,
        "added_utc": entry.added_utc.isoformat(),
        "added_by": entry.added_by,
        "origin": entry.origin,
        "pictures": list(entry.pictures),
    }
    sealed = key.seal(canonical_json(stored).encode(), _CONTEXT).hex()
    return encode_json({"expires_utc": entry.expires_utc.isoformat(), "sealed": sealed})


def load_entries(case: Case) -> list[Entry]:
    """Read all entries, by id.

    Raises:
        NotAuthorised: the key of the case cannot be used.
    """
    paths = case.folder.entry_files()
    key = key_of(case) if paths else None
    return sorted((read_entry(path.parent, key) for path in paths if key), key=lambda entry: entry.entry_id)


def read_entry(folder: Path, key: Sealer) -> Entry:
    """Read the entry in a folder of the watch-list."""
    outer = decode_json((folder / "entry.json").read_text())
    stored = {**outer, **decode_json(key.unseal(bytes.fromhex(outer["sealed"]), _CONTEXT))}
    return decode_entry(folder, stored["entry"], stored)


def stored_pictures(folder: Path, key: Sealer | None) -> set[str]:
    """Return the SHA-256 of the pictures of the entry in a folder; none if they are sealed and there is no key.

    Versions before 0.3 stored them in clear.
    """
    stored = decode_json((folder / "entry.json").read_text())
    if "sealed" in stored:
        stored = {} if key is None else decode_json(key.unseal(bytes.fromhex(stored["sealed"]), _CONTEXT))
    return {str(picture["sha256"]) for picture in stored.get("pictures", ())}


def decode_entry(folder: Path, entry_id: str, stored: JsonObject) -> Entry:
    """Return the entry with these decrypted fields."""
    return Entry(
        folder=folder,
        entry_id=entry_id,
        basis=stored["basis"],
        expires_utc=datetime.fromisoformat(stored["expires_utc"]),
        added_utc=datetime.fromisoformat(stored["added_utc"]),
        added_by=stored["added_by"],
        origin=stored["origin"],
        pictures=tuple(stored["pictures"]),
    )


def find_entry(case: Case, entry_id: str) -> Entry:
    """Read one entry.

    Raises:
        UsageError: there is no entry with this id.
        NotAuthorised: the key of the case cannot be used.
    """
    entries = {entry.entry_id: entry for entry in load_entries(case)}
    if entry_id not in entries:
        raise UsageError(
            f"the watch-list has no entry {entry_id!r}",
            f"choose one of its entries: {', '.join(entries) if entries else 'there are none'}",
        )
    return entries[entry_id]


def expired_entries(folder: CaseFolder, now: datetime) -> list[Path]:
    """Return the folders of the entries that have ended at `now`."""
    ends = {path.parent: decode_json(path.read_text())["expires_utc"] for path in folder.entry_files()}
    return [path for path, end in ends.items() if datetime.fromisoformat(end) <= now]


def people_of(case: Case, entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the first entry of the same person for each of these entries, in their order.

    An entry made from a confirmed candidate shows the same person as the entry of that candidate, which two reviewers
    confirmed. The chain of candidates may lead through removed entries, whose origin is in the log.
    """
    parents = {entry.entry_id: entry.candidate[1] for entry in entries if entry.candidate is not None}
    if not parents:
        return tuple(entry.entry_id for entry in entries)
    for facts in (each.facts for each in added_entries(case)):
        if facts.get("origin", "").startswith(ORIGIN_CANDIDATE):
            parents.setdefault(facts["entry"], facts["origin"].rpartition(":")[2])
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
