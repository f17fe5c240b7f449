"""The key of a case reaches workers, and nothing else of a cluster: not its servers, not its files, not its records."""

import copy
import gc
import os
import pickle
import secrets
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from cryptography.exceptions import InvalidTag

from forensics.adapters.crypto.case_key import Key, KeyReceiver
from forensics.errors import CannotStart, IntegrityBroken
from pipelines.runners.local_workers import LocalHost
from pipelines.runners.serial import SerialRunner
from pipelines.runners.worker_pool import WorkerPool
from pipelines.stages.port import Done, Runner
from testing.process_memory import descendants, find_in_memory
from testing.stages import Doubling, Sealing

_MARKER_BYTES = 48


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    """Ray leaves sockets open, of which the interpreter warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
        gc.collect()


@pytest.fixture(params=["serial", "local", "ray"])
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    """Return each runner in turn."""
    with SerialRunner() if request.param == "serial" else _pool(request.param, 2) as runner:
        yield runner


def _pool(kind: str, n_workers: int) -> WorkerPool:
    """Return workers of this kind; those of Ray have a cluster of their own, whose processes have held nothing yet."""
    if kind == "local":
        return WorkerPool(LocalHost(n_workers))
    from pipelines.runners.ray import RayCluster, RayHost

    return WorkerPool(RayHost(RayCluster(None, n_workers), n_workers))


def _stage(key: Key, secret: bytes) -> Sealing:
    return Sealing(key.seal(secret, "secret"), secrets.token_bytes(_MARKER_BYTES))


def test_a_stage_that_uses_the_key_has_it_in_every_worker(runner: Runner) -> None:
    key = Key.fresh()
    outcomes = runner.map(_stage(key, b"face" * 9), range(20), key)
    answers = [key.unseal(each.result, "number").split() for each in outcomes if isinstance(each, Done)]
    assert sorted(int(number) for number, _, _ in answers) == list(range(20))
    assert {length for _, length, _ in answers} == {b"36"}


def test_a_stage_that_uses_no_key_is_opened_without_it(runner: Runner) -> None:
    outcomes = runner.map(Doubling(), [1, 2], Key.fresh())
    assert sorted(each.result for each in outcomes if isinstance(each, Done)) == [2, 4]


def test_a_stage_that_needs_the_key_does_not_start_without_it(runner: Runner) -> None:
    with pytest.raises(ValueError, match="needs the key"):
        list(runner.map(_stage(Key.fresh(), b"x"), [1]))


def test_a_stage_sealed_with_another_key_stops_the_run(runner: Runner) -> None:
    with pytest.raises(IntegrityBroken, match="with this case's key") as caught:
        list(runner.map(_stage(Key.fresh(), b"x"), [1], Key.fresh()))
    assert not isinstance(caught.value, CannotStart)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can read the memory of other processes")
def test_no_process_of_the_cluster_holds_the_key_but_the_worker_that_uses_it() -> None:
    from pipelines.runners.ray import RayCluster, RayHost

    key, secret = Key.fresh(), secrets.token_bytes(512)
    stage = _stage(key, secret)
    needles = {"key": key.expose(), "secret": secret[:64], "marker": stage.marker}
    with RayCluster(None, 2):
        with WorkerPool(RayHost(None, 2)) as pool:
            outcomes = pool.map(stage, range(6), key)
            first = next(outcomes)
            assert isinstance(first, Done)
            worker = int(key.unseal(first.result, "number").split()[2])
            during = _found(needles)
            assert during[worker] == {"key", "secret", "marker"}, "the search finds what a worker holds"
            workers = {pid for pid in during if psutil.Process(pid).name().startswith("ray::StageWork")}
            servers = {psutil.Process(pid).name() for pid in during.keys() - workers}
            assert {"gcs_server", "raylet"} <= servers
            others = [found for pid, found in during.items() if pid not in workers]
            assert not any(found & {"key", "secret"} for found in others)
            assert len(list(outcomes)) == 5
        psutil.wait_procs([psutil.Process(pid) for pid in workers if psutil.pid_exists(pid)], timeout=10)
        assert not any(found & {"key", "secret"} for found in _found(needles).values()), "nothing is left"
        assert not _files_with(needles)


def _found(needles: dict[str, bytes]) -> dict[int, set[str]]:
    """Return what is found in the memory of each process of the cluster, by its pid."""
    found = {}
    for process in descendants():
        try:
            found[process.pid] = find_in_memory(process.pid, needles)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _files_with(needles: dict[str, bytes]) -> list[str]:
    """Return the files of the cluster that hold the key or the secret: its logs, and its objects in shared memory."""
    from pipelines.runners.ray_cluster import ray

    folder = Path(ray._private.worker._global_node.get_session_dir_path())
    files = [path for path in (*folder.rglob("*"), *Path("/dev/shm").glob("*")) if path.is_file()]
    return [str(path) for path in files if any(needles[name] in path.read_bytes() for name in ("key", "secret"))]


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_a_key_does_not_leave_its_process_as_an_object(take: Callable[[Key], object]) -> None:
    with pytest.raises(TypeError, match="does not leave its process"):
        take(Key.fresh())


def test_the_transfer_opens_for_its_receiver_only() -> None:
    key, receiver, other = Key.fresh(), KeyReceiver(), KeyReceiver()
    encrypted = key.encrypted_for(receiver.public_key)
    assert receiver.receive(encrypted).expose() == key.expose()
    assert key.expose() not in encrypted
    with pytest.raises(InvalidTag):
        other.receive(encrypted)


def test_a_process_with_a_key_writes_no_core_and_its_children_see_no_key() -> None:
    script = (
        "import os, resource\n"
        "from forensics.adapters.crypto.case_key import Key\n"
        "from forensics.adapters.crypto.locked_memory import protection_problems\n"
        "key = Key(b'k' * 32)\n"
        "assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)\n"
        "assert protection_problems() == [], protection_problems()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    try:\n"
        "        key.expose()\n"
        "    except RuntimeError:\n"
        "        os._exit(0 if bytes(key._memory._pages[:32]) == bytes(32) else 2)\n"
        "    os._exit(1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "os.abort()\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, "Traceback" in ended.stderr) == (-6, False), ended.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_process_of_the_same_user_cannot_read_the_memory_of_a_process_with_a_key(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from forensics.adapters.crypto.case_key import Key\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    key = Key(b'k' * 32)\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.read()\n"
        "    os._exit(0)\n"
        "import time; time.sleep(1)\n"
        "try:\n"
        "    open(f'/proc/{child}/mem', 'rb')\n"
        "    print('readable')\n"
        "except PermissionError:\n"
        "    print('refused')\n"
        "os.kill(child, 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, input="")
    assert ended.stdout.split()[-1:] == ["refused"], ended.stderr
