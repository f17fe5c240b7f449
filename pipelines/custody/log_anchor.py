"""How far a case's log goes, kept beside the case's key: outside the case, where no edit of the case reaches.

A chain alone does not show that its end was cut off, or that the whole case is an older copy. The witness does. It
stays when the key is destroyed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import FIRST, LogLine
from forensics.custody.unanchored_lines import fault_in_foreign
from forensics.errors import IntegrityBroken
from forensics.tables.files import write_json
from pipelines.custody.keys import keyring_for

__all__ = ["LogAnchor", "anchor_for"]


@dataclass(frozen=True, slots=True)
class LogAnchor:
    """Fills `forensics.custody.log_writer.Anchor`.

    Attributes:
        path: where it lies.
    """

    path: Path

    @property
    def exists(self) -> bool:
        """Whether this user's key folder knows the case."""
        return self.path.exists()

    def begin(self) -> None:
        """It knows an empty log."""
        self.tell(0, FIRST, "")

    def forget(self) -> None:
        """It is gone, with a case that was never made."""
        self.path.unlink(missing_ok=True)

    def tell(self, n_lines: int, head: str, following: str) -> None:
        """The log has so many lines, the last with digest `head`; the line of digest `following` is about to follow."""
        write_json(self.path, {"lines": n_lines, "head": head, "following": following})

    def is_up_to_date(self, n_lines: int, head: str) -> bool:
        """Whether a log of so many lines, the last with this digest, is just what is witnessed."""
        known, last, following = self._known()
        return (n_lines, head) in {(known, last), (known + 1, following)}

    def problem(self, lines: Sequence[LogLine]) -> str:
        """Why a log cannot be the one that is witnessed; empty if it can.

        It may be longer, since others look at a case too; but only who has the case's key folder does anything else.
        """
        n_lines, head, following = self._known()
        if len(lines) < n_lines:
            return f"has {len(lines)} lines, {n_lines} were written: it was cut, or the case is an older copy"
        if n_lines and lines[n_lines - 1].sha256 != head:
            return f"line {n_lines} is not what was written: the log was made anew, or the case is another copy"
        is_followed = len(lines) > n_lines and lines[n_lines].sha256 == following
        return fault_in_foreign(lines, n_lines + is_followed)

    def _known(self) -> tuple[int, str, str]:
        try:
            stored = json.loads(self.path.read_text())
            return int(stored["lines"]), str(stored["head"]), str(stored["following"])
        except (ValueError, TypeError, KeyError) as error:
            raise IntegrityBroken(f"cannot be read ({error})", "restore it with the case's key", self.path) from error


def anchor_for(folder: CaseFolder, case_id: str) -> LogAnchor:
    """The witness of a case's log, by the side of its key."""
    return LogAnchor(keyring_for(folder, case_id).path.with_suffix(".log.json"))
