"""Decodes groups of pictures with PyAV and tells which of their frames are whole.

A group of pictures is a keyframe and all frames up to the next keyframe. Its frames depend on the packets from its
decoding start on, never on what was read before: a group that needs no history is decoded by a new decoder, and
neighbours that need history (`PacketIndex.recovery_frames`) are decoded in one go. Frames that are shown before the
next keyframe but stored after it belong to this group; they are decoded here, together with that keyframe.

Where a packet fails, every frame stored after it becomes a gap, up to the next keyframe from which pictures are
right again: it may depend on the missing frame, and decoders do not report that.
"""

import math
from collections import deque
from collections.abc import Callable, Container, Generator, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeVar

import av.error
import numpy as np
from av.video.frame import VideoFrame

from forensics.adapters.video.packet_tags import tag_packet
from forensics.adapters.video.reading.packet_source import PacketSource
from forensics.footage.frames import Gap
from forensics.footage.timeline import Int64Array, PacketIndex

__all__ = ["Decoded", "Groups", "decode_groups", "decode_whatever_comes", "split_into_groups", "with_more_history"]

T = TypeVar("T")

# Keyframes before a group at which it is tried again: the decoder of H.264 keeps at most 16 frames.
_MORE_HISTORY = (2, 4, 8, 16)


@dataclass(frozen=True, slots=True)
class Groups:
    """Neighbouring groups of pictures that are decoded in one go.

    Attributes:
        decode_from: the keyframe where decoding starts.
        start, stop: frames [start, stop); `start` is a keyframe, `stop` the next one after them.
        wanted: the frames to return, in order.
        is_strict: whether an error of the decoder makes a gap; otherwise only what the decoder conceals does, and the
            frames before the first whole one are gaps that damage no other frame.
    """

    decode_from: int
    start: int
    stop: int
    wanted: tuple[int, ...]
    is_strict: bool = True


@dataclass(frozen=True, slots=True)
class Decoded:
    """A frame as the decoder returned it."""

    number: int
    frame: VideoFrame


def split_into_groups(index: PacketIndex, wanted: Int64Array, *, each_alone: bool = False) -> Iterator[Groups]:
    """Yield the groups of pictures that hold the wanted frames, in order.

    Groups that need history are put together with those before them, if they are decoded at no extra cost that way.

    Args:
        index: the packet index.
        wanted: (N,) int64 frame numbers, strictly increasing.
        each_alone: whether no groups are put together.
    """
    starts, edges = index.decoding_starts, np.append(index.keyframes, index.n_frames)
    places = np.searchsorted(index.keyframes, wanted, side="right") - 1
    before, after = places[:-1], places[1:]
    is_cheaper = index.needs_history[after] & (starts[after] <= edges[before + 1])
    is_joined = (after == before) | (np.zeros_like(is_cheaper) if each_alone else is_cheaper)
    cuts = np.flatnonzero(~is_joined) + 1
    for begin, end in pairwise([0, *cuts.tolist(), len(wanted)]):
        if begin < end:
            first, last = int(places[begin]), int(places[end - 1])
            yield Groups(int(starts[first]), int(edges[first]), int(edges[last + 1]), tuple(wanted[begin:end].tolist()))


def with_more_history(index: PacketIndex, group: Groups) -> Iterator[Groups]:
    """Yield a single group, then again with more and more history, at last with a decoder that conceals errors.

    A group that needs no history is yielded once.
    """
    yield group
    place = int(np.searchsorted(index.keyframes, group.start))
    if not index.needs_history[place]:
        return
    independent = np.flatnonzero(~index.needs_history[:place])
    earliest, last = int(index.keyframes[independent[-1]]) if len(independent) else 0, group.decode_from
    for n_back in _MORE_HISTORY:
        start = max(earliest, int(index.keyframes[max(0, place - n_back)]))
        if start < last:
            yield replace(group, decode_from=start)
            last = start
    yield replace(group, is_strict=False)


@dataclass(slots=True)
class _State:
    """State of decoding some groups.

    Attributes:
        groups: what is decoded.
        position_of: position at which each frame's packet is stored.
        recoveries: position of each keyframe, and the number of the first frame that is right whatever came before it.
        failed: the decoder's error text, by frame number.
        failures: positions of the packets that failed, or whose frames the decoder skipped.
        returned_up_to: one past the last frame that the decoder returned; -1 before the first.
    """

    groups: Groups
    position_of: dict[int, int] = field(default_factory=dict)
    recoveries: list[tuple[int, int]] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    failures: list[int] = field(default_factory=list)
    returned_up_to: int = -1

    def add_packet(self, number: int, n_recovery_frames: int | None) -> None:
        """Record that the next packet holds this frame; of a keyframe also after how many frames pictures are right."""
        position = self.position_of[number] = len(self.position_of)
        if n_recovery_frames is not None:
            self.recoveries.append((position, number + max(0, n_recovery_frames)))

    def fail(self, number: int, detail: str) -> None:
        """Record why the packet of a frame failed."""
        self.failed[number] = detail
        self.failures.append(self.position_of[number])

    def add_returned(self, number: int) -> None:
        """Record a frame that the decoder returned, and each frame that it skipped as a failure."""
        if self.returned_up_to < 0 and not self.groups.is_strict:
            self.failures.clear()
            self.returned_up_to = number
        for passed in range(max(self.groups.decode_from, self.returned_up_to), number):
            if passed in self.position_of:
                self.failures.append(self.position_of[passed])
        self.returned_up_to = number + 1

    def is_damaged(self, number: int) -> bool:
        """Whether a packet stored at or before this frame failed, and pictures are not right again before it."""
        position = self.position_of.get(number, math.inf)
        return any(failure <= position and number < self._recovered_after(failure) for failure in self.failures)

    def _recovered_after(self, failure: int) -> float:
        """Return the number of the first frame that is right although the packet at this position failed."""
        return min((number for position, number in self.recoveries if position > failure), default=math.inf)

    def gap(self, number: int, index: PacketIndex) -> Gap:
        """Return the gap of a frame, with its reason."""
        if index.is_unreadable[number]:
            return Gap(number, "duplicate_pts", f"another frame claims pts {int(index.pts[number])} too")
        if number in self.failed:
            return Gap(number, "decode_error", self.failed[number])
        if self.is_damaged(number) and number < self.returned_up_to:
            return Gap(number, "damaged_before", "an earlier frame that this one may be built on failed")
        return Gap(number, "decode_error", "the decoder returned no picture for this pts")


