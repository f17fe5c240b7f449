"""Tracking in sparse footage: stills, and video whose frames lie further apart than a track waits.

There no other frame confirms a detection, so every detection that is certain enough is a track, or part of one. Two
stills are associated only if both state when they were taken and show one scene: a burst of a camera trap is one track
for each animal, and the folder of a photographer gives no track from one scene to another.
"""

from dataclasses import replace

import numpy as np

from forensics.footage.evidence import Evidence, Reader, Timing
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.tracking.association import TrackParameters

__all__ = ["has_stills", "is_sparse", "parameters_of_sparse", "runs_of_timed_stills"]


def has_stills(evidence: Evidence) -> bool:
    """Whether an evidence is a folder or ZIP archive of stills."""
    return evidence.readable is not None and evidence.readable.footage.reader is Reader.STILLS


def is_sparse(evidence: Evidence, observed_us: Int64Array, buffer_ms: int) -> bool:
    """Whether no frame of an evidence can confirm a detection of another one.

    That holds for stills, and where the median step between two sampled frames is longer than `buffer_ms`. Footage
    without a sampled frame, such as footage outside the mandate, is not sparse.

    Args:
        evidence: the evidence.
        observed_us: (O,) int64, non-decreasing, media time of the sampled frames.
        buffer_ms: how long a track waits for its next detection.
    """
    if not len(observed_us):
        return False
    if has_stills(evidence) or len(observed_us) < 2:
        return True
    return bool(np.median(np.diff(observed_us)) > buffer_ms * 1_000)


def parameters_of_sparse(parameters: TrackParameters, single_frame_score: float) -> TrackParameters:
    """Return the parameters for sparse footage: a single detection of this score is a track.

    >>> parameters_of_sparse(TrackParameters(), 0.25).activation_score
    0.25
    """
    return replace(
        parameters,
        activation_score=single_frame_score,
        high_score=min(parameters.high_score, single_frame_score),
        minimum_detections=1,
        minimum_duration_ms=0,
    )


def runs_of_timed_stills(index: PacketIndex) -> Int64Array:
    """Return (N,) int64, non-decreasing, a number that rises wherever two stills in a row must not be associated.

    That is where one of them states no capture time: its place in the recording is a guess by its name, and a file
    time may be that of a copy.

    Args:
        index: packet index of stills.
    """
    assert index.pictures is not None
    is_timed = ~index.pictures.is_timed_by(Timing.ASSUMED, Timing.FILE_TIME)
    is_break = ~(is_timed[1:] & is_timed[:-1])
    return np.concatenate([np.zeros(min(1, index.n_frames), dtype=np.int64), np.cumsum(is_break, dtype=np.int64)])
