"""Checks what this machine can do, and says how to get what is missing."""

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

from forensics.adapters.crypto.key_files import keys_folder
from forensics.adapters.crypto.locked_memory import protection_problems
from forensics.adapters.faces.dlib_weights import ALIGNMENT, dlib_weights, pinned_sha256
from forensics.adapters.faces.face_models import resolve_face_models
from forensics.errors import ForensicsError
from forensics.hardware import instruction_set
from forensics.models.installed import State, list_installations, preferred_installation
from pipelines.custody.keys import reviewer_keys_folder
from pipelines.search.recognition import face_libraries
from pipelines.versions import installed_versions, library_versions

__all__ = ["Finding", "examine"]

_FREE_BYTES = 5 << 30
_CLUSTER_HEAD = "gcs_server"


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check.

    Attributes:
        what: name of the checked thing.
        state: ``ok``, ``note`` or ``missing``; only with ``missing``, no run can work.
        detail: what was found, and what to do if it is not ok.
    """

    what: str
    state: str
    detail: str


def examine() -> list[Finding]:
    """Check everything that a run depends on; loads no model and changes nothing."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _python,
        _machine,
        _gpu,
        _libraries,
        _object_stores,
        _models,
        _faces,
        _face_libraries,
        _keys,
        _memory,
        _cluster,
        _disk,
    )
    return [finding for check in checks for finding in check()]


def _python() -> Iterator[Finding]:
    yield Finding("python", "ok", sys.version.split()[0])


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0))
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    yield Finding("machine", "ok", f"{cores} cores, {memory_gib:.0f} GiB, {instruction_set()}")


def _gpu() -> Iterator[Finding]:
    if Path("/proc/driver/nvidia/version").exists():
        yield Finding(
            "gpu", "ok", "an NVIDIA driver is installed; use it with --set detect.device=cuda and a .pt model"
        )
    else:
        yield Finding("gpu", "note", "no NVIDIA driver is installed; networks run on the processor")


def _libraries() -> Iterator[Finding]:
    for name, version in library_versions().items():
        if version == "absent":
            state = "note" if name == "decord" else "missing"
            yield Finding(name, state, "not installed; install it with `pip install .` in the project's folder")
        else:
            yield Finding(name, "ok", version)
    if find_spec("ray") is None:
        yield Finding("ray", "note", "not installed; needed for --ray and --runner ray only")


def _object_stores() -> Iterator[Finding]:
    found = installed_versions(["s3fs"])["s3fs"]
    if found == "absent":
        detail = "s3fs is not installed, so footage is read from disks only; `pip install 'video-forensics[s3]'`"
        yield Finding("object stores", "note", detail)
    else:
        yield Finding("object stores", "ok", f"s3://, with s3fs {found}")


def _models() -> Iterator[Finding]:
    yield Finding("model builtin", "ok", "background subtraction and OpenCV's people detector; needs no file")
    for each in list_installations():
        name = each.entry.name
        advice = {
            State.OK: f"installed, digest correct, {each.path}",
            State.UNCONVERTED: f"downloaded; convert it with `forensics models pull {name}`, which needs no network",
            State.ALTERED: f"altered: {each.path}; remove it and run `forensics models pull {name}`",
        }
        if each.state in advice:
            yield Finding(f"model {name}", "ok" if each.state is State.OK else "note", advice[each.state])
    if preferred_installation("openvino") is None:
        detail = (
            "none that a new case takes by itself is installed, so it takes builtin; download one with "
            "`forensics models pull yolo11n`, or name another with --model"
        )
        yield Finding("detector", "note", detail)


def _faces() -> Iterator[Finding]:
    """Check the models for faces, which only the modes search and missing need."""
    try:
        models = resolve_face_models("auto", "Dlib")
        landmarks = dlib_weights(ALIGNMENT)
    except ForensicsError as error:
        yield Finding("faces", "note", f"cannot be compared on this machine: {error}")
        return
    detector = f"{models.detector}, SHA-256 {models.detector_sha256[:12]}, {models.detector_path}"
    if models.detector == "yunet":
        yield Finding("face detector", "ok", detector)
    else:
        better = "YuNet finds more faces; download it with `forensics models pull face_detection_yunet_2026may`"
        yield Finding("face detector", "note", f"{detector}; {better}")
    yield Finding("face embedder", "ok", f"Dlib, SHA-256 {models.embedder_sha256[:12]}, {models.embedder_path}")
    yield Finding("face landmarks", "ok", f"dlib, 68 points, SHA-256 {pinned_sha256(ALIGNMENT)[:12]}, {landmarks}")


