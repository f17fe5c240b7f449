"""Leftovers of killed processes: temporary files, half a line of the log, the folder of a cluster, an empty case."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from forensics.custody.case_folder import CaseFolder, RunFolder
from forensics.custody.log import find_chain_break, read_chain
from forensics.custody.log_writer import LogWriter
from forensics.custody.mandate import Mandate, Mode
from forensics.tables import publish
from forensics.tables.files import atomic_file, remove_unfinished
from forensics.tables.run_identity import RunIdentity
from pipelines.custody.case_store import load_case, make_case
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.runners.cluster_cleanup import ClusterCleanup, find_dead_server

_KILLED = """
import os, signal, sys
from pathlib import Path
from {module} import {name}
{work}
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(module: str, name: str, work: str) -> None:
    """A process that does this work and is killed."""
    process = subprocess.run([sys.executable, "-c", _KILLED.format(module=module, name=name, work=work)], check=False)
    assert process.returncode == -signal.SIGKILL


def killed_while_writing(path: Path) -> Path:
    """The temporary file of a writer that was killed."""
    killed("forensics.tables.files", "atomic_file", f"held = atomic_file(Path({str(path)!r})); held.__enter__()")
    (temporary,) = path.parent.glob(f".{path.name}.*.tmp")
    return temporary


def scene() -> Mandate:
    return Mandate(Mode.SCENE, title="t", purpose="p", operator="o")


def test_temporary_files_of_dead_writers_are_removed_and_others_stay(tmp_path: Path) -> None:
    dead = killed_while_writing(tmp_path / "deep" / "dead.json")
    with atomic_file(tmp_path / "alive.json") as file:
        file.write(b"{}")
        remove_unfinished(tmp_path / "deep")
        remove_unfinished(tmp_path)
        assert not dead.exists()
    assert (tmp_path / "alive.json").read_bytes() == b"{}"


def test_the_next_change_removes_leftovers_in_the_case_and_beside_its_key(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", scene(), now=datetime.now(UTC))
    keys = Path(os.environ["FORENSICS_KEYS"])
    left = [
        killed_while_writing(case.folder.sources_file),
        killed_while_writing(case.folder.case_file),
        killed_while_writing(keys / f"{case.case_id}.log.json"),
    ]
    of_another = killed_while_writing(keys / "another.log.json")
    with open_session(case.folder.root, "run", need=Need.WORK) as session, session.lock():
        assert not any(path.exists() for path in left)
    assert of_another.exists()


def test_footage_that_is_named_like_a_temporary_file_stays(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", scene(), now=datetime.now(UTC))
    footage = [case.folder.root / ".clip.tmp", case.folder.root / "footage" / ".clip.0123abcd.tmp"]
    footage[1].parent.mkdir()
    for path in footage:
        path.write_bytes(b"evidence")
    with open_session(case.folder.root, "run", need=Need.WORK) as session, session.lock():
        assert all(path.exists() for path in footage)


def test_a_folder_in_which_case_init_was_killed_counts_as_empty(tmp_path: Path) -> None:
    killed_while_writing(tmp_path / "case" / "case.toml")
    make_case(tmp_path / "case", scene(), now=datetime.now(UTC))
    assert load_case(tmp_path / "case").mandate.title == "t"
    assert [path.name for path in (tmp_path / "case").iterdir()] == ["case.toml"]


def test_a_line_of_the_log_is_whole_if_the_disk_writes_a_few_bytes_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogWriter(CaseFolder(tmp_path), lambda: datetime.now(UTC))
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    with log.record_command("drill", who={}, why="", facts={"text": "more than seven bytes"}):
        pass
    chain = read_chain(tmp_path / "audit.jsonl")
    assert [line.number for line in chain.lines] == [0, 1]
    assert find_chain_break(chain) == ""


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_table_that_could_not_be_written_leaves_no_file_and_prints_nothing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "runs" / "r", tmp_path)
    tables = publish._Tables(run, RunIdentity("c", "r", "m", ""))
    with pytest.raises(OSError, match="disk"), tables.open("failures"):
        raise OSError("the disk is broken")
    gc.collect()
    assert not list(run.root.rglob("*.*"))


def test_the_folder_of_a_cluster_is_removed_when_its_driver_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    folder.mkdir()
    killed("pipelines.runners.cluster_cleanup", "ClusterCleanup", f"ClusterCleanup(Path({str(folder)!r}))")
    deadline = time.monotonic() + 10
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.exists()


def test_a_worker_that_was_starting_ends_with_its_cluster(tmp_path: Path) -> None:
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen([*sleeping, tmp_path / "own" / "ray"]) as own, subprocess.Popen([*sleeping, "x"]) as another:
        ClusterCleanup(tmp_path / "own").finish()
        assert own.wait(10) == -signal.SIGKILL
        assert another.poll() is None
        another.kill()


def test_a_process_with_a_file_in_the_folder_of_a_cluster_ends_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    with (folder / "agent.log").open("w") as log, subprocess.Popen(["sleep", "60"], stdout=log) as agent:
        ClusterCleanup(folder).finish()
        assert agent.wait(10) == -signal.SIGKILL
        assert not folder.exists()


def test_the_folder_of_a_dead_cluster_is_removed_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    folder.mkdir()
    ClusterCleanup(folder).finish()
    assert not folder.exists()


def test_a_driver_that_ends_in_order_cancels_the_cleanup(tmp_path: Path) -> None:
    cleanup = ClusterCleanup(tmp_path)
    cleanup.cancel()
    time.sleep(0.3)
    assert tmp_path.exists()


def test_a_dead_server_is_named(tmp_path: Path) -> None:
    (tmp_path / "raylet").symlink_to(shutil.which("sleep") or "")
    with subprocess.Popen([tmp_path / "raylet", "60"]) as server:
        assert find_dead_server() == ""
        os.kill(server.pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while not find_dead_server() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert find_dead_server() == "raylet"
