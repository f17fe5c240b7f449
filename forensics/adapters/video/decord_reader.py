"""A second reader: decord, only for files on which it was proven to agree with the reference reader.

decord numbers frames by its own count and hands out no pts, so a frame it returns is evidence only
where `prove` found that its count, its keyframes and every one of its timestamps agree with the
packet index, and that the pictures of sampled frames are those of the reference reader, however
they were reached. Opening a reader checks all of this again but the pictures.

decord replaces a corrupt frame by the one before it and does not say so, which nothing in this
module can see: never ask for a proof of a file that indexing found damaged or incomplete. It does the
same where a disk fails to give some bytes, so it is given the whole file, read here. Native calls may
also hang while they hold the interpreter's lock, so both functions belong into a child process that
can be killed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from forensics.adapters.pictures.frame_summary import gate_picture
from forensics.adapters.store.checked_file import disk_failed, on_disk
from forensics.errors import UnreadableFootage
from forensics.footage.evidence import Footage, Reader
from forensics.footage.frames import Frame, Gap, Item, RgbArray, View
from forensics.footage.motion_gate import MotionGate
from forensics.footage.timeline import Int64Array, PacketIndex

__all__ = ["DecordReader", "open_reader", "prove"]

_LARGEST_BYTES = 256 << 20
_TRANSPORT_STREAM_SYNC = 0x47
_TRANSPORT_STREAM_STEP_BYTES = 188
_N_SAMPLES = 24
# Mean luma between the two readers' pictures of one frame: chroma upsampling and rounding differ.
_SAME_PICTURE_LUMA = 4.0
# A neighbour counts as nearer only beyond this, or two alike frames of a static scene would refuse a file.
_TELLS_APART_LUMA = 0.5
# Packets in which the first picture's pts must lie; decoders reorder by no more than 16.
_REORDER_PACKETS = 64
# A reason is stored with the evidence and must read the same on every machine and day.
_VARYING = re.compile(r"\[\d\d:\d\d:\d\d\] |/\S+?:\d+: |\(\S+ vs\. \S+\) ")

LumaArray = npt.NDArray[np.float32]


def open_reader(footage: Footage, index: PacketIndex, view: View) -> "DecordReader":
    """A reader of `footage`.

    Raises:
        UnreadableFootage: decord cannot open the file, or no longer counts and times it as the index does.
        DecoderLost: the disk fails.
    """
    try:
        video = _opened(on_disk(footage.path))
    except _decord_errors() as error:
        raise UnreadableFootage(footage.path, "unreadable", _first_line(error)) from error
    except OSError as error:
        raise disk_failed(footage.path, error) from error
    disagreement = _disagreement(video, index)
    if disagreement:
        raise UnreadableFootage(footage.path, "reader_disagrees", disagreement)
    return DecordReader(video, index, view)


@dataclass(frozen=True, slots=True, eq=False)
class DecordReader:
    """Fills `FrameReader`; holds one open `decord.VideoReader` that was checked against the index."""

    video: Any
    index: PacketIndex
    view: View

    def read(self, wanted: Int64Array, watch: MotionGate | None = None) -> Iterator[Item]:
        """See `FrameReader.read`."""
        for number in wanted.tolist():
            yield gate_picture(self._frame(number), self.index, watch)

    def _frame(self, number: int) -> Frame | Gap:
        try:
            stored: RgbArray = self.video[number].asnumpy()
        except _decord_errors() as error:
            return Gap(number, "decode_error", _first_line(error))
        height_px, width_px = stored.shape[:2]
        pts = int(self.index.pts[number])
        return Frame(number, pts, _scaled(stored, self.view), width_px=width_px, height_px=height_px)


def prove(path: Path, index: PacketIndex, stream_index: int) -> str:
    """Why decord must not read this file; empty where it was proven exact on it.

    Args:
        path: the file that would be read, which indexing found whole.
        index: of that file, or of the original it is a stream copy of.
        stream_index: the stream that the index is of.

    Raises:
        DecoderLost: the disk fails.
    """
    try:
        reason = _excluded(path, index, stream_index)
        if reason:
            return reason
        video = _opened(path)
        return _disagreement(video, index) or _different_picture(video, path, index, stream_index)
    except _decord_errors() as error:
        return f"decord cannot read it: {_first_line(error)}"
    except OSError as error:
        raise disk_failed(path, error) from error


def _excluded(path: Path, index: PacketIndex, stream_index: int) -> str:
    """Why decord is not even tried."""
    if not index.n_frames:
        return "the index holds no frames"
    if path.stat().st_size > _LARGEST_BYTES:
        return f"decord would have to hold the whole file, and it has more than {_LARGEST_BYTES >> 20} MiB"
    if np.any(index.is_ambiguous):
        return "some frames share one pts"
    if np.any(index.is_hidden):
        return "an edit list hides frames"
    if _is_transport_stream(path):
        return "decord misses frames in MPEG-TS"
    return _other_stream(path, stream_index)


def _is_transport_stream(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(3 * _TRANSPORT_STREAM_STEP_BYTES)
    marks = head[::_TRANSPORT_STREAM_STEP_BYTES]
    return len(marks) > 1 and all(mark == _TRANSPORT_STREAM_SYNC for mark in marks)


def _other_stream(path: Path, stream_index: int) -> str:
    """Refuses all but a single stream: which one is read cannot be chosen."""
    from forensics.adapters.video.pyav_open import open_file

    with open_file(path) as container:
        streams = [stream.index for stream in container.streams.video]
    return (
        "" if streams == [stream_index] else f"the file holds {len(streams)} video streams and decord picks one itself"
    )


def _disagreement(video: Any, index: PacketIndex) -> str:
    """Where decord's count, keyframes or timestamps differ from the index; empty if nowhere."""
    if len(video) != index.n_frames:
        return f"decord counts {len(video)} frames, the index {index.n_frames}"
    keyframes = np.sort(np.asarray(video.get_key_indices(), dtype=np.int64))
    if not np.array_equal(keyframes, np.flatnonzero(index.is_key)):
        return "decord places keyframes at other frames than the index"
    return _different_time(video, index)


