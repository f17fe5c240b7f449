"""Connects to a running Ray cluster, or starts a local one that ends with the run.

A local cluster listens on loopback only, requires a token, keeps its sockets and logs in a private folder, and dies
with its driver. This is the only module that imports ray.
"""

import contextlib
import itertools
import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from forensics.errors import CannotStart
from forensics.temporary import temporary_folder
from pipelines.runners.cluster_cleanup import ClusterCleanup, find_dead_server

# Ray reads these when it is imported. A client of a cluster can run any code, so a running cluster is joined with a
# token unless the environment says otherwise: the one in the environment or in the user's file. A local cluster always
# has one of its own.
os.environ.setdefault("RAY_AUTH_MODE", "token")
if not (Path.home() / ".ray" / "auth_token").exists() and "RAY_AUTH_TOKEN_PATH" not in os.environ:
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_worker_niceness", "0")  # a run is not a background task
os.environ["AUTOSCALER_METRIC_PORT"] = "-1"  # else Ray serves metrics without a token

import ray
import ray.exceptions
from ray._private import ray_constants
from ray._private.authentication.authentication_token_setup import ensure_token_if_auth_enabled
from ray._raylet import AuthenticationTokenLoader, Config, GcsClient  # type: ignore[attr-defined]

__all__ = ["RayCluster", "bind_to_loopback", "ray"]

_OBJECT_STORE_BYTES = 128 << 20
_ANSWER_S = 10
_STDERR: Final = 2
_LOOPBACK = "127.0.0.1"
# Workers can import from the working folder of the driver, where footage may lie beside a file like numpy.py.
_FOLDER_WITHOUT_MODULES = "/"
# The path of a socket may have 107 bytes, of which Ray's own names take 67 below the folder of the cluster.
_LONGEST_FOLDER_BYTES: Final = 107 - len("/ray/session_2026-05-01_10-00-00_123456_1234567/sockets/plasma_store")
_N_RANDOM: Final = 8
_LEAST_FREE_BYTES: Final = 16 << 20
_PREFIXES: Final = ("forensics-", "f-")
_SHORT_FOLDER: Final = Path("/tmp")
# Where Ray keeps its objects if it can be written and has room.
_MEMORY_FOLDER: Final = Path("/dev/shm")


def _require_answer(address: str) -> None:
    """Raise an error if nothing listens at ``host:port``, or the cluster refuses the token; Ray itself would retry.

    An address of another form is left to Ray.
    """
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()
        _require_accepted_token(address)


def _require_accepted_token(address: str) -> None:
    """Raise `CannotStart` if there is no token, or the cluster refuses it.

    Any other error may pass, such as that of a slow cluster: Ray tries again.
    """
    try:
        ensure_token_if_auth_enabled(create_token_if_missing=False)
        with _native_messages_discarded(), contextlib.suppress(ray.exceptions.RpcError):
            GcsClient(address=address)
    except ray.exceptions.AuthenticationError as error:
        raise CannotStart(
            f"the Ray cluster at {address} needs a token that it accepts ({error.message})",
            "put the cluster's token into ~/.ray/auth_token or RAY_AUTH_TOKEN, or leave out --ray",
        ) from error


@contextlib.contextmanager
def _native_messages_discarded() -> Iterator[None]:
    """Within the block, discard what Ray's C++ code writes to standard error."""
    kept, nowhere = os.dup(_STDERR), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDERR)
    try:
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        os.close(nowhere)


def _make_cluster_folder() -> Path:
    """Make a private folder for the sockets and logs of a local cluster, where temporary files are.

    Where that path is too long for sockets, it lies in /tmp.

    Raises:
        CannotStart: neither folder can be written, is large enough, or has a path that is short enough.
    """
    temporary = temporary_folder()
    for folder, prefix in itertools.product((temporary, _SHORT_FOLDER), _PREFIXES):
        n_bytes = len(os.fsencode(folder)) + len(f"/{prefix}") + _N_RANDOM
        if n_bytes <= _LONGEST_FOLDER_BYTES and os.access(folder, os.W_OK):
            _require_space(folder)
            return Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
    raise CannotStart(
        f"its path is too long for the sockets of Ray, and {_SHORT_FOLDER} cannot be written",
        "set TMPDIR to a shorter path, such as /scratch, or leave out --runner ray",
        temporary,
    )


