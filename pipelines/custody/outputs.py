"""Checks of output paths: never inside the case, its evidence, or the key folders.

Evidence is protected under every name: a link to it, a hard link, or a file in a folder of stills.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from forensics.adapters.crypto.key_files import keys_folder
from forensics.custody.case_folder import CaseFolder
from forensics.errors import UsageError
from forensics.tables.evidence import load_evidence, load_sources
from pipelines.custody.keys import reviewer_keys_folder
from pipelines.places import find_containing_place, identity_of

__all__ = ["check_output_file", "check_output_folder"]

_NEXT_STEP: Final = "give a path outside the case, its evidence and its keys"


def check_output_file(folder: CaseFolder, target: Path) -> Path:
    """Return the path unchanged if a file may be written or replaced there.

    Raises:
        UsageError: the path is in the case, its evidence or keys, or is not writable.
    """
    with _system_errors_explained(target):
        _refuse_protected(folder, target)
        if target.exists() and not target.is_file():
            raise UsageError("exists and is not a file", "give the path of a file, new or to be replaced", target)
        _refuse_without_parent(target)
    return target


def check_output_folder(folder: CaseFolder, target: Path, names: Iterable[str]) -> Path:
    """Return the path unchanged if it is or may become a folder with files of these names, written or replaced.

    Raises:
        UsageError: it or such a file is in the case, its evidence or keys, or is not writable.
    """
    with _system_errors_explained(target):
        _refuse_protected(folder, target)
        if target.exists() and not target.is_dir():
            raise UsageError("exists and is not a folder", "give the path of a folder, new or to be written to", target)
        _refuse_without_parent(target)
        for name in names if target.exists() else ():
            check_output_file(folder, target / name)
    return target


@contextlib.contextmanager
def _system_errors_explained(target: Path) -> Iterator[None]:
    """Raise errors of the system about a path as `UsageError`, such as a name too long or a circle of links."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise UsageError(f"cannot be written ({error})", "give another path", target) from error


def _refuse_without_parent(target: Path) -> None:
    if not target.parent.is_dir():
        raise UsageError(
            f"its folder {target.parent} does not exist", "create the folder, or give another path", target
        )
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise UsageError(f"this user may not write to {target.parent}", "give a path in another folder", target)


def _refuse_protected(folder: CaseFolder, target: Path) -> None:
    protected = list(_protected_places(folder))
    place = find_containing_place(target, protected)
    if place is not None:
        raise UsageError(f"is inside {place}, which must not be written to", _NEXT_STEP, target)
    twin = _find_hard_link(target, protected)
    if twin is not None:
        raise UsageError(f"is the same file as {twin}, which must not be written to", _NEXT_STEP, target)


def _protected_places(folder: CaseFolder) -> Iterator[Path]:
    """Yield the case, its evidence under every path that was given, and the key folders."""
    yield folder.root
    yield from (item.path for item in load_evidence(folder) if isinstance(item.path, Path))
    sources = (source for source in load_sources(folder) if source.evidence_id is not None)
    yield from (source.path for source in sources if isinstance(source.path, Path))
    # the folder of reviewers' keys counts as a whole, although commands read single keys of it
    yield from (keys_folder(), reviewer_keys_folder())


def _find_hard_link(target: Path, protected: list[Path]) -> Path | None:
    """Return the file in these places that `target` is a hard link of; None if there is none."""
    if not target.is_file() or target.stat().st_nlink == 1:
        return None
    identity = identity_of(target)
    return next((file for place in protected for file in place.rglob("*") if identity_of(file) == identity), None)
