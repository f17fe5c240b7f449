"""A disk that fails while footage is read: no index, frame or gap is made of what it did not give."""

import contextlib
import errno
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from forensics.adapters.footage_index import index_footage
from forensics.adapters.stills.stills_reader import index_stills, is_stills
from forensics.adapters.store import checked_file
from forensics.adapters.video.indexing import demuxed_stream
from forensics.adapters.video.reading import decord_reader
from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.errors import DecoderLost
from forensics.footage.evidence import Indexed
from forensics.footage.frames import Frame, Gap, View
from scripts.measure.bad_inputs.originals import ORIGINALS
from testing.painted import KINDS
from testing.painted.kinds import Kind
from testing.painted.measure import index_kind
from testing.painted.picture import number_in

_AT_ONCE_BYTES = 4096
_N_TRIED = 12
_ALWAYS = 10**9


@dataclass(slots=True)
class _Disk:
    """Gives a few kilobytes at a time; fails at the reads [fails_at, fails_at + n_fails), counted from 0.

    Attributes:
        fails_at, n_fails: which reads fail.
        n_reads: that were asked for so far.
    """

    fails_at: int = _ALWAYS
    n_fails: int = 1
    n_reads: int = 0

    def read(self, descriptor: int, n_bytes: int) -> bytes:
        number, self.n_reads = self.n_reads, self.n_reads + 1
        if self.fails_at <= number < self.fails_at + self.n_fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return _read(descriptor, min(n_bytes, _AT_ONCE_BYTES))


_read = os.read


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., _Disk]:
    """Footage is read from this disk from now on."""

    def put(**how: int) -> _Disk:
        disk = _Disk(**how)
        monkeypatch.setattr(checked_file.os, "read", disk.read)
        return disk

    return put


def _moments(n_reads: int, seed: str) -> list[int]:
    """Some of the reads: the first, the last, and others."""
    drawn = random.Random(seed).sample(range(n_reads), min(n_reads, _N_TRIED))
    return sorted({0, n_reads - 1, *drawn})


def _is_same(one: Indexed, other: Indexed) -> bool:
    first, second = one.index, other.index
    columns = ("pts", "is_key", "size", "is_hidden")
    return first.damaged == second.damaged and all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in columns
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_failed_read_at_any_moment_makes_no_index(kind: Kind, tmp_path: Path, on_disk: Callable[..., _Disk]) -> None:
    path = kind.build(tmp_path)
    disk = on_disk()
    whole = index_kind(kind, path)
    assert disk.n_reads > 1
    for moment in _moments(disk.n_reads, kind.name):
        on_disk(fails_at=moment)
        with pytest.raises(DecoderLost, match="Input/output error"):
            index_kind(kind, path)
    on_disk()
    assert _is_same(index_kind(kind, path), whole), "what was raised before does not come up later"
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("looks", ["find_truncation", "is_whole_gif"])
def test_a_failed_read_of_the_end_of_a_file_rejects_that_file_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: str
) -> None:
    """One file's disk must not end the taking in of all others."""

    def fails(*_: object) -> str:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = ORIGINALS["gif_gif"].build(tmp_path)
    monkeypatch.setattr(demuxed_stream, looks, fails)
    with pytest.raises(DecoderLost, match="Input/output error"):
        index_footage(path, working_copy=tmp_path / "copy", stream_index=None, assumed_rate=None)


def _seen(indexed: Indexed) -> list[tuple[int, bytes | str]]:
    reader = open_reader(indexed.footage, indexed.index, View())
    return [_told(item) for item in reader.read(np.arange(indexed.index.n_frames))]


def _told(item: Frame | Gap) -> tuple[int, bytes | str]:
    return item.number, item.rgb.tobytes() if isinstance(item, Frame) else item.reason


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_disk_that_fails_for_a_moment_or_for_ever_changes_no_frame(
    kind: Kind, tmp_path: Path, on_disk: Callable[..., _Disk]
) -> None:
    """One that fails while damage is read once more, to be sure of it, is an error, too: nothing is settled."""
    indexed = index_kind(kind, kind.build(tmp_path))
    disk = on_disk()
    seen = _seen(indexed)
    moments = _moments(disk.n_reads, kind.name)
    opening = on_disk()
    open_reader(indexed.footage, indexed.index, View())
    for moment in (moment for moment in moments if moment >= opening.n_reads):
        on_disk(fails_at=moment)
        with contextlib.nullcontext() if kind.is_whole else contextlib.suppress(DecoderLost):
            assert _seen(indexed) == seen
    for moment in moments[:: len(moments) // 4]:
        on_disk(fails_at=moment, n_fails=_ALWAYS)
        with pytest.raises(DecoderLost, match="Input/output error"):
            _seen(indexed)


def test_decord_reads_a_verified_copy_in_memory(tmp_path: Path) -> None:
    """It shows other frames for those that a disk does not give, and does not say so."""
    kind = next(kind for kind in KINDS if kind.name == "h264_mkv")
    path = kind.build(tmp_path)
    indexed = index_kind(kind, path)
    reader = decord_reader.open_reader(indexed.footage, indexed.index, View())
    path.write_bytes(b"")
    seen = [number_in(item.rgb) for item in reader.read(np.arange(indexed.index.n_frames)) if isinstance(item, Frame)]
    assert seen == list(range(indexed.index.n_frames))


def test_a_failed_read_for_decord_is_an_error_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = next(kind for kind in KINDS if kind.name == "h264_mkv")
    path = kind.build(tmp_path)
    indexed = index_kind(kind, path)
    monkeypatch.setattr(Path, "open", lambda self, mode="r": _Unreadable())
    with pytest.raises(DecoderLost, match="Input/output error"):
        decord_reader.open_reader(indexed.footage, indexed.index, View())
    with pytest.raises(DecoderLost, match="Input/output error"):
        decord_reader.prove(path, indexed.index, indexed.footage.stream_index)


def test_a_file_that_decord_would_have_to_hold_whole_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = next(kind for kind in KINDS if kind.name == "h264_mkv")
    path = kind.build(tmp_path)
    indexed = index_kind(kind, path)
    assert decord_reader.prove(path, indexed.index, indexed.footage.stream_index) == ""
    monkeypatch.setattr(decord_reader, "_LARGEST_BYTES", path.stat().st_size - 1)
    assert "hold the whole file" in decord_reader.prove(path, indexed.index, indexed.footage.stream_index)


@pytest.mark.parametrize("fails", ["open", "read"])
def test_a_failed_read_of_a_still_is_not_called_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    from PIL import Image

    for number in range(3):
        Image.new("RGB", (64, 48), (number, 0, 0)).save(tmp_path / f"{number}.jpg")
    assert is_stills(tmp_path)
    assert index_stills(tmp_path).shortfall == ""
    opened = Path.open

    def failing(self: Path, *arguments: object, **options: object) -> object:
        if self.name != "1.jpg":
            return opened(self, *arguments, **options)  # type: ignore[call-overload]
        if fails == "open":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return _Unreadable()

    monkeypatch.setattr(Path, "open", failing)
    with pytest.raises(DecoderLost, match="Input/output error"):
        index_stills(tmp_path)


class _Unreadable:
    """An open file whose every read fails."""

    def __enter__(self) -> "_Unreadable":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def read(self, n_bytes: int = -1) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def seek(self, offset: int, whence: int = 0) -> int:
        return offset

    def tell(self) -> int:
        return 0
