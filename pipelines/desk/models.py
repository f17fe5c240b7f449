"""Registered models on this machine: install one, and describe all of them."""

import os
from collections.abc import Callable
from pathlib import Path

from forensics.adapters.detectors.convert import convert
from forensics.errors import IntegrityBroken
from forensics.json_object import JsonObject
from forensics.models.catalogue import Entry, entry_named
from forensics.models.download import OnProgress
from forensics.models.installed import Installation, State, find_installation
from forensics.models.model_store import cache_folder, model_folders
from forensics.models.pull import fetch

__all__ = ["describe_installation", "describe_pull", "install", "size_text"]


def install(name: str, into: Path | None, *, on_progress: OnProgress, on_step: Callable[[str], None]) -> Path:
    """Download a registered model, convert it if its format needs that, and return what would be loaded.

    What is there already is checked and not downloaded again; a published file that lies in a folder of models is
    converted without network.

    Args:
        name: registered name.
        into: folder that gets all files; None takes the first folder that is searched, and what is in any of them.
        on_progress: called with the bytes downloaded and the total bytes.
        on_step: called with a text before each step that takes long.

    Raises:
        UsageError: the name is unknown.
        CannotStart: the download or the conversion failed.
        IntegrityBroken: a file has another digest than registered or recorded.
    """
    entry = entry_named(name)
    if into is not None:
        return _install_in(into, entry, on_progress, on_step)
    found = find_installation(entry)
    if found.path is None:
        return _install_in(model_folders()[0], entry, on_progress, on_step)
    if found.state is State.ALTERED:
        raise IntegrityBroken(
            f"differs from the registered {name}, or from what was recorded of it",
            f"remove it, or move it away, and run: forensics models pull {name}",
            found.path,
        )
    if found.state is State.UNCONVERTED:
        folder = found.path.parent if os.access(found.path.parent, os.W_OK) else cache_folder()
        return _convert(entry, found.path, folder, on_step)
    return found.path


def _install_in(folder: Path, entry: Entry, on_progress: OnProgress, on_step: Callable[[str], None]) -> Path:
    """Install a model in a folder."""
    published = fetch(entry, folder.absolute(), on_progress=on_progress)
    return _convert(entry, published, folder.absolute(), on_step) if entry.is_converted else published


def _convert(entry: Entry, published: Path, folder: Path, on_step: Callable[[str], None]) -> Path:
    on_step(f"{entry.name}: converting {published} to OpenVINO, unless that is done already ...")
    return convert(entry, published, folder)


def describe_installation(installation: Installation) -> JsonObject:
    """Return the facts about a registered model and its state on this machine."""
    entry, conversion = installation.entry, installation.conversion
    return {
        "name": entry.name,
        "task": entry.task,
        "licence": entry.licence,
        "labels": entry.labels,
        "training_data": entry.training_data,
        "accuracy": entry.accuracy,
        "state": str(installation.state),
        "path": None if installation.path is None else str(installation.path),
        "size_bytes": entry.size_bytes,
        "sha256": entry.sha256,
        "files": [{"name": file.name, "source": file.source, "sha256": file.sha256} for file in entry.files],
        "pull": describe_pull(installation),
        "preference": entry.preference and {"order": entry.preference.order, "reason": entry.preference.reason},
        "pinned": installation.is_pinned,
        "conversion": conversion and conversion.facts,
    }


def describe_pull(installation: Installation) -> str:
    """Return what `forensics models pull` would do."""
    entry, state = installation.entry, installation.state
    if state is State.OK:
        return "does nothing"
    if state is State.ALTERED:
        return "refuses until the changed file is removed"
    if state is State.UNCONVERTED:
        return "converts it to OpenVINO, without network"
    known = "it (size unknown)" if entry.size_bytes is None else size_text(entry.size_bytes)
    converts = ", then converts to OpenVINO" if entry.is_converted else ""
    return f"downloads {known}{converts}"


def size_text(size_bytes: int | None) -> str:
    """Return a size for people.

    >>> size_text(5_613_764), size_text(229_738), size_text(None)
    ('5.4 MiB', '0.2 MiB', 'unknown')
    """
    return "unknown" if size_bytes is None else f"{size_bytes / (1 << 20):.1f} MiB"
