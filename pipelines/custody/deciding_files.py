"""The files of a case that decide something: written through the log, and held against it by every command."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from forensics.audit import AuditLine, read_chain
from forensics.case import CaseFolder
from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.registered import ABSENT, WRITES, WROTE, accepted
from forensics.tables.files import write_bytes

__all__ = ["DecidingFiles", "alterations"]

_PATTERNS: Final = (
    *("case.toml", "reviewers.json", "reviews.jsonl", "reviews.jsonl.sealed"),
    *("watchlist/*/entry.json", "certificates/*.json"),
)


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
        if not (_is_deciding(self.folder, path) or path == self.folder.denied_file):
            write_bytes(path, data)
            return
        self._refuse_altered(path)
        facts = {"path": self._name(path), "sha256": sha256_of_bytes(data)}
        self.note(WRITES, facts)
        write_bytes(path, data)
        self.note(WROTE, facts)

    def know(self, path: Path) -> None:
        """A file that was written before there was a log is as it should be."""
        self.note(WROTE, {"path": self._name(path), "sha256": sha256_of_file(path)})

    def remove(self, path: Path) -> None:
        """The file is gone, and whoever puts it back is found."""
        if not _is_deciding(self.folder, path):
            path.unlink(missing_ok=True)
            return
        self._refuse_altered(path)
        facts = {"path": self._name(path), "sha256": ABSENT}
        self.note(WRITES, facts)
        path.unlink(missing_ok=True)
        self.note(WROTE, facts)

    def _refuse_altered(self, path: Path) -> None:
        if not (self.is_guarded and _is_deciding(self.folder, path)):
            return
        name = self._name(path)
        known = accepted(read_chain(self.folder.audit_file).lines)
        sha256 = sha256_of_file(path) if path.is_file() else ABSENT
        if sha256 not in known.get(name, (ABSENT,)):
            raise IntegrityBroken(_said(self.folder, name, sha256, name in known), "restore it from a copy")

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder.root).as_posix()


def _is_deciding(folder: CaseFolder, path: Path) -> bool:
    return any(path.relative_to(folder.root).match(pattern) for pattern in _PATTERNS)


def alterations(folder: CaseFolder, read_lines: Callable[[], Sequence[AuditLine]]) -> list[str]:
    """What is not as the log knows it, in words, by path; a file that changed meanwhile is looked at again.

    Args:
        folder: of the case.
        read_lines: reads the log, anew each time.
    """
    suspects: Iterable[str] | None = None
    for _ in range(3):
        digests = dict(_digests(folder, suspects or accepted(read_lines())))
        known = accepted(read_lines())
        suspects = [path for path, sha256 in digests.items() if sha256 not in known.get(path, (ABSENT,))]
        if not suspects:
            return []
    return [_said(folder, path, digests[path], path in known) for path in sorted(suspects or ())]


def _digests(folder: CaseFolder, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Of these files, and of all that have a name that decides; the digest before the log is read again."""
    found = {path.relative_to(folder.root).as_posix() for pattern in _PATTERNS for path in folder.root.glob(pattern)}
    for name in sorted({*paths, *found}):
        path = folder.root / name
        is_itself = path.is_file() and path.resolve() == folder.root.resolve() / name
        yield name, sha256_of_file(path) if is_itself else ABSENT


def _said(folder: CaseFolder, name: str, sha256: str, is_known: bool) -> str:
    if sha256 == ABSENT:
        return f"{folder.root / name}: is not there any more, or is a link to another place"
    return f"{folder.root / name}: " + (
        "was changed by other means than these commands" if is_known else "was not written by these commands"
    )
