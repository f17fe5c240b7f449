"""Conversion of a published `.pt` file to an OpenVINO folder: where it is kept, and what is recorded beside it.

The folder `NAME.converted` in a folder of models appears whole. It holds the network, as ultralytics exports it, and a
record of the digests of both and of the libraries that converted it. The conversion itself is made by
`forensics.adapters.detectors.convert`.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from forensics.errors import CannotStart, IntegrityBroken
from forensics.json_object import JsonObject, decode_json
from forensics.models.catalogue import Entry
from forensics.models.digest import digest_of
from forensics.models.storage import open_regular

__all__ = [
    "NOT_PINNED",
    "RECORD",
    "Conversion",
    "conversion_folder",
    "encode_conversion",
    "find_conversion",
    "load_conversion",
]

RECORD: Final = "conversion.json"
NOT_PINNED: Final = "converted, not pinned: anyone who can write to its folder can replace it"
"""What people must know of a conversion: no catalogue can know its digest, which the libraries decide."""

_LARGEST_BYTES: Final = 1 << 20


def _require_name(name: str) -> str:
    if not name or name in {".", ".."} or Path(name).name != name:
        raise ValueError("is not a name without folders")
    return name


_Name = Annotated[str, AfterValidator(_require_name)]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class Conversion:
    """What is recorded of a conversion.

    Attributes:
        source: name of the published file.
        source_sha256: its digest.
        network: name of the folder of the converted network.
        network_sha256: its digest, by `digest_of`.
        weights: number format of the weights.
        libraries: name and version of each library that converted it.
        isolation: how the converting process was kept from the network.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    source: _Name
    source_sha256: _Sha256
    network: _Name
    network_sha256: _Sha256
    weights: str
    libraries: Mapping[str, str]
    isolation: str

    @property
    def facts(self) -> JsonObject:
        """All of it, for records."""
        return asdict(self)


def encode_conversion(conversion: Conversion) -> str:
    """Return the content of the record."""
    return json.dumps(conversion.facts, indent=1, sort_keys=True) + "\n"


def conversion_folder(folder: Path, entry: Entry) -> Path:
    """Return the place of an entry's conversion in a folder of models."""
    return folder / f"{entry.name}.converted"


def find_conversion(entry: Entry, folders: Sequence[Path]) -> Path | None:
    """Return the first of the folders of models that holds a conversion of an entry, with its name; None if none."""
    return next((path for folder in folders if (path := conversion_folder(folder, entry)).is_dir()), None)


def load_conversion(folder: Path, entry: Entry) -> tuple[Path, Conversion]:
    """Return the path of a converted network and its record, after a check of both digests.

    Raises:
        IntegrityBroken: the record is missing or damaged, is of another published file, or the network has changed.
    """
    try:
        conversion = _read_record(folder / RECORD)
        network = folder / conversion.network
        actual = digest_of(network)
    except (OSError, ValueError, CannotStart) as error:
        raise _broken(folder, entry, f"cannot be read as a conversion ({_first_line(error)})") from error
    if conversion.source_sha256 != entry.sha256:
        registered = f"{entry.name} is registered with {entry.sha256[:12]}"
        raise _broken(folder, entry, f"made from a file with SHA-256 {conversion.source_sha256[:12]}, {registered}")
    if actual != conversion.network_sha256:
        recorded = f"it was recorded with {conversion.network_sha256[:12]}"
        raise _broken(folder, entry, f"the network has SHA-256 {actual[:12]}, {recorded}")
    return network, conversion


def _read_record(path: Path) -> Conversion:
    """Read a record that somebody else may have written."""
    with os.fdopen(open_regular(path), "rb") as file:
        stored = file.read(_LARGEST_BYTES)
    decode_json(stored)  # refuses deep nesting
    return TypeAdapter(Conversion).validate_json(stored)


def _first_line(error: Exception) -> str:
    """Return what is wrong: of several invalid fields the first."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _broken(folder: Path, entry: Entry, problem: str) -> IntegrityBroken:
    return IntegrityBroken(problem, f"remove this folder and run: forensics models pull {entry.name}", folder)