def _face_libraries() -> Iterator[Finding]:
    for name, version in face_libraries().items():
        if name not in library_versions():
            state = "note" if version == "absent" else "ok"
            yield Finding(name, state, "not installed; faces cannot be compared" if state == "note" else version)


def _keys() -> Iterator[Finding]:
    yield _check_private("keys of cases", keys_folder(), "FORENSICS_KEYS")
    yield _check_private("keys of reviewers", reviewer_keys_folder(), "FORENSICS_REVIEWER_KEYS")


def _memory() -> Iterator[Finding]:
    """Check how well keys in memory are protected; this process is protected from here on."""
    problems = protection_problems()
    swap_gib = psutil.swap_memory().total / (1 << 30)
    if swap_gib and not problems:
        yield Finding("memory", "note", f"keys are kept out of the swap ({swap_gib:.0f} GiB), decoded frames are not")
    elif problems:
        yield Finding("memory", "note", "; ".join(problems))
    else:
        yield Finding("memory", "ok", "keys are locked in memory, processes with a key write no core dump, no swap")


def _check_private(what: str, folder: Path, variable: str) -> Finding:
    """Check that only the owner can read a folder of keys; creates nothing."""
    origin = f"from ${variable}" if os.environ.get(variable) else f"to use another, set ${variable}"
    where = f"{folder} ({origin})"
    try:
        if not folder.exists():
            return Finding(what, "ok", f"{where}: does not exist yet; the first key creates it, readable only by you")
        keys = [path for path in folder.rglob("*") if path.is_file()]
        open_to_others = [path for path in (folder, *keys) if stat.S_IMODE(path.stat().st_mode) & 0o077]
    except OSError as error:
        return Finding(what, "note", f"{where}: {error.strerror}; set ${variable} to a folder that belongs to you")
    if open_to_others:
        advice = f"run `chmod 700 {folder}`, and `chmod 600` on its files"
        detail = f"{where}: other users can read {len(open_to_others)} of its files and folders; {advice}"
        return Finding(what, "note", detail)
    n_keys = f"{len(keys)} key{'s' if len(keys) != 1 else ''}"
    return Finding(what, "ok", f"{where}: {n_keys}, readable only by you")


def _cluster() -> Iterator[Finding]:
    """Check the cluster that a run would use, and the clusters on this machine."""
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        yield Finding(
            "cluster", "ok", "$RAY_ADDRESS is not set; a run starts a local cluster on loopback, with a token"
        )
    elif os.environ.get("RAY_AUTH_MODE") != "token":
        yield Finding(
            "cluster",
            "note",
            f"{address} is used without a token, so any client can run code on it; set RAY_AUTH_MODE=token",
        )
    else:
        yield Finding("cluster", "ok", f"{address}, with a token")
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name() == _CLUSTER_HEAD:
                yield from _check_access(process)


def _check_access(head: psutil.Process) -> Iterator[Finding]:
    """Check whether the head of a cluster on this machine requires a token, and where it listens."""
    addresses = sorted(
        {f"{c.laddr.ip}:{c.laddr.port}" for c in head.net_connections() if c.status == psutil.CONN_LISTEN}
    )
    where = f"a cluster of user {head.username()} listens on {', '.join(addresses)}"
    if head.environ().get("RAY_AUTH_MODE") != "token":
        advice = "stop it, and start it again with RAY_AUTH_MODE=token"
        yield Finding("cluster here", "note", f"{where} without a token, so any client can run code on it; {advice}")
    else:
        yield Finding("cluster here", "ok", f"{where}, with a token")


def _disk() -> Iterator[Finding]:
    free = shutil.disk_usage(Path.cwd()).free
    state = "ok" if free > _FREE_BYTES else "note"
    yield Finding(
        "disk",
        state,
        f"{free / (1 << 30):.0f} GiB free here; `forensics run CASE --dry-run` estimates what a run needs",
    )
