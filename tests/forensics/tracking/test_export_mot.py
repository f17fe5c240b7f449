"""Export as MOT Challenge text: other tools read what the tables contain."""

import numpy as np
import pytest

from forensics.tracking.export_mot import mot_lines

FRAME = np.array([0, 0, 2, 2])
XYXY = np.array([[0, 0, 10, 20], [5, 5, 6, 6], [1.5, 0.25, 11.5, 20.25], [7, 7, 8, 9]], dtype=np.float32)
SCORE = np.array([0.5, 0.25, 0.75, 1], dtype=np.float32)


def lines(track_id):
    return list(mot_lines(FRAME, XYXY, SCORE, track_id=track_id))


def test_tracked_rows_become_lines_numbered_by_first_appearance():
    assert lines(["zebra", None, "zebra", "ant"]) == [
        "1,1,0.00,0.00,10.00,20.00,0.5000,-1,-1,-1",
        "3,1,1.50,0.25,10.00,20.00,0.7500,-1,-1,-1",
        "3,2,7.00,7.00,1.00,2.00,1.0000,-1,-1,-1",
    ]


def test_untracked_rows_give_no_line():
    assert lines([None] * 4) == []


def test_columns_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="zip"):
        lines(["a"])


def test_evaluation_reads_it_back(tmp_path):
    motrics = pytest.importorskip("motrics")
    path = tmp_path / "mot.txt"
    path.write_text("\n".join(lines(["a", "b", "a", "b"])), encoding="utf-8")
    by_frame = motrics.load_motchallenge(path)
    assert {frame: ids for frame, (ids, _) in by_frame.items()} == {1: [1, 2], 3: [1, 2]}
    assert by_frame[3][1][0] == (1.5, 0.25, 11.5, 20.25)
