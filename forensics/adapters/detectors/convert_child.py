"""Child process that converts one `.pt` file to OpenVINO by ultralytics' own export.

It is started as a script and not as a module of the project, so that it has one thread when it leaves the network:
Linux refuses that to a process with several. Arguments: name of the file in the current folder, process id of the
parent.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any, Final

__all__ = ["ISOLATION", "main"]

ISOLATION: Final = "isolation.txt"
"""File to which the process writes how it was kept from the network."""

_PR_SET_PDEATHSIG: Final = 1
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_LIMITS: Final = {
    resource.RLIMIT_CPU: 3600,
    resource.RLIMIT_DATA: 8 << 30,
    resource.RLIMIT_FSIZE: 2 << 30,
    resource.RLIMIT_CORE: 0,
}
_CONNECTING: Final = ("socket.connect", "socket.bind", "socket.send", "socket.getaddrinfo", "socket.gethost")


def main() -> None:
    """Leave the network, set limits, then load and export the file."""
    name, parent = sys.argv[1], int(sys.argv[2])
    Path(ISOLATION).write_text(_leave_network(), encoding="utf-8")
    _die_with(parent)
    for kind, wanted in _LIMITS.items():
        _, hard = resource.getrlimit(kind)
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (allowed, allowed))
    _export(name)


def _leave_network() -> str:
    """Move this process to a network namespace without interfaces; where that is forbidden, refuse its sockets."""
    with contextlib.suppress(AttributeError):  # not Linux
        unshare = ctypes.CDLL(None).unshare
        for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET):
            if unshare(flags) == 0:
                return "network namespace without interfaces"
    sys.addaudithook(_refuse_connections)
    return "connections refused inside Python"


def _refuse_connections(event: str, _: tuple[Any, ...]) -> None:
    if event.startswith(_CONNECTING):
        raise PermissionError(f"{event}: a conversion uses no network")


def _die_with(parent: int) -> None:
    """Make Linux kill this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            raise SystemExit("the parent has ended")


def _export(name: str) -> None:
    """Export the network with 32-bit weights."""
    from ultralytics.models.yolo.model import YOLO

    network = YOLO(name, task="detect")
    if network.task != "detect":
        raise SystemExit(f"{name} is a model for the task {network.task}")
    network.export(format="openvino", device="cpu")


if __name__ == "__main__":
    main()