def _different_time(video: Any, index: PacketIndex) -> str:
    """The first frame whose time differs by half the smallest interval, a constant offset aside."""
    if index.n_frames < 2:
        return ""
    starts_s = np.asarray(video.get_frame_timestamp(np.arange(index.n_frames)), dtype=np.float64)[:, 0]
    second = float(index.time_base)
    expected_s = (index.pts - index.pts[0]) * second
    off_s = np.abs(starts_s - starts_s[0] - expected_s)
    wrong = np.flatnonzero(~(off_s < np.diff(index.pts).min() * second / 2))
    if not len(wrong):
        return ""
    first = int(wrong[0])
    seen_s, wanted_s = starts_s[first] - starts_s[0], expected_s[first]
    return f"timestamps differ first at frame {first}: {seen_s:.6g} s, not {wanted_s:.6g} s"


def _different_picture(video: Any, path: Path, index: PacketIndex, stream_index: int) -> str:
    """The first sampled frame whose picture is not the reference reader's; empty if there is none."""
    samples = _sampled(index)
    expected = _reference_luma(path, index, stream_index, around=samples)
    for number in [*samples, *_shuffled(samples)]:
        seen = _luma(video[number].asnumpy())
        if number not in expected:
            return f"the reference reader returns no frame {number}"
        if not _is_picture_of(seen, number, expected):
            return f"pictures differ at frame {number}"
    return ""


