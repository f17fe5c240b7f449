"""Which detections are one object: association in one pass over what the detector stored.

Association is cheap and has a memory, so it is never sharded: one pass over all stored detections
of an evidence, in presentation order, without pixels. The tracker behind the port is given media
time, so that its memory is measured in seconds whatever the frame rate, however uneven the frames
and however few of them were looked at.

The rule:

1. Every class has a tracker of its own. A track is one object and an object is of one class; a
   shared tracker would let a car that hides a person take over the person's track, and would make
   the tracks of people depend on which other classes a run was asked to detect.
2. A track begins at the very detection that started it, not where a tracker became sure of it.
3. A track with fewer than `minimum_detections` detections or less than `minimum_duration_ms`
   between its first and its last one is no track: its detections remain, untracked.
4. A track ends where the footage is cut to another picture: places in two pictures have nothing in common.
5. Tracks are numbered from 0 by their first detection, never by a tracker's own counter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from forensics.detection.detections import Detections, FloatArray
from forensics.footage.timeline import BoolArray, Int64Array

__all__ = ["DEFAULT_TRACK_PARAMETERS", "UNTRACKED", "TrackParameters", "Tracker", "associate", "each_its_own"]

UNTRACKED: Final = -1


@dataclass(frozen=True, slots=True)
class TrackParameters:
    """When detections are one object, on the detector's own score scale.

    Attributes:
        activation_score: the lowest score that starts a track; at least `high_score`.
        high_score: detections from here up are associated first; those below only continue
            tracks that found nothing better.
        minimum_iou: the least overlap of a detection with the box predicted for a track.
        buffer_ms: how long a track waits for its next detection before it ends.
        minimum_detections: tracks with fewer are dropped.
        minimum_duration_ms: tracks that span less media time are dropped.
        cuts: a track ends where the footage is cut to another picture.
    """

    activation_score: float = 0.4
    high_score: float = 0.4
    minimum_iou: float = 0.15
    buffer_ms: int = 2_000
    minimum_detections: int = 3
    minimum_duration_ms: int = 1_000
    cuts: bool = True

    def __post_init__(self) -> None:
        if self.activation_score < self.high_score:
            raise ValueError(f"activation_score {self.activation_score} is below high_score {self.high_score}")
        if not 0 < self.minimum_iou <= 1:
            raise ValueError(f"minimum_iou must be in (0, 1], got {self.minimum_iou}")
        if self.buffer_ms < 0 or self.minimum_duration_ms < 0 or self.minimum_detections < 1:
            raise ValueError(f"track parameters: durations and counts must not be negative: {self}")


DEFAULT_TRACK_PARAMETERS: Final = TrackParameters()


class Tracker(Protocol):
    """Follows the objects of one class through one evidence."""

    def update(self, xyxy: FloatArray, score: FloatArray, at_us: int) -> Int64Array:
        """Tell which track every box belongs to, -1 where it joins and starts none.

        Called once for every frame that was looked at, also when nothing was seen there.

        Args:
            xyxy: (N, 4) float32 pixels.
            score: (N,) float32, on the detector's own scale.
            at_us: media time, later than that of the call before.

        Returns:
            (N,) int64 in the order of the boxes; numbers are never used again for another track.
        """
        ...


def associate(
    detections: Detections,
    looked_frames: Int64Array,
    media_us: Int64Array,
    *,
    tracker_for: Callable[[TrackParameters], Tracker],
    n_classes: int,
    shots: Int64Array | None = None,
    parameters: TrackParameters = DEFAULT_TRACK_PARAMETERS,
) -> Int64Array:
    """Give every detection of one evidence its track.

    Args:
        detections: all boxes of the evidence.
        looked_frames: (F,) int64, strictly increasing, every frame that the detector looked at.
        media_us: (F,) int64, media time of those frames, never decreasing.
        tracker_for: makes a fresh tracker; called once for every class that was seen, in every shot.
        n_classes: how many classes the detector names.
        shots: (F,) int64, never decreasing, the shot of those frames; None if the footage has no cuts.
        parameters: when detections are one object.

    Returns:
        (N,) int64, a track number from 0 or -1; dense, ordered by each track's first detection.
    """
    _require_consistent(detections, looked_frames, media_us, n_classes)
    at_us = _strictly_rising(media_us)
    shot = np.zeros(len(looked_frames), dtype=np.int64) if shots is None or not parameters.cuts else shots
    row_shot = shot[np.searchsorted(looked_frames, detections.frame)]
    track = np.full(len(detections), UNTRACKED, dtype=np.int64)
    for class_index, number in np.unique(np.stack([detections.class_index, row_shot], axis=1), axis=0).tolist():
        rows = np.flatnonzero((detections.class_index == class_index) & (row_shot == number))
        looks = slice(*np.searchsorted(shot, [number, number + 1]))
        numbers = _follow(tracker_for(parameters), _take(detections, rows), looked_frames[looks], at_us[looks])
        track[rows] = np.where(numbers >= 0, numbers + track.max() + 1, UNTRACKED)
    row_us = media_us[np.searchsorted(looked_frames, detections.frame)]
    return _renumber(np.where(_is_long_enough(track, row_us, parameters), track, UNTRACKED))


def each_its_own(detections: Detections) -> Int64Array:
    """Give every detection a track of its own: nothing is associated, so no track is too short.

    For stills that lie too far apart to follow anything from one to the next.

    >>> one = np.zeros(2, dtype=np.int64)
    >>> each_its_own(Detections(one, np.zeros((2, 4), np.float32), np.ones(2, np.float32), one)).tolist()
    [0, 1]
    """
    return np.arange(len(detections), dtype=np.int64)


def _require_consistent(
    detections: Detections, looked_frames: Int64Array, media_us: Int64Array, n_classes: int
) -> None:
    if looked_frames.shape != media_us.shape:
        raise ValueError(f"associate: {len(looked_frames)} frames were looked at, {len(media_us)} have a time")
    if np.any(np.diff(looked_frames) <= 0) or np.any(np.diff(media_us) < 0):
        raise ValueError("associate: frames must increase and their times must not decrease")
    if not np.all(np.isin(detections.frame, looked_frames)):
        raise ValueError("associate: some detections lie in frames that were not looked at")
    if len(detections) and not 0 <= detections.class_index.min() <= detections.class_index.max() < n_classes:
        raise ValueError(f"associate: classes must be in [0, {n_classes})")


def _strictly_rising(media_us: Int64Array) -> Int64Array:
    """Times of which no two are equal: frames that rounding put into one microsecond move one apart.

    >>> _strictly_rising(np.array([0, 5, 5, 6, 9])).tolist()
    [0, 5, 6, 7, 9]
    """
    steps = np.arange(len(media_us), dtype=np.int64)
    return np.maximum.accumulate(media_us - steps) + steps if len(media_us) else media_us


def _take(detections: Detections, rows: Int64Array) -> Detections:
    return Detections(
        frame=detections.frame[rows],
        xyxy=detections.xyxy[rows],
        score=detections.score[rows],
        class_index=detections.class_index[rows],
    )


def _follow(tracker: Tracker, detections: Detections, looked_frames: Int64Array, at_us: Int64Array) -> Int64Array:
    """The tracker's own number for each detection of one class, -1 where it has none."""
    numbers = np.full(len(detections), UNTRACKED, dtype=np.int64)
    edges = [*np.searchsorted(detections.frame, looked_frames).tolist(), len(detections)]
    for place, now_us in enumerate(at_us.tolist()):
        rows = slice(edges[place], edges[place + 1])
        numbers[rows] = tracker.update(detections.xyxy[rows], detections.score[rows], now_us)
    return numbers


def _is_long_enough(track: Int64Array, row_us: Int64Array, parameters: TrackParameters) -> BoolArray:
    """(N,) bool, the row's track has enough detections over enough time."""
    number, place, n_detections = np.unique(track, return_inverse=True, return_counts=True)
    first_us = np.full(len(number), np.iinfo(np.int64).max)
    last_us = np.full(len(number), np.iinfo(np.int64).min)
    np.minimum.at(first_us, place, row_us)
    np.maximum.at(last_us, place, row_us)
    is_kept = (n_detections >= parameters.minimum_detections) & (
        last_us - first_us >= parameters.minimum_duration_ms * 1_000
    )
    kept: BoolArray = (is_kept & (number >= 0))[place]
    return kept


def _renumber(track: Int64Array) -> Int64Array:
    """Track numbers from 0 in the order of their first rows.

    >>> _renumber(np.array([7, -1, 2, 7, 2, 5])).tolist()
    [0, -1, 1, 0, 1, 2]
    """
    tracked = np.flatnonzero(track >= 0)
    _, first_place, place = np.unique(track[tracked], return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first_place))
    renumbered = np.full(len(track), UNTRACKED, dtype=np.int64)
    renumbered[tracked] = rank[place]
    return renumbered
