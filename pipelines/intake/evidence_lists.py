"""Lists of evidence and sources of a case while a command adds to them, saved now and then and at the end.

A save writes both lists whole, so its cost grows with the number of files. Saved after each file, the cost of a folder
would grow with the square of its files. `PacedSaving` lets saving take a small share of the time, whatever the number:
a killed command loses a few seconds of work, which the same command does again.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from forensics.custody.case_folder import CaseFolder
from forensics.digests import sha256_of_file
from forensics.footage.evidence import Evidence, Source
from forensics.place import Place
from forensics.tables.evidence import load_evidence, load_sources, sources_table, stored_evidence_table
from forensics.tables.files import encode_table
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.intake.ingest_item import IngestItem

__all__ = ["EvidenceLists", "PacedSaving"]

_SHORTEST_PAUSE_S: Final = 5.0
# Saving takes at most one part in this many of the time.
_PAUSE_PER_SAVE: Final = 20

_PathAndCamera = tuple[Place, str]
_SourceKey = tuple[Place, str, str | None]


@dataclass(slots=True)
class EvidenceLists:
    """The lists of evidence and sources of a case, in memory.

    Attributes:
        folder: folder of the case.
        evidence: by id.
        scratch: folder laid out like a case, for packet indexes and working copies that must not be written to the
            case; None to write them there.
        items: what the command has named so far, by evidence id.
    """

    folder: CaseFolder
    evidence: dict[str, Evidence]
    scratch: CaseFolder | None = None
    items: dict[str, list[IngestItem]] = field(default_factory=dict)
    _sources: dict[_SourceKey, Source] = field(default_factory=dict)
    _keys: dict[_PathAndCamera, list[_SourceKey]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: CaseFolder, scratch: CaseFolder | None = None) -> "EvidenceLists":
        """Read the lists of a case."""
        lists = cls(folder, {item.evidence_id: item for item in load_evidence(folder)}, scratch)
        lists._append(load_sources(folder))
        return lists

    @property
    def new_files(self) -> CaseFolder:
        """Where packet indexes and working copies of new evidence are written."""
        return self.scratch or self.folder

    def is_stored(self, known: Evidence) -> bool:
        """Whether index and working copy are unchanged since they were written. Otherwise they are made again."""
        if self.scratch is not None and self.scratch.index_file(known.evidence_id).exists():
            return True
        readable = known.readable
        if readable is None or _digest_if_present(self.folder.index_file(known.evidence_id)) != readable.index_sha256:
            return False
        return readable.working_copy_sha256 in (None, _digest_if_present(readable.footage.path))

    @property
    def sources(self) -> list[Source]:
        """All sources, in the order given."""
        return list(self._sources.values())

    def _append(self, sources: Iterable[Source]) -> None:
        for source in sources:
            key = (source.path, source.camera_id, source.evidence_id)
            self._sources.pop(key, None)
            self._sources[key] = source
            keys = self._keys.setdefault(key[:2], [])
            keys[:] = [*(each for each in keys if each != key), key]

    def add_source(self, source: Source) -> Source:
        """Add a source, or replace the one of the same evidence, path and camera; return it as it is listed.

        If the path had other bytes before, both sources stay. If it cannot be read this time but could be before, the
        earlier source stays.
        """
        earlier = self._keys.get((source.path, source.camera_id), [])
        if source.evidence_id is None and any(evidence_id for _, _, evidence_id in earlier):
            return source
        others = [key for key in earlier if key[2] not in (None, source.evidence_id)]
        if others:
            note = f"other bytes were given here before: evidence {others[-1][2]}"
            source = replace(source, reason="; ".join(filter(None, (source.reason, note))))
        for key in earlier:
            if key not in others:
                del self._sources[key]
        self._keys[source.path, source.camera_id] = others
        self._append([source])
        return source

    def set_camera(self, sources: Iterable[Source], camera_id: str) -> None:
        """State another camera for sources, for their evidence, and for all other paths of that evidence."""
        ids, unread = {each.evidence_id for each in sources} - {None}, set(sources)
        stated = [
            replace(each, camera_id=camera_id) if each.evidence_id in ids or each in unread else each
            for each in self.sources
        ]
        self._sources, self._keys = {}, {}
        self._append(stated)
        for known in [item for item in self.evidence.values() if item.evidence_id in ids]:
            first = "" if known.id_camera == camera_id else known.id_camera
            self.evidence[known.evidence_id] = replace(known, camera_id=camera_id, first_camera_id=first)

    def save(self, files: DecidingFiles) -> None:
        """Write both lists, with notes in the log."""
        evidence = stored_evidence_table(self.folder, list(self.evidence.values()))
        lists = {self.folder.evidence_file: evidence, self.folder.sources_file: sources_table(self.sources)}
        files.write_together({path: encode_table(table) for path, table in lists.items()})


def _digest_if_present(path: Place) -> str:
    return sha256_of_file(path) if isinstance(path, Path) and path.is_file() else ""


class PacedSaving:
    """Saves the lists when it is time, and at the end of a block however it ends.

    Args:
        lists: what is saved.
        files: writes the lists; the caller holds the lock of the case.
    """

    def __init__(self, lists: EvidenceLists, files: DecidingFiles) -> None:
        self._lists = lists
        self._files = files
        self._due = time.monotonic() + _SHORTEST_PAUSE_S

    def save_if_due(self) -> None:
        """Save, unless the last save was a short while ago for what it cost."""
        started = time.monotonic()
        if started >= self._due:
            self._lists.save(self._files)
            ended = time.monotonic()
            self._due = ended + max(_SHORTEST_PAUSE_S, _PAUSE_PER_SAVE * (ended - started))

    @contextmanager
    def until_saved(self) -> Iterator[None]:
        """Save at the end of the block, also after an error or Ctrl-C."""
        try:
            yield
        finally:
            self._lists.save(self._files)
