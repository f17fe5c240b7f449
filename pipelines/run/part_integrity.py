"""Integrity of stored parts: which of them a run may use.

A part of published tables must be unchanged: its run's inventory lists its digest, and the log registers the digest of
the inventory. A part of a run that has not yet published must be as its record says, and other runs do not reuse it
(`pipelines/custody/part_records.py`). Without these checks, the next run would publish an altered part as if a worker
had made it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from forensics.custody.case_folder import CaseFolder, RunFolder
from forensics.custody.log import read_chain
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.faults import Fault
from forensics.json_object import JsonObject
from forensics.tables.run_inventory import read_inventory
from pipelines.custody.deciding_files import find_altered_files

__all__ = ["PartChecker"]

_SEALED: Final = "recognise"
_STAGES: Final = ("detect", "track", "audit", "sight", "recognise")
_CHANGED: Final = "has changed since it was written (other bytes than those that tables were made of)"
_NOT_AS_STORED: Final = "has changed since it was written (other bytes than those that were stored)"
_UNRECORDED: Final = "was not stored by this installation, as far as its record says"


@dataclass(frozen=True, slots=True)
class PartChecker:
    """Checks stored parts of a case against the inventories of its runs.

    Attributes:
        known: digest of every part in an inventory that the log registers.
        distrusted: fault of each inventory that differs from the log, by the run's folder.
        recorded: digest of every part that the run itself has stored.
    """

    known: dict[Path, str] = field(default_factory=dict)
    distrusted: dict[Path, Fault] = field(default_factory=dict)
    recorded: dict[Path, str] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: CaseFolder, recorded: dict[Path, str]) -> "PartChecker":
        """Read the inventories of all runs of a case, and check them against its log.

        Args:
            folder: the case.
            recorded: what the record of the run in question says, see `PartRecords.load`.
        """
        checker = cls(recorded=recorded)
        for run in folder.run_folders():
            name = run.parts_list.relative_to(folder.root).as_posix()
            altered = find_altered_files(folder, lambda: read_chain(folder.audit_file).lines, (name,))
            if altered:
                checker.distrusted[run.root] = altered[0]
            elif run.parts_list.exists():
                checker.known.update(read_inventory(run))
        return checker

    def find_fault(self, path: Path) -> str:
        """Return why a part must not be used; empty if it may be used.

        Compared faces need no record: without the key nobody can change them, and those of decided candidates are kept
        when another installation goes on with the case.
        """
        if path in self.known:
            return "" if sha256_of_file(path) == self.known[path] else _CHANGED
        if path in self.recorded:
            return "" if sha256_of_file(path) == self.recorded[path] else _NOT_AS_STORED
        return "" if path.parent.name == _SEALED else _UNRECORDED

    def may_reuse(self, path: Path) -> bool:
        """Whether another run may reuse this part: published tables were made of it, and it is unchanged since."""
        return path in self.known and not self.find_fault(path)

    def remove_faulty(self, run: RunFolder, note: Callable[[str, JsonObject], None]) -> tuple[str, ...]:
        """Log and delete the faulty parts of a run, so that they are made again; returns a message for each.

        Missing parts are logged as well, except those of the stage `recognise`, which are destroyed on request.

        Args:
            run: the run that is about to start.
            note: writes a note to the case's log.

        Raises:
            IntegrityBroken: the inventory differs from the log, so that its parts cannot be checked; or the chunk
                boundaries have changed since tables were made from them.
            OSError: a part cannot be read from the disk.
        """
        if run.root in self.distrusted and any(_stored_parts(run)):
            raise self.distrusted[run.root].to_error(_next_step(run))
        for path in sorted(run.plan.glob("*.json")):
            if path in self.known and sha256_of_file(path) != self.known[path]:
                problem = "the chunk boundaries have changed since tables were made from them"
                raise IntegrityBroken(problem, _next_step(run), path)
        missing = tuple(_note_missing(run, path, self.known[path], note) for path in self._missing_parts(run))
        return missing + tuple(
            _remove(run, path, fault, note) for path in _stored_parts(run) if (fault := self.find_fault(path))
        )

    def _missing_parts(self, run: RunFolder) -> list[Path]:
        folders = {run.parts_folder(stage) for stage in _STAGES if stage != _SEALED}
        return sorted(path for path in self.known if path.parent in folders and not path.exists())


def _next_step(run: RunFolder) -> str:
    return f"restore the file from a backup, or move {run.root} to another place and run again"


def _stored_parts(run: RunFolder) -> Iterator[Path]:
    for stage in _STAGES:
        yield from run.parts(stage)


def _note_missing(run: RunFolder, path: Path, sha256: str, note: Callable[[str, JsonObject], None]) -> str:
    name = path.relative_to(run.case_root).as_posix()
    note("part_gone", {"path": name, "sha256": sha256})
    return f"{name}: was missing; it is made again"


def _remove(run: RunFolder, path: Path, fault: str, note: Callable[[str, JsonObject], None]) -> str:
    name = path.relative_to(run.case_root).as_posix()
    note("part_broken", {"path": name, "sha256": sha256_of_file(path), "fault": fault})
    path.unlink()
    return f"{name}: {fault}; it is made again"
