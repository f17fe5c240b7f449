"""Catalogue of the registered models: name, task, licence, training data, files and digests."""

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
        name: file name without folders.
        source: URL under which its maker publishes it.
        sha256: hex SHA-256 of the file.
        size_bytes: size of the file.
    """

    name: str
    source: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered model.

    Attributes:
        name: registered name.
        task: task of the model, such as ``detect`` or ``face-embed``.
        format: ``openvino`` (a folder), ``onnx`` or ``pt`` (one file each).
        labels: name of the label set, or of the embedding.
        licence: licence of the weights.
        training_data: training data as stated by the maker.
        files: all files of the model.
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
        """Name of the file or folder in a model folder."""
        return self.name if self.format == "openvino" else self.files[0].name

    @property
    def sha256(self) -> str:
        """SHA-256 of the file, or of the folder by `digest_of_lines`."""
        if self.format == "openvino":
            return digest_of_lines((file.name, file.sha256) for file in self.files)
        return self.files[0].sha256

    @property
    def size_bytes(self) -> int:
        """Total size of all files."""
        return sum(file.size_bytes for file in self.files)


@cache
def catalogue() -> tuple[Entry, ...]:
    """Return every registered model, ordered by name."""
    text = resources.files("forensics.models").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tuple(sorted(map(_entry, tomllib.loads(text)["model"]), key=lambda entry: entry.name))


def _entry(table: dict[str, Any]) -> Entry:
    files = tuple(RemoteFile(**file) for file in table["files"])
    return Entry(**{**table, "files": files})


def entry_named(name: str) -> Entry:
    """Return the entry with this name.

    Raises:
        UsageError: the name is unknown; the error lists the known names.
    """
    for entry in catalogue():
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in catalogue())
    raise UsageError(f"no model is registered as {name}", f"registered are: {known}")


def entry_with_location(name: str) -> Entry | None:
    """Return the entry with this name, or with a file or folder of this name; None if there is none."""
    return next((entry for entry in catalogue() if name in (entry.name, entry.location)), None)


def entry_with_digest(sha256: str) -> Entry | None:
    """Return the entry whose file or folder has this digest; None if there is none."""
    return next((entry for entry in catalogue() if entry.sha256 == sha256), None)