def _require_space(folder: Path) -> None:
    """Check that Ray's logs have room; on a full disk its servers would not answer, without a reason."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < _LEAST_FREE_BYTES:
        raise CannotStart(
            f"the disk of this temporary folder is full: {free_bytes >> 10} KiB are free, a local Ray cluster needs "
            f"{_LEAST_FREE_BYTES >> 20} MiB",
            "free some space there, set TMPDIR to another folder, or leave out --runner ray",
            folder,
        )


class RayCluster:
    """A connection to a Ray cluster for the length of a `with` block.

    Args:
        address: address of a running cluster; None starts a local one, which ends with the block.
        workers: number of processors of the local cluster.

    Raises:
        CannotStart: no cluster answers at the address, or it refuses the token.
    """

    def __init__(self, address: str | None, workers: int) -> None:
        self._address = address
        self._workers = workers
        self._own_folder: Path | None = None
        self._cleanup: ClusterCleanup | None = None

    def __enter__(self) -> None:
        try:
            with contextlib.chdir(_FOLDER_WITHOUT_MODULES):
                self._connect()
        except BaseException:
            self.__exit__()
            raise

    def _connect(self) -> None:
        try:
            if self._address is None:
                self._start_local()
            else:
                _require_answer(self._address)
                ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR)
        except CannotStart:
            raise
        except Exception as error:  # Ray raises many kinds; all mean that there is no cluster
            raise self._connection_error(str(error).splitlines()[0]) from error

    def _connection_error(self, problem: str) -> CannotStart:
        if self._address is None:
            return CannotStart(
                f"a local Ray cluster could not be started ({problem})", "try again, or leave out --runner ray"
            )
        return CannotStart(
            f"no Ray cluster answers at {self._address} ({problem})",
            "check the address, and the token in ~/.ray/auth_token or RAY_AUTH_TOKEN; or leave out --ray",
        )

    def _start_local(self) -> None:
        before = signal.getsignal(signal.SIGTERM)
        self._own_folder = _make_cluster_folder()
        self._cleanup = ClusterCleanup(self._own_folder)
        _require_own_token()
        with bind_to_loopback():
            ray.init(
                address="local",  # else it would join any cluster on this machine
                num_cpus=self._workers,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _node_ip_address=_LOOPBACK,
                _temp_dir=str(self._own_folder / "ray"),  # Ray makes it readable for everybody
                _plasma_directory=None if os.access(_MEMORY_FOLDER, os.W_OK) else str(self._own_folder),
            )
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # Ray's handler would exit with code 1, unrecorded
        if ray.get_runtime_context().gcs_address.rpartition(":")[0] != _LOOPBACK:
            raise CannotStart(
                "Ray would accept connections from other machines",
                "leave out --runner ray, or install the version of Ray in constraints.txt",
            )

    def __exit__(self, *_: object) -> None:
        has_died = bool(find_dead_server())
        ray.shutdown()
        if self._cleanup is not None and has_died:
            self._cleanup.finish()
        elif self._cleanup is not None:
            self._cleanup.cancel()
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)


def _require_own_token() -> None:
    """Let Ray require a fresh token for the cluster that this process starts, whatever the environment says."""
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    os.environ.pop("RAY_AUTH_TOKEN_PATH", None)
    Config.initialize("")  # Ray read the environment when it was imported
    AuthenticationTokenLoader.instance().reset_cache()


@contextlib.contextmanager
def bind_to_loopback() -> Iterator[None]:
    """Within the block, make Ray use loopback; by default it takes a network address and listens on all interfaces."""
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
