"""Which registered models are on this machine, where, and whether they are unchanged."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from forensics.errors import IntegrityBroken
from forensics.models.catalogue import Entry, catalogue, preferred_entries
from forensics.models.conversion import Conversion, find_conversion, load_conversion
from forensics.models.digest import digest_of
from forensics.models.model_store import find_in_folders, model_folders

__all__ = ["Installation", "State", "find_installation", "list_installations", "preferred_installation"]


class State(StrEnum):
    """State of a registered model on this machine."""

    OK = "ok"
    MISSING = "missing"
    ALTERED = "altered"
    UNCONVERTED = "unconverted"


@dataclass(frozen=True, slots=True)
class Installation:
    """A registered model on this machine.

    Attributes:
        entry: the registered model.
        state: whether it can be used.
        path: file or folder that would be loaded, else what was found of it; None if nothing was.
        conversion: what is recorded of its conversion; None if it needs none or has none.
    """

    entry: Entry
    state: State
    path: Path | None = None
    conversion: Conversion | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether what would be loaded has the digest that the catalogue states."""
        return self.state is State.OK and self.conversion is None


def find_installation(entry: Entry) -> Installation:
    """Find a registered model in the folders of models, and check its digest."""
    published = find_in_folders(entry.location)
    if published is not None and not _is_unchanged(entry, published):
        return Installation(entry, State.ALTERED, published)
    folder = find_conversion(entry, model_folders()) if entry.is_converted else None
    if folder is not None:
        try:
            return Installation(entry, State.OK, *load_conversion(folder, entry))
        except IntegrityBroken:
            return Installation(entry, State.ALTERED, folder)
    if published is None:
        return Installation(entry, State.MISSING)
    return Installation(entry, State.UNCONVERTED if entry.is_converted else State.OK, published)


def _is_unchanged(entry: Entry, published: Path) -> bool:
    try:
        return digest_of(published) == entry.sha256
    except IntegrityBroken:
        return False


def list_installations() -> tuple[Installation, ...]:
    """Return the state of every registered model, by name."""
    return tuple(map(find_installation, catalogue()))


def preferred_installation(model_format: str) -> Entry | None:
    """Return the first detector in the order of the catalogue that is in a folder of models; None if none is.

    Digests are not checked here: a changed file is refused when it is resolved, and not passed over.

    Args:
        model_format: ``openvino`` for a conversion, ``pt`` for the published file.
    """
    for entry in preferred_entries():
        conversion, published = find_conversion(entry, model_folders()), find_in_folders(entry.location)
        if conversion if model_format == "openvino" else published:
            return entry
    return None
