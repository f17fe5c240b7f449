"""Association of detections to tracks: exact, numbered by content, and measured in seconds."""

import numpy as np
import pytest

from forensics.adapters.trackers.bytetrack import ByteTrack, ExpandedIou
from forensics.detection.detections import Detections
from forensics.tracking.association import TrackParameters, associate
from forensics.tracking.box_filter import BoxFilter

EVERY_TRACK = TrackParameters(minimum_detections=1, minimum_duration_ms=0)


def seen(*rows, class_index=None):
    """Detections from (frame, left, top, width, height, score) rows."""
    cells = np.array(rows, dtype=np.float64).reshape(-1, 6)
    return Detections(
        frame=cells[:, 0].astype(np.int64),
        xyxy=np.column_stack([cells[:, 1:3], cells[:, 1:3] + cells[:, 3:5]]).astype(np.float32),
        score=cells[:, 5].astype(np.float32),
        class_index=np.array(class_index or [0] * len(cells), dtype=np.int64),
    )


def walk(frames, fps, left=0.0, speed=60.0, top=100.0, score=0.9):
    """One person of 40 x 100 px at `speed` px a second, seen in these frames."""
    return [(frame, left + speed * frame / fps, top, 40, 100, score) for frame in frames]


def in_order(rows):
    return sorted(rows, key=lambda row: (row[0], -row[5]))


def follow(detections, n_frames, fps=10, parameters=EVERY_TRACK, tracker_for=ByteTrack, n_classes=1, every=1):
    looked = np.arange(0, n_frames, every, dtype=np.int64)
    media_us = np.round(looked * 1_000_000 / fps).astype(np.int64)
    track = associate(detections, looked, media_us, tracker_for=tracker_for, n_classes=n_classes, parameters=parameters)
    return track.tolist()


class ByLeftEdge:
    """A tracker that knows: the track is the hundred of the left edge; below zero there is none."""

    def __init__(self, parameters, calls):
        self._calls = calls

    def update(self, xyxy, score, at_us):
        self._calls.append((at_us, len(score)))
        return np.floor_divide(xyxy[:, 0], 100).astype(np.int64).clip(-1)


def by_left_edge(calls):
    return lambda parameters: ByLeftEdge(parameters, calls)


