"""The cluster that a run works on: one that is there already, or a local one that begins and ends with it.

A local one listens on loopback only, asks for a token, keeps its sockets and logs in a private folder, and dies with
its driver. This is the only module that imports ray.
"""

import contextlib
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

from forensics.errors import CannotStart
from pipelines.runners.cluster_cleanup import ClusterCleanup, dead_server

# Ray reads these when it is imported. Whoever reaches an open cluster's ports runs code, so every
# cluster has a token: the one in the environment, the one in the user's file, or a fresh one.
os.environ.setdefault("RAY_AUTH_MODE", "token")
if not (Path.home() / ".ray" / "auth_token").exists() and "RAY_AUTH_TOKEN_PATH" not in os.environ:
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_worker_niceness", "0")  # the job is what the machine is for
os.environ.setdefault("AUTOSCALER_METRIC_PORT", "-1")  # else Ray tells its metrics to whoever asks, without a token

import ray
import ray.exceptions
from ray._private import ray_constants

__all__ = ["bound_to_loopback", "connected", "ray"]

_OBJECT_STORE_BYTES = 128 << 20
_ANSWER_S = 10
_LOOPBACK = "127.0.0.1"
# Ray lets workers import from the folder where the driver is, and footage may lie there beside a file like numpy.py.
_NOBODYS_MODULES = "/"
# Sockets and logs of a local cluster lie in a private folder; names of sockets may not be long.
_SHORT_FOLDER = "/tmp" if Path("/tmp").is_dir() else None


def _require_listener(address: str) -> None:
    """Return only if something accepts connections at ``host:port``: Ray itself asks for many minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()


class connected:  # noqa: N801 - reads as what it is: `with connected(...)`
    """A cluster for the length of a block: the one at `address`, else a local one that ends with it.

    Args:
        address: of a running cluster; None starts a local one on loopback with `workers` processors.
        workers: how many actors will run.

    Raises:
        CannotStart: nothing answers at the address, or the token is refused.
    """

    def __init__(self, address: str | None, workers: int) -> None:
        self._address = address
        self._workers = workers
        self._own_folder: Path | None = None
        self._cleanup: ClusterCleanup | None = None

    def __enter__(self) -> None:
        try:
            with contextlib.chdir(_NOBODYS_MODULES):
                self._begin()
        except BaseException:
            self.__exit__()
            raise

    def _begin(self) -> None:
        try:
            if self._address is None:
                self._start_local()
            else:
                _require_listener(self._address)
                ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR)
        except CannotStart:
            raise
        except Exception as error:  # ray raises many kinds, all of which mean that there is no cluster for us
            raise self._no_cluster(str(error).splitlines()[0]) from error

    def _no_cluster(self, said: str) -> CannotStart:
        if self._address is None:
            return CannotStart(f"no local Ray cluster could be begun ({said})", "try again, or use --runner serial")
        return CannotStart(
            f"no Ray cluster answers at {self._address} ({said})",
            "check the address, and the token in ~/.ray/auth_token or RAY_AUTH_TOKEN; or leave out --ray",
        )

    def _start_local(self) -> None:
        before = signal.getsignal(signal.SIGTERM)
        self._own_folder = Path(tempfile.mkdtemp(prefix="forensics-", dir=_SHORT_FOLDER))
        self._cleanup = ClusterCleanup(self._own_folder)
        with bound_to_loopback():
            ray.init(
                address="local",  # else it would join whatever cluster runs on this machine
                num_cpus=self._workers,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _node_ip_address=_LOOPBACK,
                _temp_dir=str(self._own_folder / "ray"),  # which Ray opens to everybody
            )
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # ray's own handler leaves with exit code 1, and nothing on record
        if ray.get_runtime_context().gcs_address.rpartition(":")[0] != _LOOPBACK:
            raise CannotStart("Ray would listen beyond this machine", "use another version of Ray, or --runner serial")

    def __exit__(self, *_: object) -> None:
        has_died = bool(dead_server())
        ray.shutdown()
        if self._cleanup is not None and has_died:
            self._cleanup.finish()
        elif self._cleanup is not None:
            self._cleanup.cancel()
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)


@contextlib.contextmanager
def bound_to_loopback() -> Iterator[None]:
    """Ray takes an address of the network instead of loopback, and then listens on all of them, unless told so here."""
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
