"""Motion gate: movement is detected, noise and light are not, and no start of a movement is missed."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from forensics.footage.motion_gate import (
    GateDecision,
    GateRules,
    MotionGate,
    change_between,
    possible_chunk_starts,
    window_starts,
)
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
    """Return the picture of a camera with this much noise in a cell: (90, 160) uint8."""
    seen = picture + np.random.default_rng(seed).normal(0, noise, picture.shape)
    return seen.round().clip(0, 255).astype(np.uint8)


def with_person(picture: np.ndarray, contrast: float, *, height: int = 6, left: int = 70) -> np.ndarray:
    """Draw a person: a patch a third as wide as it is high, brighter or darker by the contrast."""
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

    def test_change_is_symmetric(self):
        one, other = filmed(scene(), 1), filmed(with_person(scene(), 30), 1, 1)
        assert change_between(one, other) == change_between(other, one)


class TestWindows:
    def index(self, n_frames: int, gop: int) -> PacketIndex:
        is_key = np.arange(n_frames) % gop == 0
        ones = np.ones(n_frames, dtype=np.int64)
        return PacketIndex(np.arange(n_frames), is_key, ones, np.zeros(n_frames, dtype=np.bool_), Fraction(1, FPS))

    def test_windows_start_at_the_first_keyframe_after_each_multiple_of_the_length(self):
        assert window_starts(self.index(500, 30), 10_000_000).tolist() == [0, 120, 210, 300, 420]

    def test_footage_with_one_keyframe_is_one_window(self):
        assert window_starts(self.index(500, 500), 10_000_000).tolist() == [0]

    def test_chunks_start_at_keyframes_and_with_a_gate_at_windows(self):
        index = self.index(500, 30)
        assert possible_chunk_starts(index, None).tolist() == index.keyframes.tolist()
        assert possible_chunk_starts(index, RULES).tolist() == window_starts(index, RULES.window_us).tolist()


def sights(pictures: list[np.ndarray], starts: tuple[int, ...] = (0,), rules: GateRules = RULES) -> str:
    """Return the gate's decision on each picture, one letter each."""
    gate = MotionGate(rules, np.array(starts))
    told = [gate.decide(n, n * 1_000_000 // FPS, picture, NO_GLANCE).decision for n, picture in enumerate(pictures)]
    return "".join(
        {GateDecision.DETECT: "L", GateDecision.MOVED: "m", GateDecision.STILL: "."}[sight] for sight in told
    )


class TestWatch:
    empty = filmed(scene())

    def walk(self, n_frames: int) -> list[np.ndarray]:
        return [filmed(with_person(scene(), 60, left=10 + 3 * n)) for n in range(n_frames)]

    def test_still_pictures_are_skipped(self):
        assert sights([self.empty] * 20) == "L" + "." * 19

    def test_the_first_frame_of_each_window_is_detected(self):
        assert sights([self.empty] * 20, (0, 8, 16)) == "L.......L.......L..."

    def test_a_walker_is_detected_twice_a_second(self):
        assert sights([self.empty] * 5 + self.walk(13)) == "L...." + "mmmmL" + "mmmmL" + "mmm"

    def test_after_movement_stops_one_more_frame_is_detected(self):
        stays = [filmed(with_person(scene(), 60))] * 20
        assert sights([self.empty] * 3 + stays) == "L.." + "mmmmL" + "....L" + "." * 10

    def test_long_movement_ends_with_a_detected_frame(self):
        stands = [filmed(with_person(scene(), 60, left=10 + 3 * 7))] * 14
        assert sights([self.empty, *self.walk(8), *stands]) == "L" + "mmmmL" + "mmmmL" + "....L" + "." * 7

    def test_a_new_window_needs_no_frame_after_movement(self):
        assert sights([self.empty, *self.walk(1), *[self.empty] * 18], (0, 3)) == "Lm.L" + "." * 16

    def test_movement_between_two_detected_frames_is_followed_by_a_detected_frame(self):
        flash = [filmed(with_person(scene(), 60))]
        assert sights([self.empty, *flash, *[self.empty] * 8]) == "Lm...L...."

    def test_slow_movement_is_detected_when_it_has_added_up(self):
        creeping = [filmed(with_person(scene(), 3 * n)) for n in range(12)]
        assert "L" in sights(creeping)[1:]
        assert sights(creeping)[1] == "."

    def test_rain_causes_more_detected_frames_and_hides_nobody(self):
        rain = [filmed(scene() + 40 * (np.random.default_rng(n).random((90, 160)) < 0.02)) for n in range(21)]
        assert sights(rain) == "L" + "mmmmL" * 4

    def test_the_number_of_waiting_frames_is_limited(self):
        forever = replace(RULES, step_us=3_600_000_000)
        pictures = [self.empty, *self.walk(45) * 4]
        assert max(map(len, sights(pictures, rules=forever).split("L"))) == 64

    def test_a_picture_of_another_size_is_detected(self):
        assert sights([self.empty, self.empty, self.empty[:, :80], self.empty[:, :80]]) == "L.L."

    def test_a_gate_restored_from_its_results_continues_identically(self):
        pictures = [self.empty] * 4 + self.walk(12) + [self.empty] * 20
        first, told = MotionGate(RULES, np.array([0, 30])), MotionGate(RULES, np.array([0, 30]))
        for n, picture in enumerate(pictures):
            at_us = n * 1_000_000 // FPS
            rest = [(k, k * 1_000_000 // FPS, pictures[k], NO_GLANCE) for k in range(n, len(pictures))]
            clone = MotionGate(RULES, np.array([0, 30]))
            clone.__dict__.update(told.__dict__)
            expected = MotionGate(RULES, np.array([0, 30]))
            expected.__dict__.update(first.__dict__)
            assert [clone.decide(*each).decision for each in rest] == [expected.decide(*each).decision for each in rest]
            told.record(first.decide(n, at_us, picture, NO_GLANCE), at_us)
