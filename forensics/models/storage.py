"""Files in a folder of models: one writer at a time, names that appear at once, and errors of the disk in words."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from forensics.errors import CannotStart

__all__ = ["disk_error", "explain_disk_errors", "lock_model", "move_into_place", "sync_tree"]

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_READABLE_FOLDER: Final = 0o755
_READABLE_FILE: Final = 0o644
_ELSEWHERE: Final = "choose another folder with --into FOLDER, and name it in FORENSICS_MODELS so that it is searched"


@contextmanager
def lock_model(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of a model in a folder, which is made; a second process waits for the first.

    The kernel releases the lock when a process is killed. A file system without locks is used without one: digests
    then still refuse what two processes wrote into one file.

    Raises:
        CannotStart: the folder cannot be made or written.
    """
    with explain_disk_errors(folder):
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(_READABLE_FOLDER)
        descriptor = os.open(folder / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def explain_disk_errors(folder: Path) -> Iterator[None]:
    """Raise `CannotStart` for an error of the disk inside the block; the error names the folder."""
    try:
        yield
    except OSError as error:
        raise disk_error(folder, error) from error


def disk_error(folder: Path, error: OSError) -> CannotStart:
    """Return the error for a folder of models that cannot be written."""
    what = error.strerror or str(error)
    if error.errno in _FULL:
        return CannotStart(
            f"no space for the model ({what})", f"free some space and run it again, or {_ELSEWHERE}", folder
        )
    if error.errno in _FORBIDDEN:
        return CannotStart(f"no permission to write models here ({what})", _ELSEWHERE, folder)
    return CannotStart(f"models cannot be written here ({what})", _ELSEWHERE, folder)


def move_into_place(part: Path, target: Path) -> Path:
    """Rename a complete file or folder to its final name, readable by every user, and flush that name to the disk.

    Models are public, unlike cases: one account may pull them for all others.
    """
    for path in (part, *part.rglob("*")):
        path.chmod(_READABLE_FOLDER if path.is_dir() else _READABLE_FILE)
    part.replace(target)
    _sync(target.parent)
    return target


def sync_tree(folder: Path) -> None:
    """Flush every file below a folder, and all folders, to the disk, so that a rename cannot overtake them."""
    for path in (*folder.rglob("*"), folder):
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
