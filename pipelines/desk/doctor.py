"""What this machine can do, what is missing and how to get it."""

import contextlib
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from forensics.adapters.faces.dlib_weights import ALIGNMENT, dlib_weights, pinned_sha256
from forensics.adapters.faces.face_models import face_models
from forensics.errors import ForensicsError
from forensics.hardware import instruction_set
from forensics.models.model_store import verify
from pipelines.custody.keys import keys_folder, reviewer_keys_folder
from pipelines.search.recognition import face_libraries
from pipelines.versions import installed, libraries

__all__ = ["Finding", "examine"]

_ROOM_BYTES = 5 << 30
_HEAD_OF_A_CLUSTER = "gcs_server"


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
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        *(
            _python,
            _machine,
            _gpu,
            _libraries,
            _object_stores,
            _models,
            _faces,
            _face_libraries,
            _keys,
            _cluster,
            _disk,
        ),
    )
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


def _object_stores() -> Iterator[Finding]:
    found = installed(["s3fs"])["s3fs"]
    if found == "absent":
        detail = "s3fs is not installed: footage is read from disks; `pip install 'video-forensics[s3]'`"
        yield Finding("object stores", "note", detail)
    else:
        yield Finding("object stores", "ok", f"s3://, by s3fs {found}")


def _models() -> Iterator[Finding]:
    yield Finding("model builtin", "ok", "background subtraction and OpenCV's people detector; needs no file")
    for name, state in verify():
        advice = {"ok": "here, digest right", "missing": f"`forensics models pull {name}` fetches it"}
        yield Finding(f"model {name}", "ok" if state == "ok" else "note", advice.get(state, f"{state}; pull it again"))


def _faces() -> Iterator[Finding]:
    """What modes search and missing find and describe faces with; every other mode runs without it."""
    try:
        models = face_models("auto", "Dlib")
        landmarks = dlib_weights(ALIGNMENT)
    except ForensicsError as error:
        yield Finding("faces", "note", f"cannot be compared here: {error}")
        return
    detector = f"{models.detector}, SHA-256 {models.detector_sha256[:12]}, {models.detector_path}"
    if models.detector == "yunet":
        yield Finding("face detector", "ok", detector)
    else:
        better = "YuNet finds more: `forensics models pull face_detection_yunet_2026may`"
        yield Finding("face detector", "note", f"{detector}; {better}")
    yield Finding("face embedder", "ok", f"Dlib, SHA-256 {models.embedder_sha256[:12]}, {models.embedder_path}")
    yield Finding("face landmarks", "ok", f"dlib, 68 points, SHA-256 {pinned_sha256(ALIGNMENT)[:12]}, {landmarks}")


def _face_libraries() -> Iterator[Finding]:
    for name, version in face_libraries().items():
        if name not in libraries():
            state = "note" if version == "absent" else "ok"
            yield Finding(name, state, "not installed; no face can be compared" if state == "note" else version)


def _keys() -> Iterator[Finding]:
    yield _private("keys of cases", keys_folder(), "FORENSICS_KEYS")
    yield _private("keys of reviewers", reviewer_keys_folder(), "FORENSICS_REVIEWER_KEYS")


def _private(what: str, folder: Path, variable: str) -> Finding:
    """Whether a folder of keys and all in it is for its owner only; nothing is made."""
    where = f"{folder} (${variable}{'' if os.environ.get(variable) else ' names another'})"
    try:
        if not folder.exists():
            return Finding(what, "ok", f"{where}: not there yet; the first key makes it, for you alone")
        keys = [path for path in folder.rglob("*") if path.is_file()]
        open_to_others = [path for path in (folder, *keys) if stat.S_IMODE(path.stat().st_mode) & 0o077]
    except OSError as error:
        return Finding(what, "note", f"{where}: {error.strerror}; name a folder of your own with ${variable}")
    if open_to_others:
        advice = f"chmod 700 {folder}; chmod 600 its files"
        return Finding(what, "note", f"{where}: others can read {len(open_to_others)} of it, keys or folder: {advice}")
    return Finding(what, "ok", f"{where}: {len(keys)} there, for you alone")


def _cluster() -> Iterator[Finding]:
    """The cluster that a run would use, and those that run here and are open to whoever reaches them."""
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        yield Finding("cluster", "ok", "none named; a run starts a local one on loopback, with a token")
    elif os.environ.get("RAY_AUTH_MODE") != "token":
        yield Finding("cluster", "note", f"{address} is used without RAY_AUTH_MODE=token: whoever reaches it runs code")
    else:
        yield Finding("cluster", "ok", f"{address}, with a token")
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name() == _HEAD_OF_A_CLUSTER:
                yield from _openness(process)


def _openness(head: psutil.Process) -> Iterator[Finding]:
    """Whether the head of a cluster on this machine asks for a token, and where it listens."""
    heard = sorted({f"{c.laddr.ip}:{c.laddr.port}" for c in head.net_connections() if c.status == psutil.CONN_LISTEN})
    where = f"a cluster of {head.username()} listens on {', '.join(heard)}"
    if head.environ().get("RAY_AUTH_MODE") != "token":
        advice = "stop it, and start it anew with RAY_AUTH_MODE=token"
        yield Finding("cluster here", "note", f"{where} without a token: whoever reaches it runs code; {advice}")
    else:
        yield Finding("cluster here", "ok", f"{where}, with a token")


def _disk() -> Iterator[Finding]:
    free = shutil.disk_usage(Path.cwd()).free
    state = "ok" if free > _ROOM_BYTES else "note"
    yield Finding("disk", state, f"{free / (1 << 30):.0f} GiB free here; a run says what it needs with --dry-run")
