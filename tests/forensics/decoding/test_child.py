"""The decoding child: every frame arrives, and crashes, hangs and leaks are reported in time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from forensics.adapters.footage_index import index_footage
from forensics.decoding.child import DecodingChild, Limits
from forensics.decoding.child_pool import DecoderPool
from forensics.errors import DecoderLost, UnreadableFootage
from forensics.footage.evidence import Footage, Indexed
from forensics.footage.frames import Frame, Gap, Item, View
from forensics.footage.timeline import Int64Array
from testing.child_tasks import divide_by_zero, fail_to_open, hold_memory, leak_memory, stay_silent
from testing.painted import number_in
from testing.painted.encode import Recipe, encode
from testing.project import ROOT

N_FRAMES = 60
SHORT = Limits(stall_s=4)


@pytest.fixture(scope="module")
def indexed_clip(tmp_path_factory: pytest.TempPathFactory) -> Indexed:
    """Make a painted clip with its index."""
    folder = tmp_path_factory.mktemp("clip")
    path = encode(folder / "clip.mp4", Recipe(), [Fraction(number, 25) for number in range(N_FRAMES)])
    return index_footage(path, working_copy=folder / "copy", stream_index=None, assumed_rate=None)


@pytest.fixture
def child() -> Iterator[DecodingChild]:
    """Start a decoding child that is ended after the test."""
    with DecodingChild(SHORT) as started:
        yield started


def frames(child: DecodingChild, clip: Indexed, wanted: Int64Array | None = None) -> Iterator[Frame | Gap]:
    numbers = np.arange(N_FRAMES) if wanted is None else wanted
    return child.read(clip.footage, clip.index, View(160, 96), numbers)


def painted_numbers(items: Iterator[Frame | Gap]) -> list[int | None]:
    return [number_in(item.rgb) if isinstance(item, Frame) else None for item in items]


def pid_of(child: DecodingChild) -> int:
    assert child.pid is not None
    return child.pid


def test_every_wanted_frame_comes_through_memory_that_is_reused(child: DecodingChild, indexed_clip: Indexed) -> None:
    assert painted_numbers(frames(child, indexed_clip)) == list(range(N_FRAMES))
    assert painted_numbers(frames(child, indexed_clip, np.array([3, 4, 50]))) == [3, 4, 50]
    assert painted_numbers(frames(child, indexed_clip, np.array([], dtype=np.int64))) == []


def test_a_killed_child_is_reported_and_started_again(child: DecodingChild, indexed_clip: Indexed) -> None:
    reading = frames(child, indexed_clip)
    next(reading)
    os.kill(pid_of(child), signal.SIGKILL)
    with pytest.raises(DecoderLost, match="SIGKILL") as caught:
        list(reading)
    assert (caught.value.reason, caught.value.path) == ("died", indexed_clip.footage.path)
    assert child.pid is None
    assert painted_numbers(frames(child, indexed_clip, np.array([7]))) == [7]


def test_a_silent_child_is_ended_in_time(child: DecodingChild, indexed_clip: Indexed) -> None:
    reading = frames(child, indexed_clip)
    next(reading)
    stopped = pid_of(child)
    os.kill(stopped, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(DecoderLost) as caught:
        list(reading)
    assert caught.value.reason == "timeout"
    assert SHORT.stall_s <= time.monotonic() - began < SHORT.stall_s + 5
    assert not Path(f"/proc/{stopped}").exists()
    assert painted_numbers(frames(child, indexed_clip, np.array([7]))) == [7]


def test_a_stopped_child_is_ended_in_time(child: DecodingChild, indexed_clip: Indexed) -> None:
    path = indexed_clip.footage.path
    child.call(path, hold_memory, content=b"")
    os.kill(pid_of(child), signal.SIGSTOP)
    with pytest.raises(DecoderLost, match="did not listen"):
        child.call(path, hold_memory, content=b"." * (8 << 20))


def test_a_function_that_hangs_is_ended_in_time(child: DecodingChild, tmp_path: Path) -> None:
    with pytest.raises(DecoderLost) as caught:
        child.call(tmp_path, stay_silent, seconds=60)
    assert caught.value.reason == "timeout"


def test_a_child_that_uses_too_much_memory_is_ended(tmp_path: Path) -> None:
    with DecodingChild(Limits(stall_s=30, memory_bytes=300 << 20)) as child:
        with pytest.raises(DecoderLost) as caught:
            child.call(tmp_path, hold_memory, content=b"", n_bytes=400 << 20, seconds=30)
        assert caught.value.reason == "memory"
        assert child.pid is None


def test_a_child_that_leaks_memory_while_it_sends_frames_is_ended(indexed_clip: Indexed) -> None:
    """Frames that keep coming must not hide that each leaves something behind."""
    with DecodingChild(Limits(stall_s=30, memory_bytes=300 << 20)) as child:
        child.call(indexed_clip.footage.path, leak_memory, bytes_per_frame=16 << 20)
        with pytest.raises(DecoderLost) as caught:
            list(frames(child, indexed_clip))
        assert caught.value.reason == "memory"


def test_a_known_error_is_raised_here_and_the_child_continues(child: DecodingChild, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFootage) as caught:
        child.call(tmp_path, fail_to_open, path=tmp_path)
    assert (caught.value.path, caught.value.reason) == (tmp_path, "no_video")
    assert child.call(tmp_path, hold_memory, content=b"12") == 2


def test_an_unexpected_error_ends_the_child_and_is_reported(child: DecodingChild, tmp_path: Path) -> None:
    with pytest.raises(DecoderLost, match="exit status 1: ZeroDivisionError") as caught:
        child.call(tmp_path, divide_by_zero)
    assert caught.value.reason == "died"


def test_no_frame_of_an_abandoned_read_reaches_the_next_one(child: DecodingChild, indexed_clip: Indexed) -> None:
    closed = frames(child, indexed_clip)
    next(closed)
    closed.close()  # type: ignore[attr-defined]
    assert painted_numbers(frames(child, indexed_clip, np.array([40, 41]))) == [40, 41]


def test_no_frame_of_an_unfinished_read_reaches_the_next_one(child: DecodingChild, indexed_clip: Indexed) -> None:
    left = frames(child, indexed_clip)
    next(left)
    assert painted_numbers(frames(child, indexed_clip, np.array([40, 41]))) == [40, 41]
    with pytest.raises(DecoderLost, match="meanwhile"):
        next(left)
    del left
    assert painted_numbers(frames(child, indexed_clip, np.array([42]))) == [42]


def test_an_older_read_that_is_closed_late_does_not_end_the_newer_one(
    child: DecodingChild, indexed_clip: Indexed
) -> None:
    older = frames(child, indexed_clip)
    next(older)
    newer = frames(child, indexed_clip)
    first = next(newer)
    older.close()  # type: ignore[attr-defined]
    assert first.number == 0
    assert painted_numbers(newer) == list(range(1, N_FRAMES))


def test_missing_footage_is_reported(child: DecodingChild, indexed_clip: Indexed, tmp_path: Path) -> None:
    gone = Footage(
        tmp_path / "gone.mp4",
        indexed_clip.footage.reader,
        indexed_clip.footage.stream_index,
        indexed_clip.footage.shift_ticks,
    )
    with pytest.raises(UnreadableFootage):
        list(child.read(gone, indexed_clip.index, View(160, 96), np.array([0])))
    assert painted_numbers(frames(child, indexed_clip, np.array([7]))) == [7]


_PARENT = """
from pathlib import Path
from forensics.decoding.child import DecodingChild, Limits
from testing.child_tasks import hold_memory, spin
child = DecodingChild(Limits())
child.call(Path("."), hold_memory, content=b"")
print(child.pid, flush=True)
child.call(Path("."), spin, seconds=60)
"""


def test_a_busy_child_dies_with_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    with parent:
        assert parent.stdout is not None
        child_pid = int(parent.stdout.readline())
        assert Path(f"/proc/{child_pid}").exists()
        parent.kill()
    deadline = time.monotonic() + 5
    while is_running(child_pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(child_pid)


def is_running(pid: int) -> bool:
    """Whether the process is running; a zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# ---- several at once


