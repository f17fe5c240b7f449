"""OpenCV, loaded so that it does not change where this machine looks for libraries.

Its loader adds a path to LD_LIBRARY_PATH and leaves an empty one behind it, and an empty path is the folder where a
command runs: every process that is started afterwards, the decoding child first of all, would load libraries that
lie beside the footage.
"""

import os
from types import ModuleType

__all__ = ["load_opencv"]

_VARIABLE = "LD_LIBRARY_PATH"


def load_opencv() -> ModuleType:
    """The module; whoever loaded it before, no process that is started from now on looks in its own folder."""
    import cv2

    named = [path for path in os.environ.get(_VARIABLE, "").split(":") if path]
    if named:
        os.environ[_VARIABLE] = ":".join(named)
    else:
        os.environ.pop(_VARIABLE, None)
    return cv2
