"""Which stored parts a run may build on.

A part that published tables were made of must be what it was then: its digest stands in the list of its run, and the
digest of that list in the log. Whoever alters a part would else have it published by the next run, as if a worker had
made it. Parts of a run that has published nothing yet must at least be whole tables; no other run takes them over.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from forensics.custody.case_folder import CaseFolder, RunFolder
from forensics.custody.log import read_chain
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.tables.files import fault_in_table
from forensics.tables.run_inventory import parts_named
from forensics.tables.schemas import AUDIT_PART, DETECT_PART, RECOGNISE_PART, SIGHT_PART, TRACK_PART
from pipelines.custody.deciding_files import alterations

__all__ = ["PartChecker"]

_SCHEMAS: Final = {
    "detect": DETECT_PART,
    "track": TRACK_PART,
    "audit": AUDIT_PART,
    "sight": SIGHT_PART,
    "recognise": RECOGNISE_PART,
}
_CHANGED: Final = "other bytes than those that tables were made of"


@dataclass(frozen=True, slots=True)
class PartChecker:
    """What is known of the parts of a case.

    Attributes:
        known: the digest of every part that a list names, if the log knows the list.
        doubted: what is wrong with each run whose list is not what the log knows, by the run's folder.
    """

    known: dict[Path, str] = field(default_factory=dict)
    doubted: dict[Path, str] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: CaseFolder) -> "PartChecker":
        """Read the lists of all runs of a case, and hold them against its log."""
        guard = cls()
        for root in sorted(path for path in folder.runs.glob("*") if path.is_dir()):
            run = folder.run(root.name)
            name = run.parts_list.relative_to(folder.root).as_posix()
            altered = alterations(folder, lambda: read_chain(folder.audit_file).lines, (name,))
            if altered:
                guard.doubted[root] = altered[0]
            elif run.parts_list.exists():
                guard.known.update(parts_named(run))
        return guard

    def fault_in(self, path: Path) -> str:
        """Why nothing may be built on a part; empty if it may."""
        if path in self.known:
            return "" if sha256_of_file(path) == self.known[path] else _CHANGED
        return fault_in_table(path, _SCHEMAS[path.parent.name])

    def may_adopt(self, path: Path) -> bool:
        """Whether another run may take over this part: tables were made of it, and it is what it was then."""
        return path in self.known and not self.fault_in(path)

    def clear(self, run: RunFolder, note: Callable[[str, dict[str, Any]], None]) -> tuple[str, ...]:
        """Parts of a run that may not be built on are on record and gone, so that they are made again; in words.

        So are those that are gone already, unless faces were compared in them: these are destroyed on request.

        Args:
            run: that is about to work.
            note: puts a note into the case's log.

        Raises:
            IntegrityBroken: its list of parts is not what the log knows, so nobody can tell which parts are; or its
                chunk boundaries are others than those that tables were made of.
            OSError: the disk does not give a part.
        """
        if run.root in self.doubted and any(_parts_of(run)):
            raise IntegrityBroken(
                self.doubted[run.root], f"restore it from a copy, or move {run.root} away: the run is made again"
            )
        for path in sorted(run.plan.glob("*.json")):
            if path in self.known and sha256_of_file(path) != self.known[path]:
                raise IntegrityBroken(
                    f"{_CHANGED}", f"restore it from a copy, or move {run.root} away: the run is made again", path
                )
        gone = tuple(_missed(run, path, self.known[path], note) for path in self._gone_of(run))
        return gone + tuple(
            _cleared(run, path, fault, note) for path in _parts_of(run) if (fault := self.fault_in(path))
        )

    def _gone_of(self, run: RunFolder) -> list[Path]:
        parts = run.root / "parts"
        places = {parts / stage for stage in _SCHEMAS if stage != "recognise"}
        return sorted(path for path in self.known if path.parent in places and not path.exists())


def _parts_of(run: RunFolder) -> Iterator[Path]:
    for stage in _SCHEMAS:
        yield from sorted((run.root / "parts" / stage).glob("[!.]*.parquet"))


def _missed(run: RunFolder, path: Path, sha256: str, note: Callable[[str, dict[str, Any]], None]) -> str:
    name = path.relative_to(run.case_root).as_posix()
    note("part_gone", {"path": name, "sha256": sha256})
    return f"{name}: was gone; it is made again"


def _cleared(run: RunFolder, path: Path, fault: str, note: Callable[[str, dict[str, Any]], None]) -> str:
    name = path.relative_to(run.case_root).as_posix()
    note("part_broken", {"path": name, "sha256": sha256_of_file(path), "fault": fault})
    path.unlink()
    return f"{name}: was not what had been written ({fault}); it is made again"
