"""Summaries of tracks, and ids made of their content."""

import json

import numpy as np
import pytest

from forensics.detection.detections import Detections
from forensics.tracking.sightings import Tracks, sighting_id_of, summarise_tracks, track_id_of

BOX = np.array([1, 2, 3, 4], dtype=np.float32)


def seen(*rows, class_index=None):
    """Detections from (frame, x1, y1, x2, y2, score) rows."""
    cells = np.array(rows, dtype=np.float32).reshape(-1, 6)
    return Detections(
        frame=cells[:, 0].astype(np.int64),
        xyxy=cells[:, 1:5],
        score=cells[:, 5],
        class_index=np.array(class_index or [0] * len(cells), dtype=np.int64),
    )


def folded(detections, track, doubtful=None, size_px=(640, 360)):
    is_doubtful = np.array(doubtful or [False] * len(detections), dtype=bool)
    numbers = np.array(track, dtype=np.int64)
    sizes = np.broadcast_to(np.array(size_px, dtype=np.int32), (len(detections), 2))
    return summarise_tracks(detections, numbers, is_doubtful=is_doubtful, size_px=sizes)


class TestSummary:
    def test_each_track_has_its_rows_and_sums(self):
        rows = seen(
            (0, 10, 10, 20, 20, 0.5),
            (0, 50, 10, 60, 20, 0.9),
            (3, 10, 10, 30, 30, 0.75),
            (4, 90, 90, 95, 95, 0.25),
            (9, 10, 10, 20, 20, 0.25),
            class_index=[4, 1, 4, 1, 4],
        )
        tracks = folded(rows, [0, 1, 0, -1, 0])
        assert tracks.class_index.tolist() == [4, 1]
        assert tracks.first_row.tolist() == [0, 1]
        assert tracks.last_row.tolist() == [4, 1]
        assert tracks.best_row.tolist() == [2, 1]
        assert tracks.n_detections.tolist() == [3, 1]
        assert tracks.mean_score.tolist() == [0.5, pytest.approx(0.9)]
        assert tracks.mean_score.dtype == np.float32

    @pytest.mark.parametrize(
        ("cut", "touching"),
        [
            pytest.param((0.5, 100, 10.5, 119), (1, 100, 11, 119), id="left"),
            pytest.param((100, 0.5, 119, 10.5), (100, 1, 119, 11), id="top"),
            pytest.param((629.5, 100, 639.5, 119), (629, 100, 639, 119), id="right"),
            pytest.param((100, 349.5, 119, 359.5), (100, 349, 119, 359), id="bottom"),
        ],
    )
    def test_a_box_less_than_one_pixel_from_the_border_counts_half(self, cut, touching):
        """Each box has 1.9 times the area of the one inside, and is cut at one side only."""
        inside = (100, 100, 110, 110)
        assert folded(seen((0, *inside, 0.5), (1, *cut, 0.5)), [0, 0]).best_row.tolist() == [0]
        assert folded(seen((0, *inside, 0.5), (1, *touching, 0.5)), [0, 0]).best_row.tolist() == [1]

    def test_the_border_is_that_of_the_picture_of_each_box(self):
        rows = seen((0, 100, 100, 110, 110, 0.5), (1, 100, 100, 110, 119, 0.5))
        assert folded(rows, [0, 0], size_px=[[640, 360], [640, 360]]).best_row.tolist() == [1]
        assert folded(rows, [0, 0], size_px=[[640, 360], [640, 119]]).best_row.tolist() == [0]
        assert folded(rows, [0, 0], size_px=[[640, 360], [110, 360]]).best_row.tolist() == [0]

    def test_a_box_cut_by_the_border_is_best_if_it_is_more_than_twice_as_good(self):
        inside, cut = (100, 100, 110, 110), (619, 100, 640, 110)
        assert folded(seen((0, *inside, 0.5), (1, *cut, 0.5)), [0, 0]).best_row.tolist() == [1]

    def test_ties_go_to_the_lowest_frame(self):
        rows = seen(*[(frame, 100, 100, 110, 110, 0.5) for frame in range(4)])
        assert folded(rows, [-1, 0, 0, 0]).best_row.tolist() == [1]

    def test_a_doubtful_detection_is_best_only_if_there_is_no_other(self):
        rows = seen(*[(frame, 100, 100, 110 + frame, 110, 0.5) for frame in range(4)])  # the last is the largest
        assert folded(rows, [0] * 4, [False, False, False, True]).best_row.tolist() == [2]
        assert folded(rows, [0] * 4, [True] * 4).best_row.tolist() == [3]

    def test_doubtful_detections_are_counted_by_track(self):
        rows = seen(*[(frame, 100, 100, 110, 110, 0.5) for frame in range(6)])
        tracks = folded(rows, [1, 0, 1, -1, 1, 0], [True, False, True, True, False, False])
        assert tracks.n_doubtful.tolist() == [0, 2]
        assert tracks.n_detections.tolist() == [2, 3]

    def test_no_tracks_give_no_rows(self):
        assert len(folded(seen(), [])) == 0
        assert len(folded(seen((0, 1, 1, 2, 2, 0.5)), [-1])) == 0

    def test_a_number_that_is_missing_is_refused(self):
        with pytest.raises(ValueError, match="dense, 0 has no"):
            folded(seen((0, 1, 1, 2, 2, 0.5)), [1])

    def test_columns_of_other_lengths_are_refused(self):
        one, two = np.zeros(1, dtype=np.int64), np.zeros(2, dtype=np.int64)
        with pytest.raises(ValueError, match="last_row"):
            Tracks(one, one, two, one, one, one, one.astype(np.float32))


class TestIds:
    def test_the_name_is_the_digest_of_the_text_in_the_documentation(self):
        import hashlib

        text = json.dumps(["track", "e", "s", 7, "person", "0000803f000000400000404000008040"], separators=(",", ":"))
        expected = hashlib.sha256(text.encode()).hexdigest()[:16]
        assert track_id_of("e", "s", first_frame=7, class_name="person", first_xyxy=BOX) == expected

    def test_every_part_changes_the_name(self):
        def name(evidence="e", settings="s", first_frame=7, class_name="person", first_xyxy=BOX):
            return track_id_of(
                evidence, settings, first_frame=first_frame, class_name=class_name, first_xyxy=first_xyxy
            )

        names = {
            name(),
            name(evidence="f"),
            name(settings="t"),
            name(first_frame=8),
            name(class_name="dog"),
            name(first_xyxy=np.nextafter(BOX, np.float32(9))),
            name(evidence='e","s'),
        }
        assert len(names) == 7

    def test_numbers_of_other_types_give_the_same_name(self):
        plain = track_id_of("e", "s", first_frame=7, class_name="p", first_xyxy=np.array([0, 2, 3, 4], np.float32))
        other = track_id_of("e", "s", first_frame=np.int64(7), class_name="p", first_xyxy=np.array([-0.0, 2, 3, 4]))
        assert plain == other

    def test_a_sighting_is_a_track_at_a_camera(self):
        names = {sighting_id_of("t", "c"), sighting_id_of("t", "d"), sighting_id_of("u", "c")}
        assert len(names) == 3
        assert all(len(name) == 16 for name in names)
