"""Keys of cases: one private file per case, outside the case. Destroying the key erases the sealed data.

`$FORENSICS_KEYS/<case id>` (mode 600), by default below the user's data folder. While a case is quarantined, its key is
in the subfolder `withheld/`, where no command loads it.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path

from forensics.adapters.crypto.case_key import Key
from forensics.adapters.crypto.key_files import WITHHELD, keys_folder, load_key
from forensics.custody.case_document import Case
from forensics.custody.case_folder import CaseFolder
from forensics.errors import IntegrityBroken, NotAuthorised, UsageError
from forensics.tables.files import atomic_file, sync_folder, write_bytes

__all__ = [
    "Keyring",
    "destroy_reviewer_keys",
    "find_key",
    "key_of",
    "keyring_for",
    "make_private_folder",
    "no_key_folder_error",
    "reviewer_keys_folder",
]


def reviewer_keys_folder() -> Path:
    """Return the folder of the reviewers' keys: `$FORENSICS_REVIEWER_KEYS`, by default in the user's settings."""
    stated = os.environ.get("FORENSICS_REVIEWER_KEYS")
    return Path(stated).absolute() if stated else user_config_path("forensics") / "reviewers"


@dataclass(frozen=True, slots=True)
class Keyring:
    """The key of one case.

    Attributes:
        path: file of the key.
        withheld: file of the key while the case is quarantined.
        hold: mark that the case is on hold, which no edit of the case removes.
    """

    path: Path
    withheld: Path
    hold: Path

    @property
    def exists(self) -> bool:
        """Whether the key exists, withheld or not."""
        return self.path.exists() or self.withheld.exists()

    def make(self) -> Key:
        """Create a new key.

        Raises:
            UsageError: the case has a key already, or the key cannot be written.
        """
        if self.exists:
            raise UsageError("this case has a key already", "no second key is needed; a case has only one", self.path)
        make_private_folder(self.path.parent)
        key = Key.fresh()
        try:
            with atomic_file(self.path) as file:
                file.write(key.expose())
        except PermissionError as error:
            raise no_key_folder_error(self.path.parent, error) from error
        return key

    def load(self) -> Key:
        """Read the key.

        Raises:
            NotAuthorised: the key is withheld, destroyed or absent, or other users can read it.
        """
        return load_key(self.path.name)

    def load_withheld(self) -> Key:
        """Read the key, withheld or not, to release the withheld files."""
        return Key.read(self.withheld if self.withheld.exists() else self.path)

    def withhold(self) -> None:
        """Withhold the key until it is released."""
        if self.path.exists():
            make_private_folder(self.withheld.parent)
            self.path.replace(self.withheld)
            _sync(self.path.parent, self.withheld.parent)

    def mark_hold(self, *, is_held: bool) -> None:
        """Mark beside the key whether the case is on hold; a case without a key has no mark."""
        if is_held and self.exists:
            write_bytes(self.hold, b"")
        elif not is_held:
            self.hold.unlink(missing_ok=True)

    def release(self) -> None:
        """Release the withheld key."""
        if self.withheld.exists():
            self.withheld.replace(self.path)
            _sync(self.path.parent, self.withheld.parent)

    def destroy(self) -> bool:
        """Overwrite and delete the key; return whether it existed.

        Overwriting helps on plain disks only. On flash and copy-on-write file systems, erasure is as good as the
        encryption of the disk.
        """
        files = [path for path in (self.path, self.withheld) if path.exists()]
        for path in files:
            _overwrite(path)
            path.unlink()
            sync_folder(path.parent)
        return bool(files)


def keyring_for(folder: CaseFolder, case_id: str) -> Keyring:
    """Return the keyring of a case.

    Raises:
        UsageError: the key folder is inside the case, so every copy of the case would contain the key.
    """
    base = keys_folder()
    if base.resolve().is_relative_to(folder.root.resolve()):
        raise UsageError(
            "the key folder must not be inside the case", "set $FORENSICS_KEYS to a folder outside the case", base
        )
    return Keyring(base / case_id, base / WITHHELD / case_id, base / f"{case_id}.hold")


def key_of(case: Case) -> Key:
    """Read the key of a case.

    Raises:
        NotAuthorised: it is withheld, destroyed or absent, or other users can read it.
    """
    return keyring_for(case.folder, case.case_id).load()


def find_key(case: Case) -> Key | None:
    """Read the key of a case; None if it cannot be used."""
    try:
        return key_of(case)
    except (NotAuthorised, IntegrityBroken):
        return None


def destroy_reviewer_keys(case_id: str) -> None:
    """Overwrite and delete the private keys of a case's reviewers, as far as they are in this user's folder."""
    for path in sorted(reviewer_keys_folder().glob(f"{case_id}-*.key")):
        _overwrite(path)
        path.unlink()


def make_private_folder(folder: Path) -> None:
    """Create a folder for keys if it does not exist, writable by this user only.

    Raises:
        UsageError: the folder cannot be created.
        NotAuthorised: other users can write to it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise no_key_folder_error(folder, error) from error
    if stat.S_IMODE(folder.stat().st_mode) & 0o022:
        raise NotAuthorised("other users can write to this folder", f"make it private: chmod 700 {folder}", folder)


def no_key_folder_error(folder: Path, error: OSError) -> UsageError:
    """Return the error for a folder in which keys cannot be stored."""
    return UsageError(
        f"keys cannot be stored in this folder ({error.strerror})",
        "set $FORENSICS_KEYS to a folder that you can write to",
        folder,
    )


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())


def _sync(*folders: Path) -> None:
    for folder in folders:
        sync_folder(folder)
