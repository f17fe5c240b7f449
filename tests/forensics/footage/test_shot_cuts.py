"""Shot cuts in edited footage: they end tracks; light, broken pictures and people near the lens do not."""

import numpy as np
import pytest

from forensics.adapters.pictures.frame_summary import luma_grid
from forensics.adapters.trackers.bytetrack import ByteTrack
from forensics.footage.shot_cuts import scene_numbers, shot_numbers
from forensics.tracking.association import TrackParameters, associate
from tests.forensics.tracking.test_association import EVERY_TRACK, seen, walk

FPS = 25


def scene(seed):
    """Return a picture of coarse patches, as large as a luma grid."""
    return np.random.default_rng(seed).integers(20, 200, 64).astype(np.float64)


def filmed(*looks, fps=FPS, seed=0):
    """Return luma grids of the (scene, number) in turn, with a camera's noise, and their times."""
    rows = np.concatenate([np.tile(each, (count, 1)) for each, count in looks])
    noisy = rows + np.random.default_rng(seed).normal(0, 2, rows.shape)
    return noisy.clip(0, 255).astype(np.uint8), np.arange(len(rows), dtype=np.int64) * 1_000_000 // fps


def cuts(*looks, fps=FPS):
    shots = shot_numbers(*filmed(*looks, fps=fps))
    return np.flatnonzero(np.diff(shots) > 0).tolist()


class TestShotNumbers:
    def test_a_cut_is_where_the_picture_changes(self):
        assert cuts((scene(1), 10), (scene(2), 20), (scene(1), 10)) == [9, 29]

    def test_one_shot_has_no_cut(self):
        assert cuts((scene(1), 100)) == []

    @pytest.mark.parametrize("change", [lambda x: x * 0.3, lambda x: x * 0.5 + 100, lambda x: x + 50])
    def test_light_that_goes_on_or_off_is_no_cut(self, change):
        assert cuts((scene(1), 10), (change(scene(1)), 10)) == []

    @pytest.mark.parametrize("n_broken", [1, 2])
    def test_a_broken_picture_is_no_cut(self, n_broken):
        assert cuts((scene(1), 10), (scene(9), n_broken), (scene(1), 10)) == []

    def test_black_pictures_are_passed_over(self):
        black = np.zeros(64)
        assert cuts((scene(1), 10), (black, 5), (scene(1), 10)) == []
        assert cuts((scene(1), 10), (black, 5), (scene(2), 10)) == [14]

    def test_a_person_in_front_of_the_lens_is_no_cut(self):
        looks = []
        for covered in range(57):
            picture = scene(1)
            picture[:covered] = 15
            looks.append((picture, 1))
        assert cuts(*looks) == []

    def test_sampled_frames_far_apart_give_no_cut(self):
        assert cuts((scene(1), 10), (scene(2), 10), fps=3) == []
        assert cuts((scene(1), 10), (scene(2), 10), fps=4) == [9]

    def test_a_cut_one_sampled_frame_before_the_end_is_found(self):
        assert cuts((scene(1), 10), (scene(2), 1)) == [9]

    @pytest.mark.parametrize("n_looks", [0, 1])
    def test_too_little_footage_is_one_shot(self, n_looks):
        glances, media_us = filmed((scene(1), 5))
        assert shot_numbers(glances[:n_looks], media_us[:n_looks]).tolist() == [0] * n_looks


class TestGlance:
    def test_cells_lie_row_by_row_and_hold_luma(self):
        rgb = np.zeros((80, 160, 3), dtype=np.uint8)
        rgb[:10, 20:40] = (255, 255, 255)  # the second cell
        rgb[70:, 140:] = (0, 255, 0)  # the last one
        found = luma_grid(rgb)
        assert found[1] == 255
        assert found[63] == 150
        assert found.sum() == 405

    def test_a_picture_smaller_than_the_grid_has_a_grid_too(self):
        assert luma_grid(np.full((1, 3, 3), 7, dtype=np.uint8)).tolist() == [7] * 64


class TestTracks:
    def follow(self, parameters, *, where="shots"):
        """Track a person who stands still; after frame 14 another person is in the same place."""
        looked = np.arange(30, dtype=np.int64)
        track = associate(
            seen(*walk(range(30), FPS, speed=0)),
            looked,
            looked * 40_000,
            tracker_for=ByteTrack,
            n_classes=1,
            **{where: (looked >= 15).astype(np.int64)},
            parameters=parameters,
        )
        return track.tolist()

    def test_a_track_ends_at_a_cut(self):
        assert self.follow(EVERY_TRACK) == [0] * 15 + [1] * 15

    @pytest.mark.parametrize("cuts", [True, False])
    def test_a_track_ends_with_a_section_of_the_recording(self, cuts):
        parameters = TrackParameters(minimum_detections=1, minimum_duration_ms=0, cuts=cuts)
        assert self.follow(parameters, where="sections") == [0] * 15 + [1] * 15

    def test_a_track_continues_if_cuts_are_disabled(self):
        assert set(self.follow(TrackParameters(minimum_detections=1, minimum_duration_ms=0, cuts=False))) == {0}


class TestSceneNumbers:
    """Stills: every picture is compared with the one before it alone."""

    def scenes(self, *looks):
        return scene_numbers(filmed(*looks)[0]).tolist()

    def test_a_scene_goes_on_while_pictures_are_alike(self):
        assert self.scenes((scene(1), 3), (scene(1) * 0.5 + 60, 2)) == [0] * 5

    def test_one_picture_of_another_scene_is_a_scene(self):
        assert self.scenes((scene(1), 2), (scene(2), 1), (scene(1), 1)) == [0, 0, 1, 2]

    def test_a_picture_of_one_shade_belongs_to_the_scene_before_it(self):
        assert self.scenes((scene(1), 1), (np.zeros(64), 2), (scene(1), 1), (scene(2), 1)) == [0, 0, 0, 0, 1]

    def test_no_picture_and_one_picture(self):
        assert scene_numbers(np.zeros((0, 64), dtype=np.uint8)).tolist() == []
        assert self.scenes((scene(1), 1)) == [0]
