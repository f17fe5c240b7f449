"""Look-up and digest check of models: given path first, then `$FORENSICS_MODELS`, then the user's cache."""

import contextlib
import os
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from forensics.errors import CannotStart, IntegrityBroken, UsageError
from forensics.models.catalogue import Entry, entry_with_digest, entry_with_location, preferred_entries
from forensics.models.conversion import Conversion, find_conversion, load_conversion
from forensics.models.digest import digest_of
from forensics.models.onnx_file import refuse_external_tensors
from forensics.models.withdrawn import refuse_withdrawn, refuse_withdrawn_digest

__all__ = ["BUILTIN", "Model", "cache_folder", "check", "find_in_folders", "model_folders", "places_text", "resolve"]

_SUGGESTED: Final = 2
_SUFFIXES: Final = (".onnx", ".pt")


@dataclass(frozen=True, slots=True)
class Model:
    """A model that may be loaded.

    Attributes:
        name: the registered name, else the name of the file or folder.
        path: the file or folder; None for `builtin`.
        sha256: digest of the file or folder; empty for `builtin`.
        format: ``openvino``, ``onnx``, ``pt`` or ``builtin``.
        licence, task, labels, training_data, accuracy: as registered; None for a model that is not registered.
        conversion: what is recorded of its conversion; None unless it was converted from a registered `.pt` file.
        choice: why it was taken; empty if it was named.
    """

    name: str
    path: Path | None
    sha256: str
    format: str
    licence: str | None = None
    task: str | None = None
    labels: str | None = None
    training_data: str | None = None
    conversion: Conversion | None = None
    choice: str = ""
    accuracy: str | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether the catalogue or the program fixes its bytes; for a conversion only its own record does."""
        return self.licence is not None and self.conversion is None


# Increase the number whenever the built-in detector gives other boxes for the same frame.
BUILTIN = Model(
    "builtin-1",
    None,
    "",
    "builtin",
    "AGPL-3.0-or-later",
    "detect",
    "person",
    "INRIA Person (OpenCV's HOG)",
    accuracy="measured with this program (docs/accuracy.md)",
)


def resolve(name_or_path: str, *, trusted_sha256: frozenset[str]) -> Model:
    """Find a model and compute its digest; nothing is downloaded or converted.

    The registered name of a `.pt` file means its conversion to OpenVINO; the name of the file means the file itself.

    Args:
        name_or_path: a registered name, a path, the name of a file in a model folder, or ``builtin``.
        trusted_sha256: digests of the ``.pt`` files that may run code while they are loaded.

    Raises:
        CannotStart: there is no such model.
        IntegrityBroken: a file with a registered name has another digest.
        UsageError: the format is unknown, the file is not trusted, its training set was withdrawn, or weights are in
            another file.
    """
    if name_or_path == "builtin":
        return BUILTIN
    converted = _entry_of_conversion(name_or_path)
    if converted:
        return _resolve_conversion(converted)
    path = _find(name_or_path)
    refuse_withdrawn(f"{path.name} / {path.resolve().name}", f"{path}: the name")
    kind = _format_of(path)
    _refuse_withdrawn_metadata(path)
    if kind == "onnx":
        with contextlib.suppress(ValueError):  # no network at all, which its loader refuses
            refuse_external_tensors(path)
    sha256 = digest_of(path)
    refuse_withdrawn_digest(path, sha256)
    entry = _registration(name_or_path, path, sha256)
    if kind == "pt":
        _refuse_untrusted(path, sha256, entry, trusted_sha256)
    return _registered(entry, path) if entry else Model(path.name, path, sha256, kind)


def check(model: Model) -> None:
    """Check that the file or folder still has the digest that was resolved; workers call this before loading.

    Raises:
        CannotStart: the file or folder is missing.
        IntegrityBroken: the digest differs.
    """
    if model.path is None:
        return
    if not model.path.exists():
        raise CannotStart(
            "the model file is missing on this machine",
            "place it at the same path on every machine of the cluster",
            model.path,
        )
    actual = digest_of(model.path)
    if actual != model.sha256:
        raise IntegrityBroken(
            f"SHA-256 is {actual[:12]}, the run was planned with {model.sha256[:12]}",
            "put the same model on every machine",
            model.path,
        )


def model_folders() -> tuple[Path, ...]:
    """Return the folders that are searched for models, in order: `$FORENSICS_MODELS` if set, the user's cache."""
    named = os.environ.get("FORENSICS_MODELS")
    return (Path(named), cache_folder()) if named else (cache_folder(),)


def places_text() -> str:
    """Return the folders that are searched for models, and whether `$FORENSICS_MODELS` names one of them."""
    folders = ", ".join(map(str, model_folders()))
    return folders if os.environ.get("FORENSICS_MODELS") else f"{folders} (FORENSICS_MODELS is not set)"


def cache_folder() -> Path:
    """Return the model folder in the user's cache."""
    return user_cache_path("forensics") / "models"


