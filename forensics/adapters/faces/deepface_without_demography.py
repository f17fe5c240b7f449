"""deepface without what it says about people: imported only through here.

deepface imports its module for years of age, origin, sex and mood by itself. Before it is first imported, that
module and every network behind it are replaced by an inert one, whose every call raises. What remains can describe a
face as a vector and nothing else. It downloads nothing either: weights that are not in place are an error.
"""

import importlib
import os
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from forensics.errors import CannotStart, NotAuthorised

__all__ = ["deepface"]

_REMOVED: Final = "deepface.modules.demography"
_NETWORKS: Final = "deepface.models.demography"


class _Inert(ModuleType):
    """A module in which everything is the same refusal."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _refuse


def _refuse(*_: object, **__: object) -> None:
    raise NotAuthorised(
        "nothing here infers what a person is", "compare a face with a watch-list, or do not look at it at all"
    )


class _Refusing:
    """Finds no network of the kind that was removed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == _NETWORKS or name.startswith(f"{_NETWORKS}."):
            _refuse()


@cache
def deepface(weights_home: Path) -> Any:
    """The class `DeepFace`, running on ONNX, with its weights below `weights_home`/.deepface/weights.

    Raises:
        CannotStart: something imported deepface before, so that what it can do is not known.
    """
    if "deepface" in sys.modules and not isinstance(sys.modules.get(_REMOVED), _Inert):
        raise CannotStart("deepface was imported by something else first", "start a fresh process")
    os.environ["DEEPFACE_HOME"] = str(weights_home)
    os.environ["DEEPFACE_BACKEND_ENGINE"] = "onnx"
    os.environ["DEEPFACE_LOG_LEVEL"] = "40"
    sys.modules[_REMOVED] = _Inert(_REMOVED)
    sys.meta_path.insert(0, _Refusing())
    loaded = importlib.import_module("deepface.DeepFace")
    setattr(importlib.import_module("deepface.commons.weight_utils"), "gdown", _Inert("gdown"))  # noqa: B010 - mypy knows no such name
    return loaded
