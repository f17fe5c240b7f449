"""The one OpenVINO `Core` of this process, with OpenVINO's telemetry disabled.

OpenVINO reports its import over the network, from a forked copy of this process, and writes a client id into the
user's home. The package `openvino_telemetry` does this; OpenVINO works without it. Importing it is made to fail here.
"""

import sys
from functools import cache
from typing import Any, cast

__all__ = ["openvino_core"]

sys.modules.setdefault("openvino_telemetry", cast("Any", None))  # None makes the import fail


@cache
def openvino_core() -> Any:
    """Return the `Core` that reads and compiles every network; it lives as long as the process.

    There is only one, because of signal stacks. A `Core` gives the thread that first compiles with it such a stack, and
    restores the previous one when it is destroyed. With two, the previous one may already be freed: the next Ctrl-C
    after the end of the second was a segmentation fault.
    """
    from openvino import Core

    return Core()
