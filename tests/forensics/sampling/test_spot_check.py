"""Spot check of the gate: a random sample, its bound, and which detections count as missed."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binomtest

from forensics.adapters.statistics.binomial_bound import upper_bound
from forensics.detection.detections import Boxes, Detections
from forensics.sampling.spot_check import (
    SpotCheckedFrame,
    TrackPaths,
    check_against_tracks,
    draw_sample,
    sample_sizes,
    select_rows_around,
    summarise,
)

EVIDENCE = "3f2a91c07d5e4b18"
FPS = 10


class TestTheDraw:
    passed_over = np.flatnonzero(np.arange(20_000) % 7 != 0)

    def test_a_sample_has_the_wanted_size_and_only_skipped_frames(self):
        lot = draw_sample(EVIDENCE, self.passed_over, 300, seed=0)
        assert len(lot) == 300
        assert np.all(np.diff(lot) > 0)
        assert np.all(np.isin(lot, self.passed_over))

    def test_a_sample_depends_on_seed_and_evidence_only(self):
        lot = draw_sample(EVIDENCE, self.passed_over, 300, seed=0)
        assert np.array_equal(lot, draw_sample(EVIDENCE, self.passed_over, 300, seed=0))
        for other in (
            draw_sample(EVIDENCE, self.passed_over, 300, seed=1),
            draw_sample("0" * 16, self.passed_over, 300, seed=0),
        ):
            assert len(np.intersect1d(lot, other)) < 20

    def test_a_larger_sample_contains_the_smaller_one(self):
        few, many = (draw_sample(EVIDENCE, self.passed_over, n, seed=0) for n in (100, 1000))
        assert np.all(np.isin(few, many))

    def test_whether_a_frame_is_drawn_does_not_depend_on_other_frames(self):
        """Between two draws of one share, frames that both could draw are drawn in both, but for those at the edge."""
        some = self.passed_over[::2]
        all_of_them, half = draw_sample(EVIDENCE, self.passed_over, 2000, 0), draw_sample(EVIDENCE, some, 1000, 0)
        assert len(np.intersect1d(half, all_of_them)) > 930

    def test_every_part_of_the_footage_is_equally_likely(self):
        counts = sum(
            np.histogram(draw_sample(f"{n:016x}", np.arange(1000), 100, seed=0), bins=10, range=(0, 1000))[0]
            for n in range(200)
        )
        assert counts.sum() == 20_000
        assert np.all(np.abs(counts - 2000) < 5 * np.sqrt(2000))

    @pytest.mark.parametrize("counts", [[0], [0, 0], [5], [100, 7, 0, 3], [40_000, 1, 250_000]])
    def test_sample_sizes_reach_the_wanted_number(self, counts):
        numbers = sample_sizes(counts, share=0.01, minimum=300)
        assert sum(numbers) >= min(sum(counts), max(300, sum(counts) // 100))
        assert all(number <= count for number, count in zip(numbers, counts, strict=True))


class TestTheBound:
    @pytest.mark.parametrize(("found", "drawn"), [(0, 1), (0, 300), (1, 300), (7, 412), (299, 300)])
    def test_the_bound_is_that_of_clopper_and_pearson(self, found, drawn):
        expected = binomtest(found, drawn, alternative="less").proportion_ci(0.95, method="exact").high
        assert upper_bound(found, drawn) == pytest.approx(expected, abs=1e-9)

    def test_the_bound_holds_as_often_as_its_confidence(self):
        rng, share = np.random.default_rng(0), 0.01
        held = [share <= upper_bound(int(rng.binomial(300, share)), 300) for _ in range(2000)]
        assert np.mean(held) >= 0.94


def boxes(*rows: tuple[float, float, float, int]) -> Boxes:
    """(x, y, score, class) of boxes 40 by 100."""
    x, y, score, kind = np.array(rows, dtype=np.float32).reshape(-1, 4).T
    return Boxes(np.stack([x, y, x + 40, y + 100], axis=1), score, kind.astype(np.int64))


def paths() -> TrackPaths:
    """Return paths of a person, x 100 to 200 in frames 10 to 20 with three detections, and a car in frames 0 to 30."""
    at = [(10, boxes((100, 50, 0.9, 0))), (15, boxes((150, 50, 0.9, 0))), (20, boxes((200, 50, 0.9, 0)))]
    at += [(frame, boxes((400, 50, 0.8, 1))) for frame in (0, 30)]
    at.sort(key=lambda each: each[0])
    frame = np.array([number for number, _ in at], dtype=np.int64)
    every = [np.concatenate([getattr(each, name) for _, each in at]) for name in ("xyxy", "score", "class_index")]
    track = np.where(every[2] == 0, 0, 1)
    media_us = np.array([int(n * Fraction(1_000_000, FPS)) for n in range(40)], dtype=np.int64)
    return TrackPaths.of(Detections(frame, *every), track, media_us)


def missed(*rows: tuple[float, float, float, int], frame: int) -> tuple[int, list[int]]:
    seen, lost = check_against_tracks(boxes(*rows), paths(), at_us=frame * 1_000_000 // FPS, start_score=0.4)
    return len(seen), lost.tolist()


class TestMisses:
    def test_a_person_on_the_path_of_a_track_is_no_miss(self):
        assert missed((130, 50, 0.9, 0), frame=13) == (1, [])

    def test_a_person_elsewhere_is_a_miss(self):
        assert missed((130, 50, 0.9, 0), (300, 50, 0.9, 0), frame=13) == (2, [1])

    @pytest.mark.parametrize("frame", [9, 21])
    def test_a_person_before_or_after_the_track_is_a_miss(self, frame):
        assert missed((100 if frame == 9 else 200, 50, 0.9, 0), frame=frame) == (1, [0])

    def test_one_track_covers_one_person(self):
        assert missed((128, 50, 0.9, 0), (134, 52, 0.8, 0), frame=13) in ((2, [0]), (2, [1]))

    def test_a_track_of_a_car_covers_no_person(self):
        assert missed((400, 50, 0.9, 0), (400, 50, 0.9, 1), frame=5) == (2, [0])

    def test_a_detection_too_weak_to_start_a_track_is_no_miss(self):
        assert missed((300, 50, 0.3, 0), frame=13) == (0, [])

    def test_a_class_without_any_track_is_a_miss(self):
        assert missed((300, 50, 0.9, -1), frame=13) == (1, [0])

    def test_without_tracks_every_person_is_a_miss(self):
        nobody = TrackPaths.of(
            Detections(np.empty(0, np.int64), *(getattr(boxes(), n) for n in ("xyxy", "score", "class_index"))),
            np.empty(0, np.int64),
            np.arange(40, dtype=np.int64),
        )
        seen, lost = check_against_tracks(boxes((1, 1, 0.9, 0)), nobody, at_us=3, start_score=0.4)
        assert (seen.tolist(), lost.tolist()) == ([0], [0])


@pytest.mark.parametrize("seed", range(20))
def test_a_few_rows_of_each_part_give_the_same_paths_as_all_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = np.sort(rng.integers(0, 200, 400))
    track = rng.integers(-1, 6, 400)
    xyxy = rng.integers(0, 500, (400, 4)).astype(np.float32)
    every = Detections(frame, xyxy, np.ones(400, np.float32), np.zeros(400, np.int64))
    media_us, instants = np.arange(200) * 40_000, np.sort(rng.choice(200, 7, replace=False))
    cut = int(np.searchsorted(frame, rng.integers(0, 200)))
    halves = (
        select_rows_around(frame[part], track[part], instants) + part.start for part in (slice(0, cut), slice(cut, 400))
    )
    rows = np.concatenate(list(halves))
    few = every.select(rows, np.zeros(1, np.int64))
    whole, parts = (TrackPaths.of(*each, media_us) for each in ((every, track), (few, track[rows])))
    assert len(rows) < 250
    for now_us in media_us[instants].tolist():
        for expected, found in zip(whole.at(0, now_us), parts.at(0, now_us), strict=True):
            assert np.array_equal(expected, found)


class TestTheSum:
    person, cat = ("person", 0.9), ("cat", 0.7)

    def frames(self) -> list[SpotCheckedFrame]:
        return [
            SpotCheckedFrame(1, (), ()),
            SpotCheckedFrame(2, (self.person, self.person), (self.person, self.person)),
            SpotCheckedFrame(3, (self.cat, self.person), (self.cat,)),
        ]

    def test_frames_in_which_a_person_was_missed_are_counted_once(self):
        audit = summarise(900, self.frames(), ())
        assert (audit.n_skipped, audit.n_checked, audit.n_with_a_miss) == (900, 3, 1)
        assert (dict(audit.seen), dict(audit.missed)) == ({"person": 3, "cat": 1}, {"person": 2, "cat": 1})

    def test_without_the_class_person_the_wanted_classes_count(self):
        assert summarise(900, self.frames(), ("cat",)).n_with_a_miss == 1

    def test_each_frame_describes_what_was_found(self):
        assert [str(each) for each in self.frames()] == [
            "nobody seen",
            "2 seen, in no track: person 0.90, person 0.90",
            "2 seen, in no track: cat 0.70",
        ]
        assert str(SpotCheckedFrame(4, (self.person,), ())) == "1 seen, all in tracks"
