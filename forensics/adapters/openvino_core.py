"""OpenVINO's one entrance for this process."""

from functools import cache
from typing import Any

__all__ = ["openvino_core"]


@cache
def openvino_core() -> Any:
    """The `Core` that everything here is read and compiled with; it lives as long as the process.

    Each gives the thread that first compiles with it a stack for signals, and on its end puts back the one from before,
    which by then may be another's that is gone: the next Ctrl-C after the second one ended was a segmentation fault.
    """
    from openvino import Core

    return Core()
