"""Second reader of video files: decord, used only for files on which it was proven to agree with the reference reader.

decord numbers frames by its own count and returns no pts. So a frame from decord is evidence only if `prove` found that
its frame count, its keyframes and all of its timestamps agree with the packet index, and that the pictures of sampled
frames agree with those of the reference reader, in whatever order they are read. Opening a reader checks all of this
again except the pictures.

decord silently replaces a corrupt frame by the frame before it, and nothing in this module can detect that: never
call `prove` for a file that indexing found damaged or incomplete. It does the same after a disk error, so the file is
read here and passed to it whole. Native calls may also hang while they hold the interpreter's lock, so call both
functions in a child process that can be killed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from forensics.adapters.pictures.frame_summary import apply_gate
from forensics.adapters.store.checked_file import disk_failure, require_local_path
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
# Largest mean luma difference of the two readers' pictures of a frame: chroma upsampling and rounding differ.
_MAX_DIFFERENCE_LUMA = 4.0
# A neighbour must be closer by this much to count as closer, or equal frames of a static scene would reject a file.
_NEIGHBOUR_MARGIN_LUMA = 0.5
# The first picture's pts is among this many packets: decoders reorder by no more than 16.
_REORDER_PACKETS = 64
# A reason is stored with the evidence, so it must not vary with machine or time.
_VARYING_TEXT = re.compile(r"\[\d\d:\d\d:\d\d\] |/\S+?:\d+: |\(\S+ vs\. \S+\) ")

LumaArray = npt.NDArray[np.float32]


def open_reader(footage: Footage, index: PacketIndex, view: View) -> "DecordReader":
    """Open a reader of `footage`.

    Raises:
        UnreadableFootage: decord cannot open the file, or no longer agrees with the index on frame count and times.
        DecoderLost: the disk fails.
    """
    try:
        video = _open_video(require_local_path(footage.path))
    except _decord_errors() as error:
        raise UnreadableFootage(footage.path, "unreadable", _first_line(error)) from error
    except OSError as error:
        raise disk_failure(footage.path, error) from error
    disagreement = _find_disagreement(video, index)
    if disagreement:
        raise UnreadableFootage(footage.path, "reader_disagrees", disagreement)
    return DecordReader(video, index, view)


@dataclass(frozen=True, slots=True, eq=False)
class DecordReader:
    """Implements `FrameReader` with one open `decord.VideoReader` that was checked against the index."""

    video: Any
    index: PacketIndex
    view: View

    def read(self, wanted: Int64Array, gate: MotionGate | None = None) -> Iterator[Item]:
        """Yield one item for every wanted frame, see `FrameReader.read`."""
        for number in wanted.tolist():
            yield apply_gate(self._frame(number), self.index, gate)

    def _frame(self, number: int) -> Frame | Gap:
        try:
            stored: RgbArray = self.video[number].asnumpy()
        except _decord_errors() as error:
            return Gap(number, "decode_error", _first_line(error))
        height_px, width_px = stored.shape[:2]
        pts = int(self.index.pts[number])
        return Frame(number, pts, _scale(stored, self.view), width_px=width_px, height_px=height_px)


def prove(path: Path, index: PacketIndex, stream_index: int) -> str:
    """Return why decord must not read this file; empty if it was proven exact on it.

    Args:
        path: the file to read, which indexing found whole.
        index: of that file, or of the original of which it is a stream copy.
        stream_index: the stream that the index is of.

    Raises:
        DecoderLost: the disk fails.
    """
    try:
        reason = _find_exclusion(path, index, stream_index)
        if reason:
            return reason
        video = _open_video(path)
        return _find_disagreement(video, index) or _find_picture_difference(video, path, index, stream_index)
    except _decord_errors() as error:
        return f"decord cannot read it: {_first_line(error)}"
    except OSError as error:
        raise disk_failure(path, error) from error


def _find_exclusion(path: Path, index: PacketIndex, stream_index: int) -> str:
    """Return why decord is not even tried; empty if it may be."""
    if not index.n_frames:
        return "the index holds no frames"
    if path.stat().st_size > _LARGEST_BYTES:
        return f"decord would have to hold the whole file, and it has more than {_LARGEST_BYTES >> 20} MiB"
    if index.is_numbered or np.any(index.is_ambiguous):
        return "the clock of the file jumps" if index.sections else "some frames share one pts"
    if np.any(index.is_hidden):
        return "an edit list hides frames"
    if _is_transport_stream(path):
        return "decord misses frames in MPEG-TS"
    return _find_other_streams(path, stream_index)


def _is_transport_stream(path: Path) -> bool:
    """Whether the file is an MPEG transport stream."""
    with path.open("rb") as file:
        head = file.read(3 * _TRANSPORT_STREAM_STEP_BYTES)
    marks = head[::_TRANSPORT_STREAM_STEP_BYTES]
    return len(marks) > 1 and all(mark == _TRANSPORT_STREAM_SYNC for mark in marks)


def _find_other_streams(path: Path, stream_index: int) -> str:
    """Return why decord is excluded if the file has several video streams: decord picks one by itself."""
    from forensics.adapters.video.pyav_open import open_file

    with open_file(path) as container:
        streams = [stream.index for stream in container.streams.video]
    return (
        "" if streams == [stream_index] else f"the file holds {len(streams)} video streams and decord picks one itself"
    )


def _find_disagreement(video: Any, index: PacketIndex) -> str:
    """Return where decord's frame count, keyframes or timestamps differ from the index; empty if nowhere."""
    if len(video) != index.n_frames:
        return f"decord counts {len(video)} frames, the index {index.n_frames}"
    keyframes = np.sort(np.asarray(video.get_key_indices(), dtype=np.int64))
    if not np.array_equal(keyframes, np.flatnonzero(index.is_key)):
        return "decord places keyframes at other frames than the index"
    return _find_time_difference(video, index)


