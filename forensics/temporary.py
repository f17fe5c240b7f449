"""Folder of temporary files: the one that `TMPDIR` names, or the system's."""

import errno
import os
import tempfile
from pathlib import Path
from typing import Final

from forensics.errors import CannotStart

__all__ = ["temporary_folder"]

_PROBE_BYTES: Final = 4096
_NEXT_STEP: Final = "set TMPDIR to a folder with free space that this user may write to, and run the same command again"


def temporary_folder() -> Path:
    """Return the folder in which temporary files are made.

    `tempfile.gettempdir` would take another folder where that of `TMPDIR` cannot be written.

    Raises:
        CannotStart: no file can be written there.
    """
    stated = os.environ.get("TMPDIR")
    try:
        folder = Path(stated or tempfile.gettempdir()).absolute()
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_PROBE_BYTES))
    except OSError as error:
        raise CannotStart(_describe(error, stated), _NEXT_STEP, stated or None) from error
    return folder


def _describe(error: OSError, stated: str | None) -> str:
    folder = "the temporary folder" if stated else "the temporary folder of this machine"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"the disk of {folder} is full ({error.strerror})"
    return f"{folder} cannot be written ({error.strerror})"
