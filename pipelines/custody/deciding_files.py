"""Files that decide something, registered in the log: written together with a log line, and compared with the log.

In a case that compares faces, every command checks all registered files against the log. In every other case, a command
checks the lists of evidence, because they decide which footage a run processes. A new run writes records and manifests
again, so in such a case only `verify` checks them.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import LogLine, read_chain
from forensics.custody.registered_files import ABSENT, WRITES, WROTE, accepted_contents, unsettled_files
from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.faults import Fault, FaultKind
from forensics.json_object import JsonObject
from forensics.tables.files import write_bytes

__all__ = ["ALL_REGISTERED", "EVIDENCE_LISTS", "RECORDS", "DecidingFiles", "find_altered_files"]

Patterns = tuple[str, ...]

EVIDENCE_LISTS: Final[Patterns] = ("evidence/evidence.parquet", "evidence/sources.parquet")
RECORDS: Final[Patterns] = (
    *(*EVIDENCE_LISTS, "runs/*/run.json", "runs/*/PARTS.sha256", "tables/MANIFEST.json"),
    "certificates/*.json",  # of what was destroyed; a forged one would excuse any missing file
)
_VERDICTS: Final[Patterns] = ("reviews.jsonl.sealed", "reviews.jsonl")  # in clear before version 0.3
_SEARCH: Final[Patterns] = ("watchlist/*/entry.json", "lists/*.sealed")
_DECIDING: Final[Patterns] = ("case.toml", "reviewers.json", *_VERDICTS, *_SEARCH)
_SINCE_0_3: Final[Patterns] = ("calibration.sealed", "watchlist/*/*.sealed")
"""Registered since version 0.3; files of older cases that no command has written since are in no line of the log."""
ALL_REGISTERED: Final[Patterns] = (*_DECIDING, *_SINCE_0_3, *RECORDS)


@dataclass(frozen=True, slots=True)
class DecidingFiles:
    """Writes and removes files of a case, registered ones with notes in the log.

    Attributes:
        folder: folder of the case.
        note: appends a note to the log; it is on disk when this returns.
        is_guarded: whether all registered files are checked against the log, and not only the lists of evidence.
    """

    folder: CaseFolder
    note: Callable[[str, JsonObject], None]
    is_guarded: bool

    def write(self, path: Path, data: bytes) -> None:
        """Write a file, with notes in the log if it is a registered file.

        Raises:
            IntegrityBroken: the old content contradicts the log; overwriting it would hide the change.
        """
        if _is_registered(self.folder, path, ALL_REGISTERED) or path == self.folder.denied_file:
            self.write_together({path: data})
        else:
            write_bytes(path, data)

    def write_together(self, contents: Mapping[Path, bytes]) -> None:
        """Write several registered files with one pair of notes; skip those that have this content already.

        Raises:
            IntegrityBroken: the old content of one contradicts the log.
        """
        known = accepted_contents(read_chain(self.folder.audit_file).lines)
        digests = {path: sha256_of_bytes(data) for path, data in contents.items()}
        for path in contents:
            self._raise_if_altered(path, known)
        changed = [path for path in contents if not self._holds(path, digests[path], known)]
        if not changed:
            return
        facts = {"files": {self._name(path): digests[path] for path in changed}}
        self.note(WRITES, facts)
        for path in changed:
            write_bytes(path, contents[path])
        self.note(WROTE, facts)

    @contextlib.contextmanager
    def record_replacement(self, path: Path, sha256: str) -> Iterator[None]:
        """Record that the block replaces a file by one with this digest; in between the file may be missing."""
        if path.exists():
            self.note(WRITES, {"files": {self._name(path): ABSENT}})
        facts = {"files": {self._name(path): sha256}}
        self.note(WRITES, facts)
        yield
        self.note(WROTE, facts)

    def settle(self) -> None:
        """Note what each file holds whose writing was killed; from now on it may hold nothing else."""
        paths = unsettled_files(read_chain(self.folder.audit_file).lines)
        if paths:
            self.note(WROTE, {"files": {name: _digest(self.folder.root / name) for name in paths}})

    def register(self, path: Path) -> None:
        """Register the present content of a file that was written before the log existed."""
        self.note(WROTE, {"files": {self._name(path): sha256_of_file(path)}})

    def remove(self, path: Path) -> None:
        """Remove a file. For a registered file the log records it, so that putting it back is a fault."""
        if not _is_registered(self.folder, path, ALL_REGISTERED):
            path.unlink(missing_ok=True)
            return
        self._raise_if_altered(path, accepted_contents(read_chain(self.folder.audit_file).lines))
        facts = {"files": {self._name(path): ABSENT}}
        self.note(WRITES, facts)
        path.unlink(missing_ok=True)
        self.note(WROTE, facts)

    def _raise_if_altered(self, path: Path, known: dict[str, tuple[str, ...]]) -> None:
        if not _is_registered(self.folder, path, ALL_REGISTERED if self.is_guarded else EVIDENCE_LISTS):
            return
        name, sha256 = self._name(path), _digest(path)
        if not _is_accepted(name, sha256, known):
            raise _fault(self.folder, name, sha256, name in known).to_error("restore the file from a backup")

    def _holds(self, path: Path, sha256: str, known: dict[str, tuple[str, ...]]) -> bool:
        """Whether the file is there with just this content, and the log knows it as nothing else."""
        return known.get(self._name(path)) == (sha256,) and _digest(path) == sha256

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder.root).as_posix()


def _digest(path: Path) -> str:
    return sha256_of_file(path) if path.is_file() else ABSENT


def _is_registered(folder: CaseFolder, path: Path, patterns: Patterns) -> bool:
    return _fits_pattern(path.relative_to(folder.root).as_posix(), patterns)


def _fits_pattern(name: str, patterns: Patterns) -> bool:
    """Whether a path relative to the case fits one of the patterns as a whole."""
    path = PurePosixPath(name)
    return any(len(path.parts) == len(PurePosixPath(pattern).parts) and path.match(pattern) for pattern in patterns)


def find_altered_files(
    folder: CaseFolder, read_lines: Callable[[], Sequence[LogLine]], patterns: Patterns = ALL_REGISTERED
) -> list[Fault]:
    """Return the registered files that differ from the log, by path. Compare a file that changes meanwhile again.

    Args:
        folder: folder of the case.
        read_lines: reads the log again at each call.
        patterns: files to check; `ALL_REGISTERED` includes others in the log, such as the mark of a denial.
    """
    doubtful: Iterable[str] | None = None
    for _ in range(3):
        digests = dict(_digests(folder, doubtful or accepted_contents(read_lines()), patterns))
        known = accepted_contents(read_lines())
        doubtful = [path for path, sha256 in digests.items() if not _is_accepted(path, sha256, known)]
        if not doubtful:
            return []
    return [_fault(folder, path, digests[path], path in known) for path in sorted(doubtful or ())]


def _is_accepted(path: str, sha256: str, known: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether the log knows this content of a file, or may know nothing of it."""
    if path not in known and _fits_pattern(path, _SINCE_0_3):
        return True
    return sha256 in known.get(path, (ABSENT,))


def _digests(folder: CaseFolder, paths: Iterable[str], patterns: Patterns) -> Iterator[tuple[str, str]]:
    """Yield path and digest of these files and of all files that fit the patterns; `ABSENT` for a missing file."""
    found = {path.relative_to(folder.root).as_posix() for pattern in patterns for path in folder.root.glob(pattern)}
    known = {path for path in paths if patterns == ALL_REGISTERED or _fits_pattern(path, patterns)}
    for name in sorted(known | found):
        path = folder.root / name
        is_regular = path.is_file() and path.resolve() == folder.root.resolve() / name
        yield name, sha256_of_file(path) if is_regular else ABSENT


def _fault(folder: CaseFolder, name: str, sha256: str, is_known: bool) -> Fault:
    path = folder.root / name
    if sha256 == ABSENT:
        return Fault(FaultKind.MISSING, path, "is missing, or is a link to another place")
    if is_known:
        return Fault(FaultKind.ALTERED, path, "was changed by something other than a `forensics` command")
    return Fault(FaultKind.UNLISTED, path, "was written by something other than a `forensics` command")
