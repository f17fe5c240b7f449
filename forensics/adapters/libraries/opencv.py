"""OpenCV, loaded without its change to the library search path.

OpenCV's loader adds a path to LD_LIBRARY_PATH and leaves an empty entry behind it. The dynamic linker reads an empty
entry as the current folder. Every process started later, above all the decoding child, would then load libraries that
lie beside the footage.
"""

import os
from types import ModuleType

__all__ = ["load_opencv"]

_VARIABLE = "LD_LIBRARY_PATH"


def load_opencv() -> ModuleType:
    """Import OpenCV and remove empty entries from LD_LIBRARY_PATH, also if OpenCV was imported before.

    Processes started afterwards do not load libraries from their current folder.
    """
    import cv2

    paths = [path for path in os.environ.get(_VARIABLE, "").split(":") if path]
    if paths:
        os.environ[_VARIABLE] = ":".join(paths)
    else:
        os.environ.pop(_VARIABLE, None)
    return cv2