def decode_groups(
    source: PacketSource, index: PacketIndex, groups: Groups, convert: Callable[[Decoded], T]
) -> Iterator[T | Gap]:
    """Yield the wanted frames in order, each once every packet that could damage it was decoded.

    Args:
        source: of the packets.
        index: of the file.
        groups: what to decode.
        convert: makes of a frame what is yielded. The frame itself is freed at once, wanted or not: a decoder fills
            the memory of freed frames again, and a damaged picture may show what it held.
    """
    state, wanted = _State(groups), deque(groups.wanted)
    held: deque[Decoded] = deque()
    for found in _decode(source, index, state):
        held.append(found)
        if len(held) > source.max_delay_frames:
            yield from _release(held.popleft(), state, index, wanted, convert)
        if not wanted:
            source.forget_position()
            return
    while held:
        yield from _release(held.popleft(), state, index, wanted, convert)
    for number in wanted:
        yield state.gap(number, index)


def decode_whatever_comes(source: PacketSource, index: PacketIndex, groups: Groups) -> Generator[Decoded, None, None]:
    """Yield every frame of the groups that the decoder returns, whole or not, in strictly increasing order."""
    last = groups.start - 1
    for found in _decode(source, index, _State(groups)):
        if found.number > last:
            last = found.number
            yield found


def _release(
    found: Decoded, state: _State, index: PacketIndex, wanted: deque[int], convert: Callable[[Decoded], T]
) -> list[T | Gap]:
    """Return the gaps before this frame, then the converted frame if it is wanted, or a gap if it is damaged."""
    released = list[T | Gap]()
    while wanted and wanted[0] < found.number:
        released.append(state.gap(wanted.popleft(), index))
    if wanted and wanted[0] == found.number:
        wanted.popleft()
        released.append(state.gap(found.number, index) if state.is_damaged(found.number) else convert(found))
    return released


def _decode(source: PacketSource, index: PacketIndex, state: _State) -> Iterator[Decoded]:
    """Yield the frames of the groups in presentation order; record what fails."""
    groups = state.groups
    n_recovery_frames = _recovery_of(index, groups)
    decoder = source.open_decoder()
    for packet in source.packets_until(groups.decode_from, groups.stop):
        number = source.number_of(packet)
        if 0 <= number < groups.decode_from:
            continue  # shown before the first keyframe: built on what is not decoded here
        state.add_packet(number, n_recovery_frames.get(number))
        if number in index.damaged:
            state.fail(number, "the packet is damaged, or one that it is built on has no address")
        if source.lacks_pixels(packet):
            state.fail(number, "the packet holds no pixels of its picture")
            continue
        tag_packet(packet, number)
        try:
            frames = decoder.decode(packet)
        except av.error.FFmpegError as error:
            source.note_memory_error(error)
            state.fail(number, str(error.strerror))
            continue
        yield from _track(source, frames, state, n_recovery_frames)
    try:
        held = decoder.decode(None)
    except av.error.FFmpegError as error:
        source.note_memory_error(error)
    else:
        yield from _track(source, held, state, n_recovery_frames)


def _track(
    source: PacketSource, frames: list[VideoFrame], state: _State, keyframes: Container[int]
) -> Iterator[Decoded]:
    """Yield the frames that belong to the groups, with their numbers; record those that are damaged."""
    for frame in frames:
        number = source.number_of_frame(frame)
        if state.groups.decode_from <= number < state.groups.stop:
            state.add_returned(number)
            if frame.is_corrupt:
                state.fail(number, "the decoder marks the picture as damaged")
            if number in keyframes and source.is_false_keyframe(frame):
                state.fail(number, "the file marks the picture as a keyframe, the decoder does not")
            if number >= state.groups.start:
                yield Decoded(number, frame)


def _recovery_of(index: PacketIndex, groups: Groups) -> dict[int, int]:
    """Return how many frames after each keyframe of the groups pictures are right, by its number."""
    first, stop = np.searchsorted(index.keyframes, [groups.decode_from, groups.stop]).tolist()
    keyframes = index.keyframes[first : stop + 1].tolist()
    frames = (
        [-1] * len(keyframes) if index.recovery_frames is None else index.recovery_frames[first : stop + 1].tolist()
    )
    return {key: n for key, n in zip(keyframes, frames, strict=True) if index.is_key[key]}
