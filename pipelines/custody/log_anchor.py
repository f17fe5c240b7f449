"""Log anchor of a case: length and head of its log, kept outside the case beside its key.

A hash chain alone cannot reveal that its end was cut off, or that the whole case is an older copy. The log anchor does.
It stays when the key is destroyed. It also names the folder of the case: a case there with another id is another case.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forensics.adapters.crypto.key_files import keys_folder
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import EMPTY_HEAD, LogLine
from forensics.custody.unanchored_lines import find_unanchored_fault
from forensics.errors import IntegrityBroken
from forensics.json_object import decode_json
from forensics.tables.files import write_json

__all__ = ["LogAnchor", "all_anchors", "anchor_for", "anchored_case_at", "find_anchor", "forget_folder"]

_SUFFIX: Final = ".log.json"
_FOLDER: Final = "folder"


@dataclass(frozen=True, slots=True)
class LogAnchor:
    """Implements `forensics.custody.log_writer.Anchor` with a file.

    Attributes:
        path: file of the log anchor.
        root: folder of the case.
    """

    path: Path
    root: Path

    @property
    def exists(self) -> bool:
        """Whether this user's key folder has a log anchor of the case."""
        return self.path.exists()

    def create(self) -> None:
        """Create the log anchor of an empty log."""
        self.update(0, EMPTY_HEAD, "")

    def delete(self) -> None:
        """Delete the log anchor, because the case could not be created."""
        self.path.unlink(missing_ok=True)

    def update(self, n_lines: int, head: str, following: str) -> None:
        """Store length and head of the log, and the digest of the line that is about to be appended."""
        facts = {"lines": n_lines, "head": head, "following": following, _FOLDER: str(self.root.resolve())}
        write_json(self.path, facts)

    def is_up_to_date(self, n_lines: int, head: str) -> bool:
        """Whether a log with this length and head is exactly the anchored one."""
        known, last, following = self._load()
        return (n_lines, head) in {(known, last), (known + 1, following)}

    def find_problem(self, lines: Sequence[LogLine]) -> str:
        """Return why a log cannot be the anchored one; empty if it can.

        The log may have more lines, of users without the key folder, but only of commands that read or were refused.
        """
        n_lines, head, following = self._load()
        if len(lines) < n_lines:
            return f"has {len(lines)} lines, {n_lines} were written: the log was cut, or the case is an older copy"
        if n_lines and lines[n_lines - 1].sha256 != head:
            return (
                f"line {n_lines} has changed since it was written: the log was rewritten, or the case is another copy"
            )
        is_followed = len(lines) > n_lines and lines[n_lines].sha256 == following
        return find_unanchored_fault(lines, n_lines + is_followed)

    @property
    def named_folder(self) -> str | None:
        """Folder of the case when its log was last written; None in anchors of versions before 0.3."""
        return _folder_in(self.path)

    @property
    def names_folder(self) -> bool:
        """Whether the case was in this folder when its log was last written."""
        return self.named_folder == str(self.root.resolve())

    def _load(self) -> tuple[int, str, str]:
        """Return the stored length, head and digest of the following line."""
        try:
            stored = decode_json(self.path.read_text())
            return int(stored["lines"]), str(stored["head"]), str(stored["following"])
        except (ValueError, TypeError, KeyError) as error:
            raise IntegrityBroken(
                f"the log anchor cannot be read ({error})", "restore the key folder from a backup", self.path
            ) from error


def anchor_for(folder: CaseFolder, case_id: str) -> LogAnchor:
    """Return the log anchor of a case, beside its key; it need not exist."""
    return LogAnchor(keys_folder() / f"{case_id}{_SUFFIX}", folder.root)


def find_anchor(folder: CaseFolder, case_id: str) -> LogAnchor | None:
    """Return the log anchor of a case, None if this user's key folder has none."""
    anchor = anchor_for(folder, case_id)
    return anchor if anchor.exists else None


def anchored_case_at(root: Path) -> str | None:
    """Return the id of the case that was in this folder when its log was last written; None if no anchor names it."""
    return next((path.name.removesuffix(_SUFFIX) for path in _anchors_naming(root)), None)


def forget_folder(root: Path) -> None:
    """Remove a folder from the anchors that name it, because a new case is created there."""
    for path in _anchors_naming(root):
        write_json(path, {name: value for name, value in decode_json(path.read_text()).items() if name != _FOLDER})


def _anchors_naming(root: Path) -> list[Path]:
    place = str(root.resolve())
    return [path for path in all_anchors() if _folder_in(path) == place]


def _folder_in(path: Path) -> str | None:
    """Return the folder that an anchor names; None for anchors of versions before 0.3, and what cannot be read."""
    try:
        stored = decode_json(path.read_text())
    except (OSError, ValueError):
        return None
    return stored.get(_FOLDER) if isinstance(stored, dict) else None


def all_anchors() -> list[Path]:
    """Return the files of the log anchors of all cases of this user."""
    return sorted(keys_folder().glob(f"*{_SUFFIX}"))
