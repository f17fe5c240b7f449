"""The registered models: what a name stands for, by whom it was made, and its digest."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from forensics.errors import UsageError
from forensics.models.digest import digest_of_lines

__all__ = ["Entry", "RemoteFile", "catalogue", "entry_named", "entry_with_digest", "entry_with_location"]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a registered model.

    Attributes:
        name: of the file, without folders.
        source: the address its maker publishes it under.
    """

    name: str
    source: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered model.

    Attributes:
        task: what it does, such as ``detect`` or ``face-embed``.
        labels: name of the label set, or of the embedding.
        format: ``openvino`` (a folder), ``onnx`` or ``pt`` (one file each).
    """

    name: str
    task: str
    format: str
    labels: str
    licence: str
    training_data: str
    files: tuple[RemoteFile, ...]

    @property
    def location(self) -> str:
        """Name of the file or folder on a shelf."""
        return self.name if self.format == "openvino" else self.files[0].name

    @property
    def sha256(self) -> str:
        """Digest of the file, or of the folder."""
        if self.format == "openvino":
            return digest_of_lines((file.name, file.sha256) for file in self.files)
        return self.files[0].sha256

    @property
    def size_bytes(self) -> int:
        """How much there is to download."""
        return sum(file.size_bytes for file in self.files)


@cache
def catalogue() -> tuple[Entry, ...]:
    """Every registered model, ordered by name."""
    text = resources.files("forensics.models").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tuple(sorted(map(_entry, tomllib.loads(text)["model"]), key=lambda entry: entry.name))


def _entry(table: dict[str, Any]) -> Entry:
    files = tuple(RemoteFile(**file) for file in table["files"])
    return Entry(**{**table, "files": files})


def entry_named(name: str) -> Entry:
    """The entry of that name; an unknown name is refused with the known ones."""
    for entry in catalogue():
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in catalogue())
    raise UsageError(f"no model is registered as {name}", f"registered are: {known}")


def entry_with_location(name: str) -> Entry | None:
    """The entry that is called `name` or lies in a file or folder of that name."""
    return next((entry for entry in catalogue() if name in (entry.name, entry.location)), None)


def entry_with_digest(sha256: str) -> Entry | None:
    """The entry whose file or folder has this digest, whatever it is called here."""
    return next((entry for entry in catalogue() if entry.sha256 == sha256), None)
