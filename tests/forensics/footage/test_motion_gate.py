"""Which frames are looked at first: what moves is, what only looks otherwise is not, and no start is missed."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from forensics.footage.motion_gate import GateDecision, GateRules, MotionGate, change_between, cut_places, windows
from forensics.footage.timeline import PacketIndex

STEP_US = 500_000
FPS = 10
RULES = GateRules(window_us=10_000_000, step_us=STEP_US, follow_score=0.25, start_score=0.4)
NO_GLANCE = np.zeros(64, dtype=np.uint8)


def scene(seed: int = 1) -> np.ndarray:
    """(90, 160) float64, a picture with texture at all sizes."""
    rng = np.random.default_rng(seed)
    coarse = np.kron(rng.integers(40, 160, (9, 16)), np.ones((10, 10)))
    return coarse + np.kron(rng.integers(0, 40, (45, 80)), np.ones((2, 2)))


def filmed(picture: np.ndarray, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """What a camera with so much noise in a cell makes of it: (90, 160) uint8."""
    seen = picture + np.random.default_rng(seed).normal(0, noise, picture.shape)
    return seen.round().clip(0, 255).astype(np.uint8)


def with_person(picture: np.ndarray, contrast: float, *, height: int = 6, left: int = 70) -> np.ndarray:
    """Somebody stands there: a patch, a third as wide as it is high, that much brighter or darker."""
    changed = picture.copy()
    changed[40 : 40 + height, left : left + max(2, height // 3)] += contrast
    return changed


class TestChangeBetween:
    @pytest.mark.parametrize("noise", [0.0, 0.5, 1.0, 2.0, 3.0])
    def test_a_cameras_own_noise_is_no_change(self, noise):
        frames = [filmed(scene(), noise, seed) for seed in range(60)]
        assert max(change_between(frames[0], frame) for frame in frames[1:]) < 1

    @pytest.mark.parametrize("light", [-30, 20, 50])
    def test_a_light_that_is_switched_is_no_change(self, light):
        assert change_between(filmed(scene(), 0.5), filmed(scene() + light, 0.5, 1)) < 1

    @pytest.mark.parametrize("contrast", [-40, -12, 12, 40])
    @pytest.mark.parametrize("noise", [0.0, 0.5, 1.0])
    def test_a_small_person_is_a_change(self, contrast, noise):
        assert change_between(filmed(scene(), noise), filmed(with_person(scene(), contrast), noise, 1)) >= 1

    def test_a_person_of_some_contrast_is_a_change_in_the_noisiest_picture(self):
        before, now = scene(), with_person(scene(), 60)
        assert change_between(filmed(before, 8), filmed(now, 8, 1)) >= 1

    def test_a_pulse_of_detail_at_a_keyframe_is_no_change(self):
        blurred = scene()
        blurred[1:-1, 1:-1] = (blurred[:-2, 1:-1] + blurred[2:, 1:-1] + 2 * blurred[1:-1, 1:-1]) / 4
        pulse = scene() + 0.15 * (blurred - scene())
        assert change_between(filmed(pulse), filmed(scene())) < 1

    def test_the_order_of_the_two_does_not_matter(self):
        one, other = filmed(scene(), 1), filmed(with_person(scene(), 30), 1, 1)
        assert change_between(one, other) == change_between(other, one)


class TestWindows:
    def index(self, n_frames: int, gop: int) -> PacketIndex:
        is_key = np.arange(n_frames) % gop == 0
        ones = np.ones(n_frames, dtype=np.int64)
        return PacketIndex(np.arange(n_frames), is_key, ones, np.zeros(n_frames, dtype=np.bool_), Fraction(1, FPS))

    def test_they_begin_at_the_first_keyframe_behind_each_multiple(self):
        assert windows(self.index(500, 30), 10_000_000).tolist() == [0, 120, 210, 300, 420]

    def test_footage_with_one_keyframe_is_one_window(self):
        assert windows(self.index(500, 500), 10_000_000).tolist() == [0]

    def test_work_is_cut_at_keyframes_without_a_gate_and_at_windows_behind_it(self):
        index = self.index(500, 30)
        assert cut_places(index, None).tolist() == index.keyframes.tolist()
        assert cut_places(index, RULES).tolist() == windows(index, RULES.window_us).tolist()


def sights(pictures: list[np.ndarray], starts: tuple[int, ...] = (0,), rules: GateRules = RULES) -> str:
    """What a watch says of each picture, a letter each."""
    watch = MotionGate(rules, np.array(starts))
    told = [watch.judge(n, n * 1_000_000 // FPS, picture, NO_GLANCE).sight for n, picture in enumerate(pictures)]
    return "".join({GateDecision.LOOK: "L", GateDecision.MOVED: "m", GateDecision.STILL: "."}[sight] for sight in told)


class TestWatch:
    empty = filmed(scene())

    def walk(self, n_frames: int) -> list[np.ndarray]:
        return [filmed(with_person(scene(), 60, left=10 + 3 * n)) for n in range(n_frames)]

    def test_nothing_is_looked_at_while_nothing_moves(self):
        assert sights([self.empty] * 20) == "L" + "." * 19

    def test_each_window_begins_with_a_look(self):
        assert sights([self.empty] * 20, (0, 8, 16)) == "L.......L.......L..."

    def test_a_walker_is_looked_at_twice_a_second(self):
        assert sights([self.empty] * 5 + self.walk(13)) == "L...." + "mmmmL" + "mmmmL" + "mmm"

    def test_who_stays_is_looked_at_once_more_and_still_then(self):
        stays = [filmed(with_person(scene(), 60))] * 20
        assert sights([self.empty] * 3 + stays) == "L.." + "mmmmL" + "....L" + "." * 10

    def test_movement_that_goes_on_is_settled_once_it_ends(self):
        stands = [filmed(with_person(scene(), 60, left=10 + 3 * 7))] * 14
        assert sights([self.empty, *self.walk(8), *stands]) == "L" + "mmmmL" + "mmmmL" + "....L" + "." * 7

    def test_a_window_that_begins_needs_no_settling(self):
        assert sights([self.empty, *self.walk(1), *[self.empty] * 18], (0, 3)) == "Lm.L" + "." * 16

    def test_who_came_and_went_between_two_looks_is_followed_by_a_look_all_the_same(self):
        flash = [filmed(with_person(scene(), 60))]
        assert sights([self.empty, *flash, *[self.empty] * 8]) == "Lm...L...."

    def test_who_creeps_is_looked_at_once_it_adds_up(self):
        creeping = [filmed(with_person(scene(), 3 * n)) for n in range(12)]
        assert "L" in sights(creeping)[1:]
        assert sights(creeping)[1] == "."

    def test_rain_costs_looks_and_hides_nobody(self):
        rain = [filmed(scene() + 40 * (np.random.default_rng(n).random((90, 160)) < 0.02)) for n in range(21)]
        assert sights(rain) == "L" + "mmmmL" * 4

    def test_no_more_frames_wait_than_memory_was_reckoned_for(self):
        forever = replace(RULES, step_us=3_600_000_000)
        pictures = [self.empty, *self.walk(45) * 4]
        assert max(map(len, sights(pictures, rules=forever).split("L"))) == 64

    def test_another_size_of_picture_is_looked_at(self):
        assert sights([self.empty, self.empty, self.empty[:, :80], self.empty[:, :80]]) == "L.L."

    def test_a_second_watch_that_was_only_told_goes_on_as_the_first_would(self):
        pictures = [self.empty] * 4 + self.walk(12) + [self.empty] * 20
        first, told = MotionGate(RULES, np.array([0, 30])), MotionGate(RULES, np.array([0, 30]))
        for n, picture in enumerate(pictures):
            at_us = n * 1_000_000 // FPS
            rest = [(k, k * 1_000_000 // FPS, pictures[k], NO_GLANCE) for k in range(n, len(pictures))]
            clone = MotionGate(RULES, np.array([0, 30]))
            clone.__dict__.update(told.__dict__)
            expected = MotionGate(RULES, np.array([0, 30]))
            expected.__dict__.update(first.__dict__)
            assert [clone.judge(*each).sight for each in rest] == [expected.judge(*each).sight for each in rest]
            told.follow(first.judge(n, at_us, picture, NO_GLANCE), at_us)