def groups_of(clip: Indexed) -> list[Int64Array]:
    return np.split(np.arange(clip.index.n_frames), clip.index.keyframes[1:])


@pytest.mark.parametrize("n_children", [1, 2, 3, 9])
def test_several_children_hand_out_every_frame_in_order_with_its_own_pixels(
    indexed_clip: Indexed, n_children: int
) -> None:
    children = [DecodingChild(SHORT) for _ in range(n_children)]
    together = DecoderPool(n_children)
    reads = [partial(child.read, indexed_clip.footage, indexed_clip.index, View(160, 96)) for child in children]
    for _ in range(2):
        items = list(together.read(reads, groups_of(indexed_clip)))
        assert [item.number for item in items] == list(range(N_FRAMES))
        assert painted_numbers(iter(items)) == list(range(N_FRAMES))
    for each in children:
        each.close()
    together.close()


def test_an_error_of_one_child_is_raised_and_the_other_reads_end(child: DecodingChild, indexed_clip: Indexed) -> None:
    def broken(wanted: Int64Array) -> Iterator[Item]:
        raise DecoderLost(indexed_clip.footage.path, "timeout", "no word")
        yield

    together = DecoderPool(2)
    sound = partial(child.read, indexed_clip.footage, indexed_clip.index, View(160, 96))
    with pytest.raises(DecoderLost, match="no word"):
        list(together.read([sound, broken], groups_of(indexed_clip)))
    again = list(together.read([sound, sound], [np.arange(5)]))
    assert [item.number for item in again] == [0, 1, 2, 3, 4]
    together.close()


def test_closing_a_read_early_waits_for_no_child(child: DecodingChild, indexed_clip: Indexed) -> None:
    together = DecoderPool(1)
    reading = together.read(
        [partial(child.read, indexed_clip.footage, indexed_clip.index, View(160, 96))], groups_of(indexed_clip)
    )
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    together.close()