class TestAssociate:
    def test_numbers_are_dense_and_follow_the_first_detection(self):
        rows = seen((0, 700, 0, 10, 10, 1), (0, -50, 0, 10, 10, 1), (1, 200, 0, 10, 10, 1), (1, 700, 0, 10, 10, 1))
        assert follow(rows, 2, tracker_for=by_left_edge([])) == [0, -1, 1, 0]

    def test_every_sampled_frame_reaches_the_tracker_also_without_boxes(self):
        calls = []
        follow(seen((2, 0, 0, 10, 10, 1)), 5, tracker_for=by_left_edge(calls), every=2)
        assert calls == [(0, 0), (200_000, 1), (400_000, 0)]

    def test_equal_times_reach_the_tracker_one_microsecond_apart(self):
        calls = []
        frames = np.arange(3, dtype=np.int64)
        associate(seen((0, 0, 0, 9, 9, 1)), frames, np.array([0, 5, 5]), tracker_for=by_left_edge(calls), n_classes=1)
        assert [at_us for at_us, _ in calls] == [0, 5, 6]

    def test_classes_never_share_a_track(self):
        rows = seen(*walk(range(4), 10), class_index=[0, 1, 0, 1])
        assert follow(rows, 4, n_classes=2) == [0, 1, 0, 1]

    def test_one_tracker_for_each_class_that_was_seen(self):
        made = []
        rows = seen((0, 0, 0, 9, 9, 1), (0, 0, 0, 9, 9, 1), class_index=[7, 2])
        follow(rows, 1, n_classes=80, tracker_for=lambda p: made.append(p) or ByLeftEdge(p, []))
        assert made == [EVERY_TRACK, EVERY_TRACK]

    @pytest.mark.parametrize(
        ("parameters", "expected"),
        [
            (EVERY_TRACK, [0, 1, 0, 0]),
            (TrackParameters(minimum_detections=2, minimum_duration_ms=0), [0, -1, 0, 0]),
            (TrackParameters(minimum_detections=3, minimum_duration_ms=200), [0, -1, 0, 0]),
            (TrackParameters(minimum_detections=4, minimum_duration_ms=0), [-1, -1, -1, -1]),
            (TrackParameters(minimum_detections=1, minimum_duration_ms=201), [-1, -1, -1, -1]),
        ],
    )
    def test_brief_tracks_are_dropped_and_the_rest_renumbered(self, parameters, expected):
        rows = seen((0, 500, 0, 9, 9, 1), (0, 100, 0, 9, 9, 1), (1, 500, 0, 9, 9, 1), (2, 500, 0, 9, 9, 1))
        assert follow(rows, 10, parameters=parameters, tracker_for=by_left_edge([])) == expected

    @pytest.mark.parametrize(
        ("times_ms", "rows_at", "expected"),
        [
            ([0, 60_000, 120_000], [0, 2], [0, 1]),  # a time lapse: each detection is alone
            ([0, 300, 600, 900], [0, 1, 2], [0, 0, 0]),  # a clip of a second: 600 of 900 ms
            ([0, 300, 600, 900], [1, 2], [-1, -1]),  # 300 of 900 ms, two of four frames
            ([0, 500], [0, 1], [0, 0]),  # a clip of two frames
            ([*range(0, 5000, 500)], [0, 1], [-1, -1]),  # long enough for the usual minimum
            ([*range(0, 5000, 500)], [0, 1, 2], [0, 0, 0]),
            ([*range(0, 5000, 500), 60_000], [10], [0]),  # behind a pause
        ],
    )
    def test_no_track_is_asked_for_more_than_its_footage_allows(self, times_ms, rows_at, expected):
        rows = seen(*((n, 500, 0, 9, 9, 1) for n in rows_at))
        times_us = np.array(times_ms, dtype=np.int64) * 1000

        class ByTime(ByLeftEdge):
            """Starts a new track after a pause, as a tracker does."""

            last_us, number = -(10**12), -1

            def update(self, xyxy, score, at_us):
                if len(xyxy):
                    ByTime.number += at_us - ByTime.last_us > 2_000_000
                    ByTime.last_us = at_us
                return np.full(len(xyxy), ByTime.number, dtype=np.int64)

        found = associate(rows, np.arange(len(times_ms)), times_us, tracker_for=lambda p: ByTime(p, []), n_classes=1)
        assert found.tolist() == expected

    def test_no_detections_give_no_rows(self):
        assert follow(seen(), 3) == []
        assert follow(seen(), 0) == []

    @pytest.mark.parametrize(
        ("looked", "media_us", "n_classes", "message"),
        [
            ([0, 1], [0], 1, "but 1 times"),
            ([1, 0], [0, 1], 1, "must increase"),
            ([0, 0], [0, 1], 1, "must increase"),
            ([0, 1], [1, 0], 1, "must not decrease"),
            ([1, 2], [0, 1], 1, "not sampled"),
            ([0, 1], [0, 1], 0, "classes"),
        ],
    )
    def test_columns_that_do_not_fit_are_refused(self, looked, media_us, n_classes, message):
        with pytest.raises(ValueError, match=message):
            associate(
                seen((0, 0, 0, 9, 9, 1)),
                np.array(looked),
                np.array(media_us),
                tracker_for=ByteTrack,
                n_classes=n_classes,
            )


class TestTrackParameters:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"activation_score": 0.1, "high_score": 0.2},
            {"minimum_iou": 0.0},
            {"buffer_ms": -1},
            {"minimum_detections": 0},
        ],
    )
    def test_invalid_parameters_are_refused(self, wrong):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            TrackParameters(**wrong)


