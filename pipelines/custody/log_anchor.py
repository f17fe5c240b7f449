"""Log anchors in this user's key folder, see `forensics/tables/log_anchor.py`."""

from pathlib import Path

from forensics.adapters.crypto.key_files import keys_folder
from forensics.custody.case_folder import CaseFolder
from forensics.tables import log_anchor
from forensics.tables.log_anchor import LogAnchor

__all__ = ["LogAnchor", "all_anchors", "anchor_for", "anchored_case_at", "find_anchor", "forget_folder"]


def anchor_for(folder: CaseFolder, case_id: str) -> LogAnchor:
    """Return the log anchor of a case; it need not exist."""
    return log_anchor.anchor_for(keys_folder(), folder, case_id)


def find_anchor(folder: CaseFolder, case_id: str) -> LogAnchor | None:
    """Return the log anchor of a case, None if there is none."""
    return log_anchor.find_anchor(keys_folder(), folder, case_id)


def anchored_case_at(root: Path) -> str | None:
    """Return the id of the case that was in this folder when its log was last written; None if no anchor names it."""
    return log_anchor.anchored_case_at(keys_folder(), root)


def forget_folder(root: Path) -> None:
    """Remove a folder from the anchors that name it, because a new case is created there."""
    log_anchor.forget_folder(keys_folder(), root)


def all_anchors() -> list[Path]:
    """Return the files of the log anchors of all cases of this user."""
    return log_anchor.all_anchors(keys_folder())
