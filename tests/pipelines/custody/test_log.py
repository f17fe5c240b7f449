"""The log of a case: a broken chain is found, dead commands are closed, and nothing is done unrecorded."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import LogLine, find_log_fault, find_open_begins, head, parse_line, read_chain
from forensics.custody.log_writer import LogWriter
from forensics.digests import sha256_of_bytes
from forensics.errors import IntegrityBroken, NotAuthorised, UsageError

WHO = {"user": "u", "host": "h", "operator": "A. Ahmed"}
START = datetime(2026, 5, 1, tzinfo=UTC)


def log_in(root: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> LogWriter:
    return LogWriter(CaseFolder(root), now)


def written(root: Path, n_commands: int = 20) -> list[bytes]:
    log = log_in(root)
    for number in range(n_commands):
        with log.record_command("run", who=WHO, why=f"because {number}", facts={"n": number}) as recorded:
            recorded.outputs["rows"] = number * 7
    return log.folder.audit_file.read_bytes().splitlines()


def test_every_command_has_a_begin_and_an_end(tmp_path: Path) -> None:
    written(tmp_path, 2)
    lines = read_chain(tmp_path / "audit.jsonl").lines
    assert [(line.kind, line.of) for line in lines] == [("begin", None), ("end", 0), ("begin", None), ("end", 2)]
    assert lines[3].facts == {"outputs": {"rows": 7}, "exit_code": 0}
    assert find_log_fault(tmp_path / "audit.jsonl") is None


@pytest.mark.parametrize(
    ("error", "code"), [(UsageError("a", "b"), 2), (KeyboardInterrupt(), 130), (SystemExit(4), 4), (ValueError("x"), 1)]
)
def test_an_error_is_recorded_with_its_exit_code(tmp_path: Path, error: BaseException, code: int) -> None:
    with (
        pytest.raises(type(error)),
        log_in(tmp_path).record_command("run", who=WHO, why="", facts={}),
    ):
        raise error
    end = read_chain(tmp_path / "audit.jsonl").lines[-1]
    assert (end.kind, end.facts["exit_code"], end.facts["error"]) == ("end", code, type(error).__name__)


def _edited(lines: list[bytes], chance: random.Random) -> list[bytes]:
    place = chance.randrange(len(lines))
    line = bytearray(lines[place])
    spot = chance.randrange(len(line))
    line[spot] ^= 1 << chance.randrange(8)
    return [*lines[:place], bytes(line), *lines[place + 1 :]]


def _deleted(lines: list[bytes], chance: random.Random) -> list[bytes]:
    place = chance.randrange(len(lines) - 1)  # the last one is truncation
    return lines[:place] + lines[place + 1 :]


def _swapped(lines: list[bytes], chance: random.Random) -> list[bytes]:
    one, other = chance.sample(range(len(lines)), 2)
    changed = list(lines)
    changed[one], changed[other] = changed[other], changed[one]
    return changed


def _inserted(lines: list[bytes], chance: random.Random) -> list[bytes]:
    place = chance.randrange(len(lines) + 1)
    return [*lines[:place], chance.choice(lines), *lines[place:]]


def _honest_looking(lines: list[bytes], chance: random.Random) -> list[bytes]:
    """A line rewritten as the program would write it, only with another reason."""
    place = chance.randrange(len(lines) - 1)
    stored = {name: value for name, value in json.loads(lines[place]).items() if name != "sha256"}
    line = LogLine(**{**stored, "why": "another reason"})
    return [*lines[:place], line.encoded(), *lines[place + 1 :]]


@pytest.mark.parametrize("mutate", [_edited, _deleted, _swapped, _inserted, _honest_looking])
def test_every_mutation_is_found(tmp_path: Path, mutate: Callable[[list[bytes], random.Random], list[bytes]]) -> None:
    lines = written(tmp_path)
    path, chance = tmp_path / "audit.jsonl", random.Random(mutate.__name__)
    unseen = []
    for number in range(120):
        changed = mutate(lines, chance)
        path.write_bytes(b"".join(line + b"\n" for line in changed))
        if changed != lines and find_log_fault(path) is None:
            unseen.append(number)
    assert unseen == []


def test_a_cut_end_is_not_found_by_the_chain_alone(tmp_path: Path) -> None:
    lines = written(tmp_path)
    path = tmp_path / "audit.jsonl"
    checkpoint = head(read_chain(path).lines)
    path.write_bytes(b"".join(line + b"\n" for line in lines[:-4]))
    assert find_log_fault(path) is None
    assert head(read_chain(path).lines) != checkpoint


def test_a_torn_line_is_moved_aside_and_recorded(tmp_path: Path) -> None:
    written(tmp_path, 2)
    path = tmp_path / "audit.jsonl"
    with path.open("ab") as file:
        file.write(b'{"at_utc_us":17')
    assert find_log_fault(path) == "15 bytes after the last whole line"
    written(tmp_path, 1)
    assert find_log_fault(path) is None
    assert (tmp_path / "audit.torn").read_bytes() == b'{"at_utc_us":17\n'
    assert read_chain(path).lines[4].facts["torn"] == {"bytes": 15, "sha256": sha256_of_bytes(b'{"at_utc_us":17')}


def test_a_damaged_last_line_is_not_chained_to(tmp_path: Path) -> None:
    lines = written(tmp_path, 2)
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"\n".join([*lines[:-1], lines[-1].replace(b"because 1", b"because 2"), b""]))
    with pytest.raises(IntegrityBroken, match="last line"):
        written(tmp_path, 1)


def test_a_clock_that_runs_backwards_is_refused(tmp_path: Path) -> None:
    with log_in(tmp_path, lambda: START).record_command("run", who=WHO, why="", facts={}):
        pass
    earlier = log_in(tmp_path, lambda: START - timedelta(seconds=1))
    with pytest.raises(NotAuthorised, match="clock"), earlier.record_command("run", who=WHO, why="", facts={}):
        pytest.fail("worked although the clock runs backwards")


def test_what_cannot_be_recorded_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with (
        pytest.raises(NotAuthorised, match="must be recorded"),
        log_in(tmp_path).record_command("r", who=WHO, why="", facts={}),
    ):
        pytest.fail("worked although it cannot be recorded")


def _append_many(root: Path, name: str) -> None:
    for _ in range(25):
        with log_in(root).record_command(name, who=WHO, why="", facts={}):
            pass


def test_many_processes_write_one_chain(tmp_path: Path) -> None:
    spawned = get_context("spawn")
    workers = [spawned.Process(target=_append_many, args=(tmp_path, f"c{number}")) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert find_log_fault(tmp_path / "audit.jsonl") is None
    assert len(read_chain(tmp_path / "audit.jsonl").lines) == 4 * 25 * 2


_BEGIN_AND_WAIT = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log_writer import LogWriter
log = LogWriter(CaseFolder(Path(sys.argv[1])), lambda: datetime.now(UTC))
with log.record_command("run", who={}, why="", facts={}):
    print("begun", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_command_began_is_closed_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with subprocess.Popen([sys.executable, "-c", _BEGIN_AND_WAIT, str(tmp_path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"begun\n"
        written(tmp_path, 1)
        assert [line.number for line in find_open_begins(read_chain(path).lines)] == [0], "the living one stays open"
        child.send_signal(signal.SIGKILL)
        child.wait()
    written(tmp_path, 1)
    assert find_open_begins(read_chain(path).lines) == []
    (closing,) = [line for line in read_chain(path).lines if line.of == 0]
    assert closing.facts == {"exit_code": None, "error": "interrupted"}
    assert find_log_fault(path) is None


def test_a_line_is_read_strictly() -> None:
    line = LogLine(0, 1, "begin", "run", WHO, "", None, "0" * 64)
    assert parse_line(line.encoded()) == line
    for changed in (line.encoded() + b" ", line.encoded().replace(b'"begin"', b'"start"'), b"[]", b'{"number":0}'):
        with pytest.raises(ValueError, match=r"of a line|wrong type|changed since|Extra data"):
            parse_line(changed)


def test_a_command_recorded_as_dead_may_still_end(tmp_path: Path) -> None:
    """Another machine may record a live command as dead; two real ends are a break nevertheless."""
    log, path = log_in(tmp_path), tmp_path / "audit.jsonl"
    with log.record_command("run", who=WHO, why="", facts={}) as recorded:
        dead = {"exit_code": None, "error": "interrupted"}
        log.append("end", "run", who=WHO, why="", of=recorded.line.number, facts=dead)
    assert find_log_fault(path) is None
    log.append("end", "run", who=WHO, why="", of=0, facts={"exit_code": 0})
    assert find_log_fault(path) == "line 4 ends a command that has ended before"


def test_a_process_that_cannot_be_seen_from_here_is_not_called_dead(tmp_path: Path) -> None:
    from forensics.custody.log_writer import _describe_process, _is_dead

    gone = {**_describe_process(), "pid": 1 << 22, "started": "0"}
    assert _is_dead(gone)
    assert not _is_dead({**gone, "namespace": "pid:[1]"})
    assert not _is_dead({**gone, "host": "elsewhere"})


@pytest.mark.parametrize("end", [b"\n", b"\n\n\n"])
def test_a_blank_last_line_is_no_empty_log(tmp_path: Path, end: bytes) -> None:
    """Otherwise the next line would start the log anew, and the lines before could be cut unnoticed."""
    before = b"\n".join(written(tmp_path, 2)) + b"\n" + end
    (tmp_path / "audit.jsonl").write_bytes(before)
    with (
        pytest.raises(IntegrityBroken, match="last line"),
        log_in(tmp_path).record_command("run", who=WHO, why="", facts={}),
    ):
        pytest.fail("the command must not start")
    assert (tmp_path / "audit.jsonl").read_bytes() == before


def test_a_torn_end_after_a_blank_line_leaves_the_blank_line(tmp_path: Path) -> None:
    before = b"\n".join(written(tmp_path, 2)) + b"\n\n"
    (tmp_path / "audit.jsonl").write_bytes(before + b'{"torn')
    with pytest.raises(IntegrityBroken), log_in(tmp_path).record_command("run", who=WHO, why="", facts={}):
        pytest.fail("the command must not start")
    assert (tmp_path / "audit.jsonl").read_bytes() == before
