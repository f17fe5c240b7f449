"""One suite for every runner, then what only a runner with workers can get wrong."""

import errno
import gc
import os
import signal
import struct
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from forensics.errors import CannotStart
from pipelines.runners.local_workers import LocalHost, LocalWorker
from pipelines.runners.serial import SerialRunner
from pipelines.runners.stage_worker import Answered, Opened
from pipelines.runners.worker_pool import WorkerPool
from pipelines.runners.worker_port import Died, WorkerHost
from pipelines.stages.port import Done, Failed, Runner, Stage
from testing.painted_case import make_painted_case
from testing.stages import (
    Doubling,
    DoublingOnGpu,
    DyingToOpen,
    FailingInLibrary,
    FailingToOpen,
    Filling,
    Hanging,
    Killing,
    MissingTool,
    NamingProcess,
    ReportingClose,
    Sleeping,
)

WORKERS = 2
RETRIES = 1


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Start one local Ray cluster for all tests, regardless of the environment.

    It leaves sockets open, of which the interpreter warns.
    """
    from pipelines.runners.ray import RayCluster

    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patched:
        warnings.simplefilter("ignore")
        patched.setenv("RAY_ADDRESS", "127.0.0.1:1")
        with RayCluster(None, WORKERS):
            yield
        gc.collect()


MakePool = Callable[..., WorkerPool]


@contextmanager
def _pools(kind: str, request: pytest.FixtureRequest) -> Iterator[MakePool]:
    """Yield a function that makes a pool of workers of this kind; all are closed at the end."""
    host_for: Callable[[int], WorkerHost[Any]] = LocalHost
    if kind == "ray":
        request.getfixturevalue("cluster")
        from pipelines.runners.ray import RayHost

        host_for = partial(RayHost, None)
    with ExitStack() as opened:

        def make(n_workers: int = WORKERS, retries: int = RETRIES, **options: Any) -> WorkerPool:
            return opened.enter_context(WorkerPool(host_for(n_workers), retries=retries, **options))

        yield make


@pytest.fixture(params=["local", "ray"])
def make_pool(request: pytest.FixtureRequest) -> Iterator[MakePool]:
    """Return a function that makes a pool of workers of each kind in turn."""
    with _pools(request.param, request) as make:
        yield make


@pytest.fixture(params=["serial", "local", "ray"])
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    """Return each runner in turn."""
    if request.param == "serial":
        yield SerialRunner(RETRIES)
        return
    with _pools(request.param, request) as make:
        yield make()


@pytest.fixture
def ray_pool(cluster: None) -> Iterator[WorkerPool]:
    """Return a runner with two workers on the local cluster."""
    from pipelines.runners.ray import RayHost

    with WorkerPool(RayHost(None, WORKERS), retries=RETRIES) as pool:
        yield pool


def outcomes_of(runner: Runner, stage: Stage[int, int], items: list[int]) -> dict[int, Done[int, int] | Failed[int]]:
    """Return the outcome of each item; every item has exactly one."""
    outcomes = list(runner.map(stage, items))
    assert sorted(outcome.item for outcome in outcomes) == sorted(items)
    return {outcome.item: outcome for outcome in outcomes}


def results_of(outcomes: dict[int, Done[int, int] | Failed[int]]) -> dict[int, int]:
    return {item: outcome.result for item, outcome in outcomes.items() if isinstance(outcome, Done)}


# ---- every runner


def test_every_item_has_one_result(runner: Runner) -> None:
    outcomes = outcomes_of(runner, Doubling(), list(range(50)))
    assert results_of(outcomes) == {number: 2 * number for number in range(50)}


def test_no_items_give_no_outcome(runner: Runner) -> None:
    assert list(runner.map(Doubling(), [])) == []


def test_an_item_that_raises_is_tried_again_and_costs_nobody_else(runner: Runner) -> None:
    outcomes = outcomes_of(runner, Doubling(frozenset({3, 7})), list(range(12)))
    failed = {item: outcome for item, outcome in outcomes.items() if isinstance(outcome, Failed)}
    assert failed == {
        number: Failed(number, "ValueError", f"{number} cannot be doubled", RETRIES + 1) for number in (3, 7)
    }
    assert results_of(outcomes) == {number: 2 * number for number in range(12) if number not in failed}


def test_a_stage_that_cannot_be_opened_says_so_with_its_facts(runner: Runner) -> None:
    with pytest.raises(MissingTool) as caught:
        list(runner.map(FailingToOpen(), [1, 2, 3]))
    assert type(caught.value) is MissingTool
    assert (caught.value.tool, caught.value.n_missing) == ("hammer", 3)


def test_items_are_taken_only_as_workers_need_them(runner: Runner) -> None:
    drawn = 0

    def counted() -> Iterator[int]:
        nonlocal drawn
        for number in range(1000):
            drawn += 1
            yield number

    results = runner.map(Doubling(), counted())
    for n_taken in range(1, 6):
        next(results)
        time.sleep(0.05)
        assert drawn <= n_taken + 2 * WORKERS
    results.close()  # type: ignore[attr-defined]
    assert drawn < 20


def test_times_and_memory_are_measured(runner: Runner) -> None:
    (outcome,) = outcomes_of(runner, Doubling(), [1]).values()
    assert isinstance(outcome, Done)
    assert 0 <= outcome.seconds < 1
    assert outcome.peak_bytes > 1 << 20


def test_opened_work_is_closed(tmp_path: Path) -> None:
    assert len(list(SerialRunner().map(ReportingClose(tmp_path / "ended"), [1, 2]))) == 2
    assert (tmp_path / "ended").exists()
    abandoned = SerialRunner().map(ReportingClose(tmp_path / "left"), [1, 2])
    next(abandoned)
    assert not (tmp_path / "left").exists()
    abandoned.close()  # type: ignore[attr-defined]
    assert (tmp_path / "left").exists()


# ---- only where workers can die


def test_a_worker_that_dies_once_costs_one_retry_and_loses_nothing(make_pool: MakePool, tmp_path: Path) -> None:
    outcomes = outcomes_of(make_pool(), Killing(tmp_path, once=frozenset({5})), list(range(20)))
    assert results_of(outcomes) == {number: 2 * number for number in range(20)}
    assert (tmp_path / "died-of-5").exists()


def test_only_the_item_that_kills_its_worker_is_lost(make_pool: MakePool, tmp_path: Path) -> None:
    outcomes = outcomes_of(make_pool(), Killing(tmp_path, always=frozenset({4})), list(range(20)))
    lost = [outcome for outcome in outcomes.values() if isinstance(outcome, Failed)]
    assert [(outcome.item, outcome.error, outcome.attempts) for outcome in lost] == [(4, "worker_died", RETRIES + 1)]
    assert results_of(outcomes) == {number: 2 * number for number in range(20) if number != 4}


def test_a_worker_that_hangs_is_ended_and_costs_one_retry(make_pool: MakePool, tmp_path: Path) -> None:
    hanging = Hanging(tmp_path, once=frozenset({3}))
    outcomes = outcomes_of(make_pool(stall_s=0.2), hanging, list(range(8)))
    assert results_of(outcomes) == {number: 2 * number for number in range(8)}
    assert (tmp_path / "hung-over-3").exists()


def test_items_beside_a_deadly_one_are_not_blamed(make_pool: MakePool, tmp_path: Path) -> None:
    pool = make_pool(n_workers=1, retries=0)
    outcomes = outcomes_of(pool, Killing(tmp_path, always=frozenset({2})), list(range(6)))
    assert [item for item, outcome in outcomes.items() if isinstance(outcome, Failed)] == [2]


def test_results_of_a_dead_worker_count(make_pool: MakePool, tmp_path: Path) -> None:
    """The answer to the first item waits unread when the second one kills the worker."""
    host = make_pool().host
    link = host.start(uses_gpu=False)
    link.open(Killing(tmp_path, always=frozenset({2})))
    link.do(1)
    link.do(2)
    deadline = time.monotonic() + 60
    while not (tmp_path / "died-of-2").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    messages = [message for _ in range(3) for _, message in host.wait([link], 60)]
    assert [type(message) for message in messages] == [Opened, Answered, Died]
    assert messages[1].outcome.result == 2


def test_workers_that_die_while_they_open_a_stage_end_the_map(make_pool: MakePool) -> None:
    with pytest.raises(CannotStart, match="a worker could not start its stage of the job"):
        list(make_pool().map(DyingToOpen(), [1, 2]))


def test_an_error_of_a_library_while_a_stage_opens_is_reported(make_pool: MakePool) -> None:
    with pytest.raises(CannotStart, match="could not start its stage of the job: ZeroDivisionError: no such device"):
        list(make_pool().map(FailingInLibrary(), [1, 2]))


def test_workers_stay_from_stage_to_stage_and_end_with_the_runner(make_pool: MakePool) -> None:
    pool = make_pool()
    with pool:
        pool.prepare(NamingProcess())
        first, second, others = ({*results_of(outcomes_of(pool, stage, list(range(9)))).values()} for stage in _STAGES)
        assert len(first | second) <= WORKERS
        assert others == {2 * number for number in range(9)}
        assert all(map(is_alive, first | second))
    assert not _alive_after_a_while(first | second)


_STAGES = (NamingProcess(), NamingProcess(), Doubling())


def test_a_worker_that_died_between_two_stages_is_replaced(make_pool: MakePool) -> None:
    pool = make_pool()
    named = {*results_of(outcomes_of(pool, NamingProcess(), list(range(9)))).values()}
    for pid in named:
        os.kill(pid, signal.SIGKILL)
    assert not _alive_after_a_while(named)
    assert len(results_of(outcomes_of(pool, Doubling(), list(range(9))))) == 9


def test_an_abandoned_map_leaves_no_answer_to_the_next(make_pool: MakePool) -> None:
    pool = make_pool()
    abandoned = pool.map(Sleeping(), [0.1] * 50)
    next(abandoned)
    abandoned.close()  # type: ignore[attr-defined]
    assert results_of(outcomes_of(pool, Doubling(), list(range(9)))) == {number: 2 * number for number in range(9)}


def test_a_stage_that_was_prepared_and_not_used_is_closed(make_pool: MakePool, tmp_path: Path) -> None:
    pool = make_pool()
    pool.prepare(ReportingClose(tmp_path / "ended"))
    assert results_of(outcomes_of(pool, Doubling(), [1, 2])) == {1: 2, 2: 4}
    assert (tmp_path / "ended").exists()


def test_a_stage_that_cannot_be_prepared_matters_only_where_it_has_items(make_pool: MakePool) -> None:
    pool = make_pool()
    pool.prepare(FailingToOpen())
    assert results_of(outcomes_of(pool, Doubling(), [1, 2])) == {1: 2, 2: 4}
    pool.prepare(FailingToOpen())
    with pytest.raises(MissingTool):
        list(pool.map(FailingToOpen(), [1]))


def test_the_last_items_go_to_free_workers(make_pool: MakePool) -> None:
    """Of three items the first is long, so that the free worker does both others."""
    pool = make_pool()
    pool.prepare(Sleeping())
    assert len(list(pool.map(Sleeping(), [0.1] * 4))) == 4  # both workers are there
    (long, one, other) = pool.map(Sleeping(), [1.5, 0.2, 0.2])
    by_seconds = sorted((each for each in (long, one, other) if isinstance(each, Done)), key=lambda each: each.item)
    assert by_seconds[0].result == by_seconds[1].result != by_seconds[2].result


def test_workers_end_with_a_driver_that_was_killed(tmp_path: Path) -> None:
    script = """if True:
        import sys
        from pipelines.runners.local_workers import LocalHost, LocalWorker
        from pipelines.runners.worker_pool import WorkerPool
        from pipelines.stages.port import Done
        from testing.stages import NamingProcess, Sleeping
        pool = WorkerPool(LocalHost(2))
        names = {each.result for each in pool.map(NamingProcess(), range(9))}
        print(*names, flush=True)
        list(pool.map(Sleeping(), [60.0] * 2))
    """
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        workers = {int(name) for name in driver.stdout.readline().split()}
        assert all(map(is_alive, workers))
        driver.kill()
    assert not _alive_after_a_while(workers)


# ---- only processes of this machine


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalWorker]:
    """A worker that has opened `Filling`, and may be silent in the middle of a message for half a second."""
    monkeypatch.setattr("pipelines.runners.local_workers._MESSAGE_TIMEOUT", struct.pack("ll", 0, 500_000))
    monkeypatch.setattr("pipelines.runners.local_workers._EXIT_TIMEOUT_S", 1)
    worker = LocalHost(1).start(uses_gpu=False)
    worker.open(Filling())
    assert worker.connection.poll(60)
    assert worker.receive() == Opened()
    yield worker
    worker.kill()


_LARGE = 50 << 20  # no buffer of a socket holds it


def test_a_worker_that_is_stopped_while_it_answers_does_not_stop_the_driver(link: LocalWorker) -> None:
    link.do(_LARGE)
    assert link.connection.poll(60)
    os.kill(link.pid, signal.SIGSTOP)
    assert link.receive() == Died("it did not answer")
    assert not is_alive(link.pid)


def test_a_worker_that_is_stopped_while_it_is_asked_does_not_stop_the_driver(link: LocalWorker) -> None:
    os.kill(link.pid, signal.SIGSTOP)
    link.do(bytes(_LARGE))
    assert isinstance(link.receive(), Died)


def test_a_machine_that_starts_no_process_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("subprocess.Popen", refuse)
    with pytest.raises(CannotStart, match=r"this machine starts no further process \(Resource temp"):
        list(WorkerPool(LocalHost(2)).map(Doubling(), [1]))


# ---- only on Ray


def test_a_stage_that_uses_a_gpu_is_refused_where_there_is_none(ray_pool: WorkerPool) -> None:
    with pytest.raises(CannotStart, match="the Ray cluster has no GPU; add a machine with a GPU"):
        list(ray_pool.map(DoublingOnGpu(), [1, 2]))


class Told(Exception):
    """Raised with the message of a waiting runner."""


def _raise(said: str) -> None:
    raise Told(said)


def test_a_cluster_without_room_is_reported(cluster: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.runners.ray import RayHost

    monkeypatch.setattr("pipelines.runners.worker_pool._WAIT_S", 0.5)
    with (
        WorkerPool(RayHost(None, 1, cpus_per_worker=99), on_wait=_raise) as pool,
        pytest.raises(Told, match="2 of 2 CPU free, each worker needs 99"),
    ):
        list(pool.map(Doubling(), [1]))


def test_a_cluster_that_died_ends_the_map(ray_pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.runners.ray.find_dead_server", lambda: "raylet")
    with pytest.raises(CannotStart, match="raylet died; run the same command again"):
        list(ray_pool.map(Doubling(), range(5)))


def _alive_after_a_while(pids: set[int]) -> bool:
    """Whether one of these processes still lives after ten seconds."""
    deadline = time.monotonic() + 10
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return any(map(is_alive, pids))


def _in_another_process(script: str, *arguments: object, token: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    environment = {**os.environ, "RAY_AUTH_TOKEN": token}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def _address() -> str:
    from pipelines.runners.ray import ray

    address: str = ray.get_runtime_context().gcs_address
    return address


@pytest.mark.parametrize(("token", "problem"), [("0" * 64, "missing or incorrect"), ("", "no authentication token")])
def test_a_refused_token_ends_a_run_at_once_without_warnings_of_ray(
    cluster: None, tmp_path: Path, token: str, problem: str
) -> None:
    case = make_painted_case(tmp_path).folder.root
    script = "from pipelines.cli.main import main; main()"
    began = time.monotonic()
    done = _in_another_process(script, "run", case, "--ray", _address(), token=token)
    assert (done.returncode, time.monotonic() - began < 15) == (6, True)  # Ray alone tries for 20 s
    remark, error, next_step = done.stderr.splitlines()
    assert remark.startswith("model builtin")
    assert error.startswith(f"error: the Ray cluster at {_address()} needs a token that it accepts")
    assert problem in error
    assert next_step.startswith("next: put the cluster's token into ~/.ray/auth_token or RAY_AUTH_TOKEN")


def test_the_right_token_is_accepted_and_standard_error_is_kept(cluster: None) -> None:
    script = """if True:
        import os, sys
        from pipelines.runners.ray_cluster import _require_answer
        _require_answer(sys.argv[1])
        os.write(2, b"after")
    """
    done = _in_another_process(script, _address(), token=os.environ["RAY_AUTH_TOKEN"])
    assert (done.returncode, done.stderr) == (0, "after")


def test_a_server_that_is_no_cluster_is_left_to_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.runners import ray_cluster

    def time_out(address: str) -> None:
        raise ray_cluster.ray.exceptions.RpcError("timed out", rpc_code=4)

    monkeypatch.setattr(ray_cluster, "GcsClient", time_out)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    ray_cluster._require_accepted_token("127.0.0.1:1")


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
