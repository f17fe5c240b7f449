"""Which recordings are sparse, and which stills may be associated."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from forensics.footage.evidence import Evidence, Footage, Medium, Readable, Reader, Timing, Verdict
from forensics.footage.pictures import PictureFacts
from forensics.footage.timeline import PacketIndex
from forensics.tracking.association import TrackParameters
from forensics.tracking.sparse_footage import has_stills, is_sparse, parameters_of_sparse, runs_of_timed_stills


def evidence(reader=Reader.STILLS):
    medium = Medium("folder", "jpeg", 160, 96, 0, None, None, None, Timing.EXIF, ())
    footage = Footage(Path("trap"), reader, 0, 0)
    readable = Readable(medium, footage, None, "", 4, Fraction(1, 1000), "0")
    return Evidence("e", Path("trap"), "0", 1, "trap", None, None, Verdict.OK, "", readable)


def index(timings):
    n_frames = len(timings)
    nothing = np.zeros(n_frames, dtype=bool)
    pts, size = np.arange(n_frames, dtype=np.int64), np.ones(n_frames, dtype=np.int64)
    pictures = PictureFacts(tuple(timings), pts * 1000, np.zeros((n_frames, 2), dtype=np.int32))
    return PacketIndex(pts, ~nothing, size, nothing, Fraction(1, 1000), pictures=pictures)


@pytest.mark.parametrize(
    ("reader", "seconds", "expected"),
    [
        (Reader.STILLS, [0, 0.1, 0.2], True),
        (Reader.PYAV, [0, 0.1, 0.2], False),
        (Reader.PYAV, [0, 2, 4], False),  # a track waits as long as that
        (Reader.PYAV, [0, 2.001, 4.002], True),
        (Reader.PYAV, [0, 0.1, 0.2, 60], False),  # one long pause
        (Reader.PYAV, [0, 30, 60, 60.1], True),  # one short step
        (Reader.PYAV, [5], True),
        (Reader.PYAV, [], False),  # no sampled frame, as outside the mandate
        (Reader.STILLS, [], False),
    ],
)
def test_the_median_step_decides_and_sampled_stills_are_always_sparse(reader, seconds, expected):
    times_us = np.array([second * 1_000_000 for second in seconds]).astype(np.int64)
    assert is_sparse(evidence(reader), times_us, 2_000) is expected
    assert has_stills(evidence(reader)) is (reader is Reader.STILLS)


def test_the_score_of_single_frames_replaces_both_scores():
    found = parameters_of_sparse(TrackParameters(activation_score=0.5, high_score=0.4, buffer_ms=700), 0.3)
    assert found == TrackParameters(0.3, 0.3, buffer_ms=700, minimum_detections=1, minimum_duration_ms=0)
    assert parameters_of_sparse(TrackParameters(), 0.6).high_score == TrackParameters().high_score


@pytest.mark.parametrize(
    ("untimed", "expected"), [((), [0, 0, 0, 0]), ({0}, [0, 1, 1, 1]), ({2}, [0, 0, 1, 2]), ({1, 2}, [0, 1, 2, 3])]
)
@pytest.mark.parametrize("timing", [Timing.ASSUMED, Timing.FILE_TIME])
def test_a_still_without_a_time_of_its_own_is_alone(untimed, expected, timing):
    timings = [timing if number in untimed else Timing.EXIF for number in range(4)]
    assert runs_of_timed_stills(index(timings)).tolist() == expected


@pytest.mark.parametrize("timing", [Timing.ASSUMED, Timing.FILE_TIME])
def test_file_times_join_no_stills(timing):
    assert runs_of_timed_stills(index([timing] * 4)).tolist() == [0, 1, 2, 3]
    assert runs_of_timed_stills(index([])).tolist() == []
