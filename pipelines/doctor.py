"""What this machine can do, what is missing and how to get it."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from forensics.hardware import instruction_set
from forensics.models.shelf import verify
from pipelines.plan import libraries

__all__ = ["Finding", "examine"]

_ROOM_BYTES = 5 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: in a word or two.
        state: ``ok``, ``note`` or ``missing``; only the last keeps a run from working.
        detail: what was found, and what to do if it is not ok.
    """

    what: str
    state: str
    detail: str


def examine() -> list[Finding]:
    """Everything a run depends on; nothing heavy is loaded and nothing is changed."""
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (_python, _machine, _gpu, _libraries, _models, _cluster, _disk)
    return [finding for look in looks for finding in look()]


def _python() -> Iterator[Finding]:
    yield Finding("python", "ok", sys.version.split()[0])


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0))
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    yield Finding("machine", "ok", f"{cores} cores, {memory_gib:.0f} GiB, {instruction_set()}")


def _gpu() -> Iterator[Finding]:
    if Path("/proc/driver/nvidia/version").exists():
        yield Finding("gpu", "ok", "an NVIDIA driver is there; use it with --set detect.device=cuda and a .pt model")
    else:
        yield Finding("gpu", "note", "no NVIDIA driver; networks run on the processor")


def _libraries() -> Iterator[Finding]:
    for name, version in libraries().items():
        if version == "absent":
            state = "note" if name == "decord" else "missing"
            yield Finding(name, state, "not installed; `pip install .` in the project's folder installs it")
        else:
            yield Finding(name, "ok", version)
    if find_spec("ray") is None:
        yield Finding("ray", "note", "not installed; use --runner serial")


def _models() -> Iterator[Finding]:
    yield Finding("model builtin", "ok", "background subtraction and OpenCV's people detector; needs no file")
    for name, state in verify():
        advice = {"ok": "here, digest right", "missing": f"`forensics models pull {name}` fetches it"}
        yield Finding(f"model {name}", "ok" if state == "ok" else "note", advice.get(state, f"{state}; pull it again"))


def _cluster() -> Iterator[Finding]:
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        yield Finding("cluster", "ok", "none named; a run starts a local one on loopback, with a token")
    elif os.environ.get("RAY_AUTH_MODE") != "token":
        yield Finding("cluster", "note", f"{address} is used without RAY_AUTH_MODE=token: whoever reaches it runs code")
    else:
        yield Finding("cluster", "ok", f"{address}, with a token")


def _disk() -> Iterator[Finding]:
    free = shutil.disk_usage(Path.cwd()).free
    state = "ok" if free > _ROOM_BYTES else "note"
    yield Finding("disk", state, f"{free / (1 << 30):.0f} GiB free here; a run says what it needs with --dry-run")
