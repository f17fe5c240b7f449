"""Errors while demuxing: transient ones and lack of memory make no gap, repeated ones do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forensics.adapters.video.reading.packet_source import PacketSource
from forensics.adapters.video.reading.pyav_reader import PyavReader
from forensics.footage.frames import Frame, Gap, View
from testing.painted import KINDS
from testing.painted.measure import index_kind

Reader = tuple[PyavReader, int]


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """Open a reader on a painted clip."""
    indexed = index_kind(KINDS[0], KINDS[0].build(tmp_path))
    return PyavReader(indexed.footage, indexed.index, View()), indexed.index.n_frames


def numbers_of(items: Iterator[Frame | Gap]) -> tuple[list[int], list[int]]:
    """Of the frames and of the gaps."""
    kept = list(items)
    return [i.number for i in kept if isinstance(i, Frame)], [i.number for i in kept if isinstance(i, Gap)]


def failing(monkeypatch: pytest.MonkeyPatch, *, times: int, error: Exception) -> None:
    """Make demuxing fail after five packets, the given number of times."""
    demuxed, left = PacketSource._demux, [times]

    def fails(self: PacketSource) -> Iterator[Any]:
        for number, packet in enumerate(demuxed(self)):
            if number == 5 and left[0] > 0:
                left[0] -= 1
                self.note_memory_error(error)  # type: ignore[arg-type]
                return
            yield packet

    monkeypatch.setattr(PacketSource, "_demux", fails)


def test_a_transient_error_makes_no_gap(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, n_frames = reader
    failing(monkeypatch, times=1, error=ValueError("Invalid data found"))
    opened._source.reopen()
    assert numbers_of(opened.read(np.arange(n_frames))) == (list(range(n_frames)), [])


def test_a_repeated_error_is_a_gap(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, n_frames = reader
    failing(monkeypatch, times=1000, error=ValueError("Invalid data found"))
    opened._source.reopen()
    frames, gaps = numbers_of(opened.read(np.arange(n_frames)))
    assert gaps
    assert sorted(frames + gaps) == list(range(n_frames))


def test_lack_of_memory_makes_no_gap(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, n_frames = reader
    failing(monkeypatch, times=1000, error=MemoryError())
    opened._source.reopen()
    with pytest.raises(MemoryError, match="no memory to decode frames"):
        numbers_of(opened.read(np.arange(n_frames)))
