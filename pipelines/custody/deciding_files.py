"""The files of a case that decide something, or that a result rests on: written through the log, held against it.

What decides is held against the log by every command on a case that compares faces. The lists of evidence are, in
every case: who changes them changes what a run looks at. Records and manifests of runs are made anew by running again,
so that in a case without faces only `verify` asks whether they are what the log knows.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import LogLine, read_chain
from forensics.custody.registered_files import ABSENT, WRITES, WROTE, accepted_contents
from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.tables.files import write_bytes

__all__ = ["EVERYTHING", "LISTS", "RECORDS", "DecidingFiles", "alterations"]

Patterns = tuple[str, ...]

LISTS: Final[Patterns] = ("evidence/evidence.parquet", "evidence/sources.parquet")
RECORDS: Final[Patterns] = (*LISTS, "runs/*/run.json", "runs/*/PARTS.sha256", "tables/MANIFEST.json")
_DECIDING: Final[Patterns] = (
    *("case.toml", "reviewers.json", "reviews.jsonl", "reviews.jsonl.sealed"),
    *("watchlist/*/entry.json", "certificates/*.json"),
)
EVERYTHING: Final[Patterns] = (*_DECIDING, *RECORDS)


@dataclass(frozen=True, slots=True)
class DecidingFiles:
    """Writes them.

    Attributes:
        folder: of the case.
        note: puts a note into the log; it is on disk when this returns.
        is_guarded: whether only what the log knows may be overwritten or removed.
    """

    folder: CaseFolder
    note: Callable[[str, dict[str, Any]], None]
    is_guarded: bool

    def write(self, path: Path, data: bytes) -> None:
        """The file holds `data`, and the log knew it before if it decides something.

        Raises:
            IntegrityBroken: what it held is not what the log knows; writing would launder it.
        """
        if _is_one(self.folder, path, EVERYTHING) or path == self.folder.denied_file:
            self.write_together({path: data})
        else:
            write_bytes(path, data)

    def write_together(self, contents: Mapping[Path, bytes]) -> None:
        """These registered files hold what is given, by one pair of notes; those that hold it already stay.

        Raises:
            IntegrityBroken: what one held is not what the log knows.
        """
        known = accepted_contents(read_chain(self.folder.audit_file).lines)
        digests = {path: sha256_of_bytes(data) for path, data in contents.items()}
        for path in contents:
            self._refuse_altered(path, known)
        fresh = [path for path in contents if not self._holds(path, digests[path], known)]
        if not fresh:
            return
        facts = {"files": {self._name(path): digests[path] for path in fresh}}
        self.note(WRITES, facts)
        for path in fresh:
            write_bytes(path, contents[path])
        self.note(WROTE, facts)

    @contextlib.contextmanager
    def replacing(self, path: Path, sha256: str) -> Iterator[None]:
        """The block puts a file of this digest into the place of what is there; in between there may be none."""
        if path.exists():
            self.note(WRITES, {"files": {self._name(path): ABSENT}})
        facts = {"files": {self._name(path): sha256}}
        self.note(WRITES, facts)
        yield
        self.note(WROTE, facts)

    def know(self, path: Path) -> None:
        """A file that was written before there was a log is as it should be."""
        self.note(WROTE, {"files": {self._name(path): sha256_of_file(path)}})

    def remove(self, path: Path) -> None:
        """The file is gone, and whoever puts it back is found."""
        if not _is_one(self.folder, path, EVERYTHING):
            path.unlink(missing_ok=True)
            return
        self._refuse_altered(path, accepted_contents(read_chain(self.folder.audit_file).lines))
        facts = {"files": {self._name(path): ABSENT}}
        self.note(WRITES, facts)
        path.unlink(missing_ok=True)
        self.note(WROTE, facts)

    def _refuse_altered(self, path: Path, known: dict[str, tuple[str, ...]]) -> None:
        if not _is_one(self.folder, path, EVERYTHING if self.is_guarded else LISTS):
            return
        name, sha256 = self._name(path), _digest(path)
        if sha256 not in known.get(name, (ABSENT,)):
            raise IntegrityBroken(_said(self.folder, name, sha256, name in known), "restore it from a copy")

    def _holds(self, path: Path, sha256: str, known: dict[str, tuple[str, ...]]) -> bool:
        """Whether the file is there with just this content, and the log knows it as nothing else."""
        return known.get(self._name(path)) == (sha256,) and _digest(path) == sha256

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder.root).as_posix()


def _digest(path: Path) -> str:
    return sha256_of_file(path) if path.is_file() else ABSENT


def _is_one(folder: CaseFolder, path: Path, patterns: Patterns) -> bool:
    return _is_named(path.relative_to(folder.root).as_posix(), patterns)


def _is_named(name: str, patterns: Patterns) -> bool:
    """Whether a path below the case is one of these; a pattern means the whole of it, from the case's folder on."""
    path = PurePosixPath(name)
    return any(len(path.parts) == len(PurePosixPath(pattern).parts) and path.match(pattern) for pattern in patterns)


def alterations(
    folder: CaseFolder, read_lines: Callable[[], Sequence[LogLine]], patterns: Patterns = EVERYTHING
) -> list[str]:
    """What is not as the log knows it, in words, by path; a file that changed meanwhile is looked at again.

    Args:
        folder: of the case.
        read_lines: reads the log, anew each time.
        patterns: which files; for `EVERYTHING` also others that the log knows, such as the mark of a denial.
    """
    suspects: Iterable[str] | None = None
    for _ in range(3):
        digests = dict(_digests(folder, suspects or accepted_contents(read_lines()), patterns))
        known = accepted_contents(read_lines())
        suspects = [path for path, sha256 in digests.items() if sha256 not in known.get(path, (ABSENT,))]
        if not suspects:
            return []
    return [_said(folder, path, digests[path], path in known) for path in sorted(suspects or ())]


def _digests(folder: CaseFolder, paths: Iterable[str], patterns: Patterns) -> Iterator[tuple[str, str]]:
    """Of these files, and of all that have a name that is asked for; the digest before the log is read again."""
    found = {path.relative_to(folder.root).as_posix() for pattern in patterns for path in folder.root.glob(pattern)}
    asked = {path for path in paths if patterns == EVERYTHING or _is_named(path, patterns)}
    for name in sorted(asked | found):
        path = folder.root / name
        is_itself = path.is_file() and path.resolve() == folder.root.resolve() / name
        yield name, sha256_of_file(path) if is_itself else ABSENT


def _said(folder: CaseFolder, name: str, sha256: str, is_known: bool) -> str:
    if sha256 == ABSENT:
        return f"{folder.root / name}: is not there any more, or is a link to another place"
    return f"{folder.root / name}: " + (
        "was changed by other means than these commands" if is_known else "was not written by these commands"
    )
