"""What cannot be demuxed for a moment, or for lack of memory, makes no gap; damage that stays does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forensics.adapters.video.pyav_reader import PyavReader
from forensics.footage.frames import Frame, Gap, View
from testing.painted import KINDS
from testing.painted.measure import index_kind

Reader = tuple[PyavReader, int]


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    indexed = index_kind(KINDS[0], KINDS[0].build(tmp_path))
    return PyavReader(indexed.footage, indexed.index, View()), indexed.index.n_frames


def numbers_of(items: Iterator[Frame | Gap]) -> tuple[list[int], list[int]]:
    """Of the frames and of the gaps."""
    kept = list(items)
    return [i.number for i in kept if isinstance(i, Frame)], [i.number for i in kept if isinstance(i, Gap)]


def failing(monkeypatch: pytest.MonkeyPatch, *, times: int, error: Exception) -> None:
    """Whatever is demuxed ends after five packets, so often."""
    demuxed, left = PyavReader._demuxed, [times]

    def fails(self: PyavReader) -> Iterator[Any]:
        for number, packet in enumerate(demuxed(self)):
            if number == 5 and left[0] > 0:
                left[0] -= 1
                self._note(error)  # type: ignore[arg-type]
                return
            yield packet

    monkeypatch.setattr(PyavReader, "_demuxed", fails)


def test_what_fails_for_a_moment_makes_no_gap(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, n_frames = reader
    failing(monkeypatch, times=1, error=ValueError("Invalid data found"))
    opened._from_the_start()
    assert numbers_of(opened.read(np.arange(n_frames))) == (list(range(n_frames)), [])


def test_damage_that_stays_is_a_gap(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, n_frames = reader
    failing(monkeypatch, times=1000, error=ValueError("Invalid data found"))
    opened._from_the_start()
    frames, gaps = numbers_of(opened.read(np.arange(n_frames)))
    assert gaps
    assert sorted(frames + gaps) == list(range(n_frames))


def test_a_full_memory_is_no_gap(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, n_frames = reader
    failing(monkeypatch, times=1000, error=MemoryError())
    opened._from_the_start()
    with pytest.raises(MemoryError, match="no memory to decode frames"):
        numbers_of(opened.read(np.arange(n_frames)))