class TestByteTrack:
    def test_a_track_begins_at_its_very_first_detection(self):
        assert follow(seen(*walk(range(5), 10)), 5) == [0] * 5

    def test_people_who_cross_keep_their_tracks(self):
        fps, frames = 10, range(60)
        right = walk(frames, fps, left=0, speed=50, top=100)
        left = walk(frames, fps, left=300, speed=-50, top=110)
        rows = in_order([(*row, 0) for row in right] + [(*row, 1) for row in left])
        track = follow(seen(*[row[:6] for row in rows]), 60)
        assert {(row[6], number) for row, number in zip(rows, track, strict=True)} == {(0, 0), (1, 1)}

    @pytest.mark.parametrize("fps", [5, 10, 30, 60])
    @pytest.mark.parametrize(("away_ms", "n_tracks"), [(1_000, 1), (1_800, 1), (2_000, 1), (2_200, 2), (60_000, 2)])
    def test_the_buffer_is_in_seconds_whatever_the_frame_rate(self, fps, away_ms, n_tracks):
        away = away_ms * fps // 1_000
        frames = [*range(2 * fps), *range(2 * fps - 1 + away, 4 * fps + away)]
        track = follow(seen(*walk(frames, fps, speed=0)), frames[-1] + 1, fps=fps)
        assert sorted(set(track)) == list(range(n_tracks))

    def test_the_buffer_is_in_seconds_when_frames_come_unevenly(self):
        media_us = np.array([0, 100_000, 2_000_000, 4_000_000, 6_000_001], dtype=np.int64)
        rows = seen(*[(frame, 0, 0, 40, 100, 0.9) for frame in range(5)])
        track = associate(
            rows, np.arange(5, dtype=np.int64), media_us, tracker_for=ByteTrack, n_classes=1, parameters=EVERY_TRACK
        )
        assert track.tolist() == [0, 0, 0, 0, 1]

    @pytest.mark.parametrize("every", [1, 3, 6, 15, 30])
    def test_fewer_sampled_frames_give_the_same_track(self, every):
        rows = walk(range(0, 90, every), 30, speed=80)
        assert set(follow(seen(*rows), 90, fps=30, every=every)) == {0}

    def test_low_scores_continue_a_track_but_start_none(self):
        rows = [*walk([0, 1], 10), *walk([2, 3, 4], 10, score=0.15), *walk([5], 10)]
        alone = walk([2, 3], 10, left=1_000, score=0.15)
        rows = in_order([*rows, *alone])
        is_alone = [row[1] >= 900 for row in rows]
        assert follow(seen(*rows), 6) == [-1 if far else 0 for far in is_alone]

    def test_scale_changes_no_track(self):
        rng = np.random.default_rng(3)
        rows = in_order(
            [
                (
                    frame,
                    40 * person + 3 * frame * (-1) ** person + rng.normal(0, 2),
                    100,
                    40,
                    100,
                    rng.uniform(0.3, 0.9),
                )
                for frame in range(60)
                for person in range(6)
            ]
        )
        large = [(frame, *(4 * edge for edge in box), score) for frame, *box, score in rows]
        assert follow(seen(*rows), 60) == follow(seen(*large), 60)

    def test_association_is_repeatable(self):
        rows = seen(*in_order([*walk(range(30), 10), *walk(range(30), 10, left=30), *walk(range(9), 10, left=60)]))
        assert follow(rows, 30) == follow(rows, 30)


class TestExpandedIou:
    def test_without_time_it_is_intersection_over_union(self):
        boxes, others = np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 15, 10], [20, 0, 30, 10], [0, 0, 10, 10]])
        assert ExpandedIou().compute(boxes, others) == pytest.approx(np.array([[1 / 3, 0, 1]]))

    def test_boxes_grow_with_time_up_to_a_limit(self):
        overlap, boxes, others = ExpandedIou(), np.array([[0.0, 0, 4, 10]]), np.array([[5.0, 0, 9, 10]])
        found = []
        for overlap.seconds in (0.0, 0.1, 0.5, 2.0, 9.0):
            found.append(overlap.compute(boxes, others).item())
        assert found[0] == found[1] == 0 < found[2] < found[3] == found[4]

    def test_boxes_without_area_have_no_overlap(self):
        flat = np.array([[1.0, 1, 1, 1]])
        assert ExpandedIou().compute(flat, flat).tolist() == [[0]]
        assert ExpandedIou().compute(np.empty((0, 4)), flat).shape == (0, 1)


class TestBoxFilter:
    def test_steps_without_a_box_add_up_to_one_step(self):
        once, often = BoxFilter(np.array([0, 0, 40, 100])), BoxFilter(np.array([0, 0, 40, 100]))
        for tried in (once, often):
            tried.predict(0.1, None)
            tried.update(np.array([5.0, 0, 45, 100]))
        once.predict(0.6, None)
        for _ in range(6):
            often.predict(0.1, None)
        assert often.state_to_bbox() == pytest.approx(once.state_to_bbox())
        for tried in (once, often):
            tried.update(np.array([50.0, 3, 88, 101]))
        assert often.state_to_bbox() == pytest.approx(once.state_to_bbox())

    def test_the_filter_equals_a_textbook_kalman_filter(self):
        rng = np.random.default_rng(1)
        tried = BoxFilter(np.array([0.0, 0, 40, 100]))
        place, variance = np.array([0.0, 0.0]), np.diag([5.0**2, 100.0**2])
        for _ in range(20):
            seconds, shift = rng.uniform(0.03, 0.5), rng.normal(0, 30)
            move = np.array([[1, seconds], [0, 1]])
            wander = 20.0**2 * np.array([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]])
            place, variance = move @ place, move @ variance @ move.T + wander
            gain = variance[:, 0] / (variance[0, 0] + 5.0**2)
            place, variance = place + gain * (shift - place[0]), variance - np.outer(gain, variance[0])
            tried.predict(seconds, None)
            tried.update(np.array([shift, 0, 40 + shift, 100]))
            assert tried.state_to_bbox()[0] == pytest.approx(place[0])