def _find_time_difference(video: Any, index: PacketIndex) -> str:
    """Describe the first frame whose time differs by half the smallest interval or more, a constant offset aside."""
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


def _find_picture_difference(video: Any, path: Path, index: PacketIndex, stream_index: int) -> str:
    """Describe the first sampled frame whose picture differs from the reference reader's; empty if there is none."""
    samples = _sample_numbers(index)
    expected = _reference_luma(path, index, stream_index, around=samples)
    for number in [*samples, *_alternate_ends(samples)]:
        seen = _luma(video[number].asnumpy())
        if number not in expected:
            return f"the reference reader returns no frame {number}"
        if not _is_picture_of(seen, number, expected):
            return f"pictures differ at frame {number}"
    return ""


def _sample_numbers(index: PacketIndex) -> list[int]:
    """Return the frame numbers whose pictures are compared: spread over the file, and next to keyframes."""
    spread = np.linspace(0, index.n_frames - 1, _N_SAMPLES // 2).round().astype(np.int64)
    places = np.linspace(0, len(index.keyframes) - 1, _N_SAMPLES // 6).round().astype(np.int64)
    keyframes = index.keyframes[np.unique(places)]
    around = np.concatenate([spread, keyframes - 1, keyframes, keyframes + 1])
    inside: list[int] = np.unique(around[(around >= 0) & (around < index.n_frames)]).tolist()
    return inside


def _alternate_ends(numbers: list[int]) -> list[int]:
    """Return the same numbers in a fixed order that alternates between both ends, to force seeks.

    >>> _alternate_ends([0, 1, 2, 3, 4])
    [4, 0, 3, 1, 2]
    """
    from_both_ends = zip(reversed(numbers), numbers, strict=True)
    return [number for pair in from_both_ends for number in pair][: len(numbers)]


def _reference_luma(path: Path, index: PacketIndex, stream_index: int, *, around: list[int]) -> dict[int, LumaArray]:
    """Return the luma of the given frames and their neighbours from the reference reader, by frame number."""
    from forensics.adapters.video.reading.pyav_reader import open_reader as open_reference

    footage = Footage(path, Reader.PYAV, stream_index, _shift_ticks(path, index, stream_index))
    numbers = np.unique(np.add.outer(around, (-1, 0, 1)))
    wanted = numbers[(numbers >= 0) & (numbers < index.n_frames)].astype(np.int64)
    found = open_reference(footage, index, View()).read(wanted)
    return {frame.number: _luma(frame.rgb) for frame in found if isinstance(frame, Frame)}


def _shift_ticks(path: Path, index: PacketIndex, stream_index: int) -> int:
    """Return the ticks that the index added to a stored pts; a wrong value causes a rejection, never a wrong frame."""
    from forensics.adapters.video.pyav_open import open_file

    with open_file(path) as container:
        stream = container.streams.video[0]
        packets = zip(range(_REORDER_PACKETS), container.demux(stream), strict=False)
        earliest = min((packet.pts for _, packet in packets if packet.pts is not None), default=0)
        return round(int(index.pts[0]) - earliest * (stream.time_base or index.time_base) / index.time_base)


def _is_picture_of(seen: LumaArray, number: int, expected: dict[int, LumaArray]) -> bool:
    """Whether the picture is close to the expected one and not closer to either neighbour."""
    if seen.shape != expected[number].shape:
        return False
    difference = _mean_difference(seen, expected[number])
    beside = [_mean_difference(seen, expected[other]) for other in (number - 1, number + 1) if other in expected]
    return difference <= _MAX_DIFFERENCE_LUMA and difference <= min(beside, default=difference) + _NEIGHBOUR_MARGIN_LUMA


def _mean_difference(one: LumaArray, other: LumaArray) -> float:
    """Return the mean absolute luma difference of two pictures."""
    return float(np.abs(one - other).mean())


def _luma(rgb: RgbArray) -> LumaArray:
    """Return the picture's luma as (h, w) float32 in [0, 255]."""
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return (rgb @ weights).astype(np.float32)


def _scale(rgb: RgbArray, view: View) -> RgbArray:
    """Return the picture as (h, w, 3) uint8, scaled to the view."""
    height_px, width_px = rgb.shape[:2]
    size = view.size_of(width_px, height_px)
    if size == (width_px, height_px):
        return rgb
    method = cv2.INTER_AREA if size[0] < width_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, size, interpolation=method), dtype=np.uint8)


def _open_video(path: Path) -> Any:
    """Open the file with decord, on one thread."""
    import decord

    with path.open("rb") as file:
        return decord.VideoReader(file, ctx=decord.cpu(0), num_threads=1)


def _decord_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that decord raises if it cannot open, seek or decode."""
    from decord._ffi.base import DECORDError

    return (DECORDError, RuntimeError, AssertionError, IndexError, StopIteration)


def _first_line(error: BaseException) -> str:
    """Return the first line of a native error, without clock time, source line and values from memory.

    >>> _first_line(RuntimeError("[08:05:46] /src/reader.cc:151: Check failed: st_nb >= 0 (-9 vs. 0) no stream"))
    'Check failed: st_nb >= 0 no stream'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return _VARYING_TEXT.sub("", lines[0]) if lines else type(error).__name__
