"""Where a case's key lies: outside the case, one private file per case. Destroying it is the erasure.

`$FORENSICS_KEYS/<case id>` (mode 600), by default below the user's data folder. While a case is quarantined
its key lies in `withheld/` beside the others: it is kept, and not handed out.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path, user_data_path

from forensics.adapters.crypto.sealing import Key
from forensics.custody.case_folder import CaseFolder
from forensics.errors import NotAuthorised, UsageError
from forensics.tables.files import sync_folder, whole_file

__all__ = ["Keyring", "keyring_for", "keys_folder", "no_place", "private_folder", "reviewer_keys_folder"]


def keys_folder() -> Path:
    """Return the folder of the cases' keys: `$FORENSICS_KEYS`, by default in the user's data folder."""
    return _named_by("FORENSICS_KEYS") or user_data_path("forensics") / "keys"


def reviewer_keys_folder() -> Path:
    """Return the folder of the reviewers' keys: `$FORENSICS_REVIEWER_KEYS`, by default in the user's settings."""
    return _named_by("FORENSICS_REVIEWER_KEYS") or user_config_path("forensics") / "reviewers"


def _named_by(variable: str) -> Path | None:
    named = os.environ.get(variable)
    return Path(named).absolute() if named else None


@dataclass(frozen=True, slots=True)
class Keyring:
    """The one key of one case.

    Attributes:
        path: where the key lies.
        withheld: where it lies while the case is quarantined.
    """

    path: Path
    withheld: Path

    @property
    def exists(self) -> bool:
        """Whether there is a key, handed out or withheld."""
        return self.path.exists() or self.withheld.exists()

    def make(self) -> Key:
        """A new key lies in its place.

        Raises:
            UsageError: there is one already, or it cannot be written there.
        """
        if self.exists:
            raise UsageError("there is a key of this case already", "use it; one case has one key", self.path)
        private_folder(self.path.parent)
        key = Key.fresh()
        try:
            with whole_file(self.path) as file:
                file.write(key.secret)
        except PermissionError as error:
            raise no_place(self.path.parent, error) from error
        return key

    def load(self) -> Key:
        """The key, into memory.

        Raises:
            NotAuthorised: it is withheld, destroyed, absent, or others can read it.
        """
        if self.withheld.exists():
            raise NotAuthorised(
                "the case's results are withheld: its authority is still pending after 48 hours",
                "enter it with `forensics case authorise CASE --authority REFERENCE`, or end it with `case deny`",
            )
        if not self.path.exists():
            raise NotAuthorised(
                "the case's key is not there; without it nothing sealed can be read",
                "set $FORENSICS_KEYS to the folder that holds it; if it was destroyed, that was the erasure",
                self.path,
            )
        if stat.S_IMODE(self.path.stat().st_mode) & 0o077:
            raise NotAuthorised("others can read this key", f"make it private: chmod 600 {self.path}", self.path)
        return Key(self.path.read_bytes())

    def load_withheld(self) -> Key:
        """The key, into memory, wherever it lies: for who hands out again what was withheld."""
        return Key((self.withheld if self.withheld.exists() else self.path).read_bytes())

    def withhold(self) -> None:
        """Nobody gets the key until it is released."""
        if self.path.exists():
            private_folder(self.withheld.parent)
            self.path.replace(self.withheld)
            _synced(self.path.parent, self.withheld.parent)

    def release(self) -> None:
        """The key is handed out again."""
        if self.withheld.exists():
            self.withheld.replace(self.path)
            _synced(self.path.parent, self.withheld.parent)

    def destroy(self) -> bool:
        """The key is overwritten and gone; returns whether there was one.

        Overwriting helps on plain disks only; on flash and copying file systems the sealed data is as safe as
        the disk's own encryption.
        """
        there = [path for path in (self.path, self.withheld) if path.exists()]
        for path in there:
            with path.open("r+b") as file:
                file.write(os.urandom(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            sync_folder(path.parent)
        return bool(there)


def keyring_for(folder: CaseFolder, case_id: str) -> Keyring:
    """The keyring of a case.

    Raises:
        UsageError: keys would lie inside the case, where every copy of it would take them along.
    """
    base = keys_folder()
    if base.resolve().is_relative_to(folder.root.resolve()):
        raise UsageError("keys may not lie inside the case", "set $FORENSICS_KEYS to a folder outside of it", base)
    return Keyring(base / case_id, base / "withheld" / case_id)


def private_folder(folder: Path) -> None:
    """The folder is there, and nobody else can write to it.

    Raises:
        UsageError: it cannot be made.
        NotAuthorised: others can write to it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise no_place(folder, error) from error
    if stat.S_IMODE(folder.stat().st_mode) & 0o022:
        raise NotAuthorised("others can write here", f"make it private: chmod 700 {folder}", folder)


def no_place(folder: Path, error: OSError) -> UsageError:
    """What to say where no key can be kept."""
    return UsageError(
        f"no key can be kept there ({error.strerror})", "set $FORENSICS_KEYS to a folder of your own", folder
    )


def _synced(*folders: Path) -> None:
    for folder in folders:
        sync_folder(folder)
