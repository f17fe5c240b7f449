"""The key with which this installation signs how far the logs of its cases go.

`$FORENSICS_KEYS/installation/signing.key` (mode 600), made when it is first needed; no case has such a name. Whoever
has the public half can check a case's checkpoints anywhere, without this machine.
"""

import fcntl
import os
import stat
from pathlib import Path
from typing import Final

from forensics.adapters.crypto.signing import PRIVATE_BYTES, new_private_key
from forensics.errors import NotAuthorised
from forensics.tables.files import whole_file
from pipelines.custody.keys import keys_folder, no_place, private_folder

__all__ = ["installation_key", "installation_key_file"]

_SHARED: Final = stat.S_IRWXG | stat.S_IRWXO


def installation_key_file() -> Path:
    """Where it lies, or will."""
    return keys_folder() / "installation" / "signing.key"


def installation_key() -> bytes:
    """The private key, made if there is none.

    Raises:
        UsageError: it cannot be kept where keys are to lie.
        NotAuthorised: others can read it, or it is no key.
    """
    path = installation_key_file()
    try:
        if not path.exists():
            _make(path)
        state, private = path.stat(), path.read_bytes()
    except OSError as error:
        raise no_place(path.parent, error) from error
    if state.st_mode & _SHARED:
        raise NotAuthorised("others can read this key", f"make it private: chmod 600 {path}", path)
    if len(private) != PRIVATE_BYTES:
        raise NotAuthorised(
            f"has {len(private)} bytes, a key has {PRIVATE_BYTES}",
            "restore it from a copy, or move it away: the next command makes a new one",
            path,
        )
    return private


def _make(path: Path) -> None:
    """One key, even if two commands want the first at once."""
    private_folder(path.parent)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if not path.exists():
            with whole_file(path) as file:
                file.write(new_private_key())
    finally:
        os.close(descriptor)
