"""Folders of temporary files: the one that `TMPDIR` names, or the system's; and private ones in it."""

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from forensics.errors import CannotStart

__all__ = ["private_folder", "temporary_folder"]

_VARIABLE: Final = "TMPDIR"
_OF_SYSTEM: Final = (Path("/tmp"), Path("/var/tmp"), Path("/usr/tmp"))
_PROBE_BYTES: Final = 4096
_NEXT_STEP: Final = (
    f"free some space there, or set {_VARIABLE} to a folder that this user may write to; run the same command again"
)


def temporary_folder() -> Path:
    """Return the folder in which temporary files are made.

    Python's own choice would silently be another folder where that of `TMPDIR` cannot be written, and at last the
    current one, in which footage may lie.

    Raises:
        CannotStart: no file can be written there, or the folder belongs to another user, who could exchange files.
    """
    stated = os.environ.get(_VARIABLE)
    try:
        folder = Path(stated or tempfile.gettempdir()).absolute()
        if not stated and folder == Path.cwd() and folder not in _OF_SYSTEM:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_PROBE_BYTES))
    except OSError as error:
        raise CannotStart(_describe(error), _NEXT_STEP, stated or "the temporary folder of this machine") from error
    owner = folder.stat().st_uid
    if owner not in {0, os.geteuid()}:
        raise CannotStart(
            f"this temporary folder belongs to another user (uid {owner})",
            f"set {_VARIABLE} to a folder of this user or of the system",
            folder,
        )
    return folder


def private_folder(name: str) -> Path:
    """Return a folder that only this user can read and write: the same one for every process.

    Where another user has taken its name, it is a new one for this process.

    Raises:
        CannotStart: no folder can be made.
    """
    folder = temporary_folder() / f"forensics-{name}-{os.geteuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    is_private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077 and found.st_uid == os.geteuid()
    return folder if is_private else Path(tempfile.mkdtemp(prefix=f"forensics-{name}-", dir=folder.parent))


def _describe(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"the disk of this temporary folder is full ({error.strerror})"
    return f"this temporary folder cannot be written ({error.strerror})"
