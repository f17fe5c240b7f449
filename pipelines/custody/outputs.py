"""Where a command may write what it hands out: nowhere inside the case, its evidence, or the folders of keys.

Evidence is never written to, whatever name it is given: a link to it, a hard link, or a file in a folder of stills.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from forensics.custody.case_folder import CaseFolder
from forensics.errors import UsageError
from forensics.tables.evidence import load_evidence, load_sources
from pipelines.custody.keys import keys_folder, reviewer_keys_folder
from pipelines.places import identity_of, lies_in

__all__ = ["output_file", "output_folder"]

_ELSEWHERE: Final = "name a place outside of the case, its evidence and its keys"


def output_file(folder: CaseFolder, target: Path) -> Path:
    """The same path, where a file may be written or replaced.

    Raises:
        UsageError: it is in the case, its evidence or keys, or nothing can be written there.
    """
    with _explained(target):
        _refuse_own(folder, target)
        if target.exists() and not target.is_file():
            raise UsageError("is there and not a file", "name a file, new or to be replaced", target)
        _refuse_without_parent(target)
    return target


def output_folder(folder: CaseFolder, target: Path, names: Iterable[str]) -> Path:
    """The same path, where a folder may be made or is one, in which files of these names may be written or replaced.

    Raises:
        UsageError: it or a file in it is in the case, its evidence or keys, or nothing can be written there.
    """
    with _explained(target):
        _refuse_own(folder, target)
        if target.exists() and not target.is_dir():
            raise UsageError("is there and not a folder", "name a folder, new or to be written into", target)
        _refuse_without_parent(target)
        for name in names if target.exists() else ():
            output_file(folder, target / name)
    return target


@contextlib.contextmanager
def _explained(target: Path) -> Iterator[None]:
    """What the system says of a path, such as that its name is too long or its links lead in a circle."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise UsageError(f"nothing can be written there ({error})", "name another place", target) from error


def _refuse_without_parent(target: Path) -> None:
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}", "make it, or name a place in another", target)
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise UsageError(f"this user may not write into {target.parent}", "name a place in another folder", target)


def _refuse_own(folder: CaseFolder, target: Path) -> None:
    own = list(_own_places(folder))
    place = lies_in(target, own)
    if place is not None:
        raise UsageError(f"lies in {place}, which is not written to", _ELSEWHERE, target)
    twin = _twin(target, own)
    if twin is not None:
        raise UsageError(f"is the same file as {twin}, which is not written to", _ELSEWHERE, target)


def _own_places(folder: CaseFolder) -> Iterator[Path]:
    """The case, its evidence by every name it was given, and the folders of keys."""
    yield folder.root
    yield from (item.path for item in load_evidence(folder) if isinstance(item.path, Path))
    sources = (source for source in load_sources(folder) if source.evidence_id is not None)
    yield from (source.path for source in sources if isinstance(source.path, Path))
    # `reviewers` hands out single keys and not their folder; here the folder is asked for to stay out of it
    yield from (keys_folder(), reviewer_keys_folder())


def _twin(target: Path, own: list[Path]) -> Path | None:
    """The file in one of these places that `target` is another name of; a file of one name has none."""
    if not target.is_file() or target.stat().st_nlink == 1:
        return None
    identity = identity_of(target)
    return next((file for place in own for file in place.rglob("*") if identity_of(file) == identity), None)
