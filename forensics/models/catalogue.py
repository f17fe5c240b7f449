"""Catalogue of the registered models: name, task, licence, training data, files and digests."""

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from forensics.errors import UsageError
from forensics.models.digest import digest_of_lines

__all__ = [
    "CATALOGUE",
    "Entry",
    "Preference",
    "RemoteFile",
    "catalogue",
    "entry_named",
    "entry_with_digest",
    "entry_with_location",
    "preferred_entries",
]

CATALOGUE = Path(__file__).with_name("catalogue.toml")
"""File of the catalogue; tests set another one."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a registered model.

    Attributes:
        name: file name without folders.
        source: URL under which its maker publishes it.
        sha256: hex SHA-256 of the file.
        size_bytes: size of the file; None if no source states it. The digest decides in any case.
    """

    name: str
    source: str
    sha256: str
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Preference:
    """Place of a detector in the order in which a new case without `--model` takes one.

    Attributes:
        order: from 1; the least of the installed ones is taken.
        reason: the measurement behind the order.
    """

    order: int
    reason: str


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
        preference: place among the detectors that a case takes by itself; None if it takes this one never.
        accuracy: published accuracy, with its source; None if it is not known here.
    """

    name: str
    task: str
    format: str
    labels: str
    licence: str
    training_data: str
    files: tuple[RemoteFile, ...]
    preference: Preference | None = None
    accuracy: str | None = None

    @property
    def is_converted(self) -> bool:
        """Whether its name stands for a conversion to OpenVINO, which is made once from the published file."""
        return self.format == "pt"

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
    def size_bytes(self) -> int | None:
        """Total size of all files; None if that of one is unknown."""
        sizes = [file.size_bytes for file in self.files if file.size_bytes is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None


def catalogue() -> tuple[Entry, ...]:
    """Return every registered model, ordered by name."""
    return _load(CATALOGUE)


@cache
def _load(path: Path) -> tuple[Entry, ...]:
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["model"]
    return tuple(sorted(map(_entry, tables), key=lambda entry: entry.name))


def _entry(table: dict[str, Any]) -> Entry:
    files = tuple(RemoteFile(**file) for file in table["files"])
    preference = Preference(**table["preference"]) if "preference" in table else None
    return Entry(**{**table, "files": files, "preference": preference})


def preferred_entries() -> tuple[Entry, ...]:
    """Return the detectors that a new case may take by itself, the first choice first."""
    ordered = [(entry.preference.order, entry) for entry in catalogue() if entry.preference]
    return tuple(entry for _, entry in sorted(ordered, key=lambda pair: pair[0]))


def entry_named(name: str) -> Entry:
    """Return the entry with this name.

    Raises:
        UsageError: the name is unknown; the error suggests names that are spelled alike, or lists all.
    """
    for entry in catalogue():
        if entry.name == name:
            return entry
    known = [entry.name for entry in catalogue()]
    alike = get_close_matches(name, known)
    hint = f"did you mean {' or '.join(alike)}?" if alike else f"registered are: {', '.join(known)}"
    raise UsageError(f"no model is registered as {name!r}", f"{hint} see: forensics models list")


def entry_with_location(name: str) -> Entry | None:
    """Return the entry with this name, or with a file or folder of this name; None if there is none."""
    return next((entry for entry in catalogue() if name in (entry.name, entry.location)), None)


def entry_with_digest(sha256: str) -> Entry | None:
    """Return the entry whose file or folder has this digest; None if there is none."""
    return next((entry for entry in catalogue() if entry.sha256 == sha256), None)
