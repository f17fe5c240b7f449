"""Files in a folder of models: one writer at a time, names that appear at once, and errors of the disk in words.

Other users may be able to write to the folder. So nothing is written through a link, and only regular files are
opened.
"""

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from forensics.errors import CannotStart

__all__ = [
    "disk_error",
    "explain_disk_errors",
    "lock_model",
    "make_staging",
    "move_into_place",
    "open_regular",
    "require_single_link",
    "sync_tree",
]

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_IRREGULAR: Final = frozenset({errno.ELOOP, errno.ENXIO, errno.EISDIR})
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
        descriptor = open_regular(folder / f".{name}.lock", os.O_RDWR | os.O_CREAT)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open a regular file and return its descriptor; neither a link is followed nor a pipe waited for.

    Raises:
        CannotStart: the path is a symbolic link, a pipe or something else that is no regular file.
        OSError: it cannot be opened.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, _READABLE_FILE)
    except OSError as error:
        if error.errno in _IRREGULAR:
            raise _irregular(path, "is no regular file") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _irregular(path, "is no regular file")
    return descriptor


def require_single_link(descriptor: int, path: Path) -> None:
    """Check that an open file has no second name, so that writing to it changes no file elsewhere.

    Raises:
        CannotStart: it has one.
    """
    if os.fstat(descriptor).st_nlink > 1:
        raise _irregular(path, "has a second name (a hard link)")


def make_staging(path: Path) -> None:
    """Make a folder in which files are prepared, unless it is there already.

    Raises:
        CannotStart: a link or a file has its name.
    """
    path.mkdir(exist_ok=True)
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise _irregular(path, "is a link and no folder")


def _irregular(path: Path, problem: str) -> CannotStart:
    return CannotStart(f"{problem}, so nothing is written to it or read from it", "remove it and run again", path)


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
        _make_readable(path)
    part.replace(target)
    _sync(target.parent)
    return target


def _make_readable(path: Path) -> None:
    """Set the mode of a file or folder, never of what a link leads to."""
    is_folder = stat.S_ISDIR(path.lstat().st_mode)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW) if is_folder else open_regular(path)
    try:
        os.fchmod(descriptor, _READABLE_FOLDER if is_folder else _READABLE_FILE)
    finally:
        os.close(descriptor)


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
