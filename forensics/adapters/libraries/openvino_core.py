"""OpenVINO's one entrance for this process, which tells nobody of it.

When OpenVINO is imported it reports that over the network, from a forked copy of this process, and leaves a client's
number in the user's home. Without the package that does so it reports nothing: so that is never found.
"""

import sys
from functools import cache
from typing import Any, cast

__all__ = ["openvino_core"]

sys.modules.setdefault("openvino_telemetry", cast("Any", None))  # importing it fails, and OpenVINO does without


@cache
def openvino_core() -> Any:
    """The `Core` that everything here is read and compiled with; it lives as long as the process.

    Each gives the thread that first compiles with it a stack for signals, and on its end puts back the one from before,
    which by then may be another's that is gone: the next Ctrl-C after the second one ended was a segmentation fault.
    """
    from openvino import Core

    return Core()
