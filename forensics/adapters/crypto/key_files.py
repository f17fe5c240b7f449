"""Files of the cases' keys: `$FORENSICS_KEYS/<case id>`, readable by their owner only; outside the case.

While results are withheld, the key is in the subfolder `withheld/`, where no command loads it.
"""

import os
import stat
from pathlib import Path
from typing import Final

from platformdirs import user_data_path

from forensics.adapters.crypto.case_key import Key
from forensics.errors import NotAuthorised

__all__ = ["WITHHELD", "keys_folder", "load_key"]

WITHHELD: Final = "withheld"
"""Subfolder of the keys of cases whose results are withheld."""


def keys_folder() -> Path:
    """Return the folder of the cases' keys: `$FORENSICS_KEYS`, by default in the user's data folder."""
    stated = os.environ.get("FORENSICS_KEYS")
    return Path(stated).absolute() if stated else user_data_path("forensics") / "keys"


def load_key(case_id: str) -> Key:
    """Read the key of a case.

    Raises:
        NotAuthorised: the key is withheld, destroyed or absent, or other users can read it.
    """
    path = keys_folder() / case_id
    if (keys_folder() / WITHHELD / case_id).exists():
        raise NotAuthorised(
            "the case's results are withheld: its authority is still pending after 48 hours, or was refused on hold",
            "enter it with `forensics case authorise CASE`, or end the case with `forensics case deny`",
        )
    if not path.exists():
        raise NotAuthorised(
            "the key of the case is missing, so sealed data cannot be read",
            "set $FORENSICS_KEYS to the folder that holds the key; if it was destroyed, the data is erased",
            path,
        )
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise NotAuthorised("other users can read this key", f"make it private: chmod 600 {path}", path)
    return Key.read(path)
