"""Import of deepface with its demography module removed; deepface is imported nowhere else.

deepface imports this module, which estimates attributes of people, by itself. Before deepface is first imported, the
module is replaced by an empty one whose every call raises, and the networks behind it cannot be imported. What remains
can only compute embeddings of faces. Downloads are disabled too: missing weights are an error.
"""

import importlib
import os
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from forensics.errors import CannotStart, NotAuthorised

__all__ = ["load_deepface"]

_REMOVED_MODULE: Final = "deepface.modules.demography"
_REMOVED_NETWORKS: Final = "deepface.models.demography"


class _RemovedModule(ModuleType):
    """A module whose every attribute is `_refuse`."""

    def __getattr__(self, name: str) -> Any:
        """Return `_refuse` for every name but those of the import system."""
        if name.startswith("__"):
            raise AttributeError(name)
        return _refuse


def _refuse(*_: object, **__: object) -> None:
    """Raise the error for a removed function, whatever its arguments."""
    raise NotAuthorised("this program estimates no attributes of people", "compare the face with a watch-list instead")


class _NetworkBlocker:
    """Import hook that refuses the networks behind the removed module."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Refuse a removed network; leave other modules to the next finder."""
        if name == _REMOVED_NETWORKS or name.startswith(f"{_REMOVED_NETWORKS}."):
            _refuse()


@cache
def load_deepface(weights_home: Path) -> Any:
    """Import deepface without demography and return its class `DeepFace`, running on ONNX.

    Args:
        weights_home: deepface looks for weights in its folder ``.deepface/weights``.

    Raises:
        CannotStart: deepface was imported before, perhaps with its demography module.
    """
    if "deepface" in sys.modules and not isinstance(sys.modules.get(_REMOVED_MODULE), _RemovedModule):
        raise CannotStart("deepface was imported before its demography module could be removed", "start a new process")
    os.environ["DEEPFACE_HOME"] = str(weights_home)
    os.environ["DEEPFACE_BACKEND_ENGINE"] = "onnx"
    os.environ["DEEPFACE_LOG_LEVEL"] = "40"
    sys.modules[_REMOVED_MODULE] = _RemovedModule(_REMOVED_MODULE)
    sys.meta_path.insert(0, _NetworkBlocker())
    loaded = importlib.import_module("deepface.DeepFace")
    setattr(importlib.import_module("deepface.commons.weight_utils"), "gdown", _RemovedModule("gdown"))  # noqa: B010 - mypy knows no such name
    return loaded