def _sampled(index: PacketIndex) -> list[int]:
    """Frame numbers whose pictures are compared: spread over the file, and around keyframes."""
    spread = np.linspace(0, index.n_frames - 1, _N_SAMPLES // 2).round().astype(np.int64)
    places = np.linspace(0, len(index.keyframes) - 1, _N_SAMPLES // 6).round().astype(np.int64)
    keyframes = index.keyframes[np.unique(places)]
    around = np.concatenate([spread, keyframes - 1, keyframes, keyframes + 1])
    inside: list[int] = np.unique(around[(around >= 0) & (around < index.n_frames)]).tolist()
    return inside


def _shuffled(numbers: list[int]) -> list[int]:
    """The same numbers in a fixed order that jumps to and fro.

    >>> _shuffled([0, 1, 2, 3, 4])
    [4, 0, 3, 1, 2]
    """
    from_both_ends = zip(reversed(numbers), numbers, strict=True)
    return [number for pair in from_both_ends for number in pair][: len(numbers)]


def _reference_luma(path: Path, index: PacketIndex, stream_index: int, *, around: list[int]) -> dict[int, LumaArray]:
    """Luma of the wanted frames and their neighbours by the reference reader, by frame number."""
    from forensics.adapters.video.pyav_reader import open_reader as open_reference

    footage = Footage(path, Reader.PYAV, stream_index, _shift_ticks(path, index, stream_index))
    numbers = np.unique(np.add.outer(around, (-1, 0, 1)))
    wanted = numbers[(numbers >= 0) & (numbers < index.n_frames)].astype(np.int64)
    found = open_reference(footage, index, View()).read(wanted)
    return {frame.number: _luma(frame.rgb) for frame in found if isinstance(frame, Frame)}


def _shift_ticks(path: Path, index: PacketIndex, stream_index: int) -> int:
    """What the index added to the stored pts; a wrong guess ends in a refusal, never in a wrong frame."""
    from forensics.adapters.video.pyav_open import open_file

    with open_file(path) as container:
        stream = container.streams.video[0]
        packets = zip(range(_REORDER_PACKETS), container.demux(stream), strict=False)
        earliest = min((packet.pts for _, packet in packets if packet.pts is not None), default=0)
        return round(int(index.pts[0]) - earliest * (stream.time_base or index.time_base) / index.time_base)


def _is_picture_of(seen: LumaArray, number: int, expected: dict[int, LumaArray]) -> bool:
    """The picture is close to the expected one and not closer to either neighbour."""
    if seen.shape != expected[number].shape:
        return False
    difference = _difference(seen, expected[number])
    beside = [_difference(seen, expected[other]) for other in (number - 1, number + 1) if other in expected]
    return difference <= _SAME_PICTURE_LUMA and difference <= min(beside, default=difference) + _TELLS_APART_LUMA


def _difference(one: LumaArray, other: LumaArray) -> float:
    return float(np.abs(one - other).mean())


def _luma(rgb: RgbArray) -> LumaArray:
    """(h, w) float32 grey values of 0 to 255."""
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return (rgb @ weights).astype(np.float32)


def _scaled(rgb: RgbArray, view: View) -> RgbArray:
    """(h, w, 3) uint8 as the view asks."""
    height_px, width_px = rgb.shape[:2]
    size = view.size_of(width_px, height_px)
    if size == (width_px, height_px):
        return rgb
    method = cv2.INTER_AREA if size[0] < width_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, size, interpolation=method), dtype=np.uint8)


def _opened(path: Path) -> Any:
    import decord

    with path.open("rb") as file:
        return decord.VideoReader(file, ctx=decord.cpu(0), num_threads=1)


def _decord_errors() -> tuple[type[Exception], ...]:
    """What decord raises where it cannot open, seek or decode."""
    from decord._ffi.base import DECORDError

    return (DECORDError, RuntimeError, AssertionError, IndexError, StopIteration)


def _first_line(error: BaseException) -> str:
    """What native code said, without stack trace, clock time, source line and memory contents.

    >>> _first_line(RuntimeError("[08:05:46] /src/reader.cc:151: Check failed: st_nb >= 0 (-9 vs. 0) no stream"))
    'Check failed: st_nb >= 0 no stream'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return _VARYING.sub("", lines[0]) if lines else type(error).__name__
