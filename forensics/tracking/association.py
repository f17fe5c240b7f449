"""Association of stored detections to tracks, in one pass over an evidence.

Association is cheap and has state, so it is never split: one pass over all stored detections of an evidence, in
presentation order, without pixels. The tracker gets media time, so that its memory is measured in seconds whatever the
frame rate, also if the sampled frames are few or uneven.

The rule:

1. Every class has its own tracker, because an object has one class. With a shared tracker, a car that hides a person
   could take over the track of the person, and the tracks of people would depend on the other classes of the run.
2. A track begins at the detection that started it, not at the one that confirmed it.
3. A track with fewer than `minimum_detections` detections, or with less than `minimum_duration_ms` from its first to
   its last one, is dropped: its detections stay, untracked. No track is asked for more than its footage allows: in a
   stretch of frames without a pause longer than `buffer_ms`, at most one detection per frame and half of its duration.
   So a detection in a time lapse, or one that is seen in most of a clip of a second, is a track.
4. A track ends at a shot cut, and where a section of the recording ends: positions on both sides are unrelated.
5. Tracks are numbered from 0 by their first detection, never by the tracker's own counter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from forensics.detection.detections import Detections, FloatArray
from forensics.footage.timeline import BoolArray, Int64Array

__all__ = ["DEFAULT_TRACK_PARAMETERS", "UNTRACKED", "TrackParameters", "Tracker", "assign_separate_tracks", "associate"]

UNTRACKED: Final = -1


@dataclass(frozen=True, slots=True)
class TrackParameters:
    """Parameters of the association; scores are on the detector's own scale.

    Attributes:
        activation_score: lowest score that starts a track; at least `high_score`.
        high_score: detections from this score up are associated first; those below only continue
            tracks that got no better detection.
        minimum_iou: threshold of the IoU of a detection with the box predicted for a track.
        buffer_ms: how long a track waits for its next detection before it ends.
        minimum_detections: tracks with fewer detections are dropped.
        minimum_duration_ms: tracks that span less media time are dropped.
        cuts: whether a track ends at a shot cut.
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
        """Return the track of every box; -1 if it joins and starts none.

        Called once for every sampled frame, also without boxes.

        Args:
            xyxy: (N, 4) float32 pixels.
            score: (N,) float32, on the detector's own scale.
            at_us: media time, later than that of the call before.

        Returns:
            (N,) int64 in the order of the boxes; a number is never reused for another track.
        """
        ...


def associate(
    detections: Detections,
    sampled_frames: Int64Array,
    media_us: Int64Array,
    *,
    tracker_for: Callable[[TrackParameters], Tracker],
    n_classes: int,
    shots: Int64Array | None = None,
    sections: Int64Array | None = None,
    observed_us: Int64Array | None = None,
    parameters: TrackParameters = DEFAULT_TRACK_PARAMETERS,
) -> Int64Array:
    """Assign every detection of one evidence to a track.

    Args:
        detections: all boxes of the evidence.
        sampled_frames: (F,) int64, strictly increasing, every frame that the detector ran on.
        media_us: (F,) int64, media time of these frames, non-decreasing.
        tracker_for: makes a new tracker; called once for every detected class in every shot.
        n_classes: number of classes of the detector.
        shots: (F,) int64, non-decreasing, shot number of these frames; None if the footage has no cuts.
        sections: (F,) int64, non-decreasing, section of the recording that these frames lie in; None for one section.
        observed_us: (O,) int64, non-decreasing, media time of all frames in which something could have been seen, also
            of those that the motion gate skipped; None for the sampled frames.
        parameters: parameters of the association.

    Returns:
        (N,) int64 track numbers; -1 for untracked. Dense from 0, in the order of the first detections.

    Raises:
        ValueError: the columns are inconsistent.
    """
    _require_consistent(detections, sampled_frames, media_us, n_classes)
    at_us = _strictly_rising(media_us)
    shot = np.zeros(len(sampled_frames), dtype=np.int64)
    shot += shots if shots is not None and parameters.cuts else 0
    shot += sections if sections is not None else 0  # both only increase, so the sum changes wherever one of them does
    row_shot = shot[np.searchsorted(sampled_frames, detections.frame)]
    track = np.full(len(detections), UNTRACKED, dtype=np.int64)
    for class_index, number in np.unique(np.stack([detections.class_index, row_shot], axis=1), axis=0).tolist():
        rows = np.flatnonzero((detections.class_index == class_index) & (row_shot == number))
        frames = slice(*np.searchsorted(shot, [number, number + 1]))
        numbers = _run_tracker(tracker_for(parameters), _take(detections, rows), sampled_frames[frames], at_us[frames])
        track[rows] = np.where(numbers >= 0, numbers + track.max() + 1, UNTRACKED)
    row_us = media_us[np.searchsorted(sampled_frames, detections.frame)]
    stretches = _Stretches.of(media_us if observed_us is None else observed_us, parameters.buffer_ms * 1_000)
    return _renumber(np.where(_is_long_enough(track, row_us, stretches, parameters), track, UNTRACKED))


