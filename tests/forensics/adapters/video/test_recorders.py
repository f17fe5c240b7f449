"""Files as recorders and people make them: every frame, in the order of the recording, at its time."""

from pathlib import Path

import numpy as np
import pytest

from forensics.adapters.video.indexing.pyav_index import index_file
from forensics.footage.evidence import Indexed
from testing.painted.check import differences
from testing.painted.recorders import RECORDED, Recorded

every_file = pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.name)


def index(recorded: Recorded, path: Path) -> Indexed:
    return index_file(path, working_copy=path.with_name("copy"), assumed_rate=recorded.assumed_rate)


@every_file
def test_every_frame_is_read_in_the_order_of_the_recording(recorded: Recorded, tmp_path: Path) -> None:
    path = recorded.build(tmp_path)
    assert differences(path, recorded.numbers, seed=1, assumed_rate=recorded.assumed_rate) == []


@every_file
def test_times_and_sections_are_those_of_the_recording(recorded: Recorded, tmp_path: Path) -> None:
    indexed = index(recorded, recorded.build(tmp_path))
    assert np.abs(indexed.index.media_us - np.array(recorded.media_us)).max() <= 1000
    assert tuple(section.start for section in indexed.index.sections[1:]) == recorded.section_starts
    remark = recorded.remark or ("the file holds no times" if recorded.assumed_rate else "")
    assert remark in indexed.remark
    assert bool(remark) == bool(indexed.remark)