def _entry_of_conversion(name: str) -> Entry | None:
    """Return the entry whose conversion a name means; None for any other name, and for an existing path."""
    entry = entry_with_location(name)
    is_conversion = entry is not None and entry.is_converted and name == entry.name
    return entry if is_conversion and not Path(name).exists() else None


def _resolve_conversion(entry: Entry) -> Model:
    """Return the converted network of an entry."""
    folder = find_conversion(entry, model_folders())
    if folder is None:
        raise _not_found(entry.name, entry)
    path, conversion = load_conversion(folder.absolute(), entry)
    _refuse_withdrawn_metadata(path)
    refuse_withdrawn_digest(path, conversion.network_sha256)
    registered = _registered(entry, path)
    return replace(registered, sha256=conversion.network_sha256, format="openvino", conversion=conversion)


def _find(name_or_path: str) -> Path:
    as_path = Path(name_or_path).expanduser()
    if as_path.exists():
        return as_path.absolute()
    entry = entry_with_location(name_or_path)
    found = find_in_folders(entry.location if entry else name_or_path)
    if found:
        return found.absolute()
    refuse_withdrawn(name_or_path, f"{name_or_path}: the name")
    raise _not_found(name_or_path, entry)


def find_in_folders(location: str) -> Path | None:
    """Return the first file or folder of this name in the folders of models; None if there is none.

    Only names count: a path such as ``../x`` must not lead out of the folder.
    """
    if not location or Path(location).name != location:
        return None
    return next((folder / location for folder in model_folders() if (folder / location).exists()), None)


def _not_found(name: str, entry: Entry | None) -> CannotStart:
    folders = places_text()
    published = find_in_folders(entry.location) if entry else None
    if entry and published:
        return CannotStart(
            f"{entry.name} is not converted to OpenVINO yet",
            f"run: forensics models pull {entry.name}, which converts it and needs no network",
            published,
        )
    if entry:
        return CannotStart(f"the model {entry.name} is not in {folders}", f"run: forensics models pull {entry.name}")
    known = ", ".join(known.name for known in preferred_entries())
    return CannotStart(
        f"{name} is neither a file nor a registered model, and is not in {folders}",
        f"{_suggestion(Path(name).expanduser())}give a path or `builtin`, or download one of {known}: "
        "forensics models pull NAME",
    )


def _suggestion(missing: Path) -> str:
    """Return the question whether a model in the same folder, spelled alike, is meant; empty if there is none."""
    try:
        beside = [path.name for path in missing.parent.iterdir() if path.is_dir() or path.suffix in _SUFFIXES]
    except OSError:
        return ""
    longer = [name for name in sorted(beside) if missing.name and name.startswith(missing.name)]
    alike = (longer or get_close_matches(missing.name, sorted(beside)))[:_SUGGESTED]
    return f"did you mean {' or '.join(str(missing.with_name(name)) for name in alike)}? or " if alike else ""


def _format_of(path: Path) -> str:
    if path.is_dir() and len(list(path.glob("*.xml"))) == 1:
        return "openvino"
    if path.is_file() and path.suffix.lower() in _SUFFIXES:
        return path.suffix.lower().removeprefix(".")
    hint = f"give its folder, {path.parent}" if path.suffix == ".xml" else "see: forensics models list"
    raise UsageError(f"{path} is neither an .onnx file, an OpenVINO folder with one .xml, nor a .pt file", hint)


def _refuse_withdrawn_metadata(path: Path) -> None:
    metadata = path / "metadata.yaml"
    if metadata.is_file():
        refuse_withdrawn(metadata.read_text(encoding="utf-8", errors="replace"), str(metadata))


def _registration(name_or_path: str, path: Path, sha256: str) -> Entry | None:
    # a file with the name of a registered model must have its digest
    claimed = entry_with_location(name_or_path) or entry_with_location(path.name)
    if claimed and claimed.sha256 != sha256:
        raise IntegrityBroken(
            f"SHA-256 is {sha256[:12]}, {claimed.name} is registered with {claimed.sha256[:12]}",
            f"remove it and run: forensics models pull {claimed.name}; if it is a model of your own, rename it",
            path,
        )
    return claimed or entry_with_digest(sha256)


def _refuse_untrusted(path: Path, sha256: str, entry: Entry | None, trusted_sha256: frozenset[str]) -> None:
    if entry is None and sha256 not in {digest.lower() for digest in trusted_sha256}:
        raise UsageError(
            "loading a .pt file can run code, and its digest is not registered",
            f"if you trust its origin, add: --trust-model {sha256}",
            path,
        )


def _registered(entry: Entry, path: Path) -> Model:
    return Model(
        name=entry.name,
        path=path,
        sha256=entry.sha256,
        format=entry.format,
        licence=entry.licence,
        task=entry.task,
        labels=entry.labels,
        training_data=entry.training_data,
        accuracy=entry.accuracy,
    )