def assign_separate_tracks(detections: Detections) -> Int64Array:
    """Assign every detection to a track of its own, without a minimum length.

    For stills, which are too far apart in time for association.

    >>> one = np.zeros(2, dtype=np.int64)
    >>> assign_separate_tracks(Detections(one, np.zeros((2, 4), np.float32), np.ones(2, np.float32), one)).tolist()
    [0, 1]
    """
    return np.arange(len(detections), dtype=np.int64)


def _require_consistent(
    detections: Detections, sampled_frames: Int64Array, media_us: Int64Array, n_classes: int
) -> None:
    if sampled_frames.shape != media_us.shape:
        raise ValueError(f"associate: {len(sampled_frames)} sampled frames, but {len(media_us)} times")
    if np.any(np.diff(sampled_frames) <= 0) or np.any(np.diff(media_us) < 0):
        raise ValueError("associate: frames must increase and their times must not decrease")
    if not np.all(np.isin(detections.frame, sampled_frames)):
        raise ValueError("associate: some detections lie in frames that were not sampled")
    if len(detections) and not 0 <= detections.class_index.min() <= detections.class_index.max() < n_classes:
        raise ValueError(f"associate: classes must be in [0, {n_classes})")


def _strictly_rising(media_us: Int64Array) -> Int64Array:
    """Make times strictly increasing: frames that rounding put into one microsecond move one microsecond apart.

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


def _run_tracker(tracker: Tracker, detections: Detections, sampled_frames: Int64Array, at_us: Int64Array) -> Int64Array:
    """Return the tracker's own number for each detection of one class; -1 for none."""
    numbers = np.full(len(detections), UNTRACKED, dtype=np.int64)
    edges = [*np.searchsorted(detections.frame, sampled_frames).tolist(), len(detections)]
    for position, now_us in enumerate(at_us.tolist()):
        rows = slice(edges[position], edges[position + 1])
        numbers[rows] = tracker.update(detections.xyxy[rows], detections.score[rows], now_us)
    return numbers


@dataclass(frozen=True, slots=True, eq=False)
class _Stretches:
    """Stretches of frames without a long pause, as parallel columns.

    Attributes:
        start_us: (S,) int64, media time of the first frame.
        n_frames: (S,) int64.
        duration_us: (S,) int64, from the first frame to the last.
    """

    start_us: Int64Array
    n_frames: Int64Array
    duration_us: Int64Array

    @classmethod
    def of(cls, at_us: Int64Array, longest_pause_us: int) -> "_Stretches":
        """Return the stretches of frames at these times.

        >>> _Stretches.of(np.array([0, 1, 2, 9]), 5).duration_us.tolist()
        [2, 0]
        """
        starts = np.flatnonzero(np.diff(at_us, prepend=at_us[:1] - longest_pause_us - 1) > longest_pause_us)
        stops = np.append(starts[1:], len(at_us)) if len(starts) else starts
        return cls(at_us[starts], stops - starts, at_us[stops - 1] - at_us[starts])


def _is_long_enough(
    track: Int64Array, row_us: Int64Array, stretches: _Stretches, parameters: TrackParameters
) -> BoolArray:
    """Return (N,) bool, whether the track of each row has enough detections over enough time."""
    if not len(track):
        return np.zeros(0, dtype=bool)
    number, place, n_detections = np.unique(track, return_inverse=True, return_counts=True)
    first_us = np.full(len(number), np.iinfo(np.int64).max)
    last_us = np.full(len(number), np.iinfo(np.int64).min)
    np.minimum.at(first_us, place, row_us)
    np.maximum.at(last_us, place, row_us)
    stretch = np.maximum(np.searchsorted(stretches.start_us, first_us, side="right") - 1, 0)
    least_detections = np.minimum(parameters.minimum_detections, stretches.n_frames[stretch])
    least_us = np.minimum(parameters.minimum_duration_ms * 1_000, stretches.duration_us[stretch] // 2)
    is_kept = (n_detections >= least_detections) & (last_us - first_us >= least_us)
    kept: BoolArray = (is_kept & (number >= 0))[place]
    return kept


def _renumber(track: Int64Array) -> Int64Array:
    """Renumber tracks from 0 in the order of their first rows.

    >>> _renumber(np.array([7, -1, 2, 7, 2, 5])).tolist()
    [0, -1, 1, 0, 1, 2]
    """
    tracked = np.flatnonzero(track >= 0)
    _, first_place, place = np.unique(track[tracked], return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first_place))
    renumbered = np.full(len(track), UNTRACKED, dtype=np.int64)
    renumbered[tracked] = rank[place]
    return renumbered
