"""Signing key of this installation, for the checkpoints of its cases.

`$FORENSICS_KEYS/installation/signing.key` (mode 600), created when first needed; no case id is ``installation``. With
the public key, checkpoints can be checked on any machine.
"""

import fcntl
import os
import stat
from pathlib import Path
from typing import Final

from forensics.adapters.crypto.key_files import keys_folder
from forensics.adapters.crypto.signing import PRIVATE_BYTES, new_private_key
from forensics.errors import NotAuthorised
from forensics.tables.files import atomic_file
from pipelines.custody.keys import make_private_folder, no_key_folder_error

__all__ = ["installation_key", "installation_key_file"]

_SHARED: Final = stat.S_IRWXG | stat.S_IRWXO


def installation_key_file() -> Path:
    """Return the path of the signing key, which need not exist."""
    return keys_folder() / "installation" / "signing.key"


def installation_key() -> bytes:
    """Read the private key; create it if it does not exist.

    Raises:
        UsageError: the key cannot be stored in the key folder.
        NotAuthorised: other users can read the key, or the file is not a key.
    """
    path = installation_key_file()
    try:
        if not path.exists():
            _create_key(path)
        state, private = path.stat(), path.read_bytes()
    except OSError as error:
        raise no_key_folder_error(path.parent, error) from error
    if state.st_mode & _SHARED:
        raise NotAuthorised("other users can read this key", f"make it private: chmod 600 {path}", path)
    if len(private) != PRIVATE_BYTES:
        raise NotAuthorised(
            f"not a key: has {len(private)} bytes, expected {PRIVATE_BYTES}",
            "restore the key from a backup, or move the file away: the next command creates a new key",
            path,
        )
    return private


def _create_key(path: Path) -> None:
    """Create the key once, also if two commands try at the same time."""
    make_private_folder(path.parent)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if not path.exists():
            with atomic_file(path) as file:
                file.write(new_private_key())
    finally:
        os.close(descriptor)
