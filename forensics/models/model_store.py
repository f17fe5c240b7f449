"""From a name to a model whose digest is known: a path, `$FORENSICS_MODELS`, then the user's cache."""

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from forensics.errors import CannotStart, IntegrityBroken, UsageError
from forensics.models.catalogue import Entry, catalogue, entry_with_digest, entry_with_location
from forensics.models.digest import digest_of
from forensics.models.withdrawn import refuse_withdrawn, refuse_withdrawn_digest

__all__ = ["BUILTIN", "Model", "cache_folder", "check", "model_folders", "resolve", "verify"]


@dataclass(frozen=True, slots=True)
class Model:
    """A model that may be loaded.

    Attributes:
        name: the registered name, else that of the file or folder.
        path: None for `builtin`.
        sha256: of the file or folder; empty for `builtin`.
        format: ``openvino``, ``onnx``, ``pt`` or ``builtin``.
        licence, task, labels, training_data: as registered; None where nobody registered it.
    """

    name: str
    path: Path | None
    sha256: str
    format: str
    licence: str | None = None
    task: str | None = None
    labels: str | None = None
    training_data: str | None = None


# The number rises whenever the built-in detector would say something else of the same frame.
BUILTIN = Model(
    "builtin-1", None, "", "builtin", "AGPL-3.0-or-later", "detect", "person", "INRIA Person (OpenCV's HOG)"
)


def resolve(name_or_path: str, *, trusted_sha256: frozenset[str]) -> Model:
    """The model meant, found and digested; nothing is fetched.

    Args:
        name_or_path: a registered name, a path, the name of a file on a shelf, or ``builtin``.
        trusted_sha256: digests of files that may run code when they are loaded.
    """
    if name_or_path == "builtin":
        return BUILTIN
    path = _find(name_or_path)
    refuse_withdrawn(f"{path.name} / {path.resolve().name}", f"{path}: the name")
    kind = _format_of(path)
    _refuse_withdrawn_metadata(path)
    sha256 = digest_of(path)
    refuse_withdrawn_digest(path, sha256)
    entry = _registration(name_or_path, path, sha256)
    if kind == "pt":
        _refuse_untrusted(path, sha256, entry, trusted_sha256)
    return _registered(entry, path) if entry else Model(path.name, path, sha256, kind)


def check(model: Model) -> None:
    """Return only if the file or folder is still what was resolved; a worker asks before it loads."""
    if model.path is None:
        return
    if not model.path.exists():
        raise CannotStart("the model is not there", "place it at the same path on every machine", model.path)
    actual = digest_of(model.path)
    if actual != model.sha256:
        raise IntegrityBroken(
            f"SHA-256 is {actual[:12]}, the run was planned with {model.sha256[:12]}",
            "put the same model on every machine",
            model.path,
        )


def verify() -> list[tuple[str, str]]:
    """(name, state) of every registered model, by name; the state is ``ok``, ``missing`` or ``altered``."""
    return [(entry.name, _state_of(entry)) for entry in catalogue()]


def model_folders() -> tuple[Path, ...]:
    """Folders where models are sought, in order: `$FORENSICS_MODELS` if set, the user's cache."""
    named = os.environ.get("FORENSICS_MODELS")
    return (Path(named), cache_folder()) if named else (cache_folder(),)


def cache_folder() -> Path:
    """The user's own shelf, where `forensics models pull` puts things."""
    return user_cache_path("forensics") / "models"


def _find(name_or_path: str) -> Path:
    as_path = Path(name_or_path).expanduser()
    if as_path.exists():
        return as_path.absolute()
    entry = entry_with_location(name_or_path)
    on_shelf = _on_shelf(entry.location if entry else name_or_path)
    if on_shelf:
        return on_shelf.absolute()
    refuse_withdrawn(name_or_path, f"{name_or_path}: the name")
    raise _absent(name_or_path, entry)


def _on_shelf(location: str) -> Path | None:
    # a shelf hands out what lies on it, not what a path such as ../x leads to
    if not location or Path(location).name != location:
        return None
    return next((shelf / location for shelf in model_folders() if (shelf / location).exists()), None)


def _absent(name: str, entry: Entry | None) -> CannotStart:
    sought = ", ".join(map(str, model_folders()))
    if entry:
        return CannotStart(f"the model {entry.name} is not in {sought}", f"run: forensics models pull {entry.name}")
    known = ", ".join(known.name for known in catalogue() if known.task == "detect")
    return CannotStart(
        f"{name} is no file, no registered model, and not in {sought}",
        f"give a path, use builtin, or run: forensics models pull NAME, which can be {known}",
    )


def _format_of(path: Path) -> str:
    if path.is_dir() and len(list(path.glob("*.xml"))) == 1:
        return "openvino"
    if path.is_file() and path.suffix.lower() in (".onnx", ".pt"):
        return path.suffix.lower().removeprefix(".")
    hint = f"give its folder, {path.parent}" if path.suffix == ".xml" else "see: forensics models list"
    raise UsageError(f"{path} is neither an .onnx file, an OpenVINO folder with one .xml, nor a .pt file", hint)


def _refuse_withdrawn_metadata(path: Path) -> None:
    metadata = path / "metadata.yaml"
    if metadata.is_file():
        refuse_withdrawn(metadata.read_text(encoding="utf-8", errors="replace"), str(metadata))


def _registration(name_or_path: str, path: Path, sha256: str) -> Entry | None:
    # the name binds as much as the digest: a file called like a registered one must be it
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
            f"if you trust where it came from, add: --trust-model {sha256}",
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
    )


def _state_of(entry: Entry) -> str:
    path = _on_shelf(entry.location)
    if path is None:
        return "missing"
    return "ok" if digest_of(path) == entry.sha256 else "altered"
