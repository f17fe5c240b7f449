"""Random healthy files, some of the many that `scripts/conformance --random` tries."""

from pathlib import Path

import pytest

from testing.painted.check import differences
from testing.painted.random_files import RandomFile, decode_with_ffmpeg

_SEEDS = range(24)


@pytest.mark.parametrize("seed", _SEEDS)
def test_every_frame_of_a_random_file_is_read(seed: int, tmp_path: Path) -> None:
    made = RandomFile.of(seed)
    path = made.build(tmp_path)
    decoded = decode_with_ffmpeg(path)
    pictures = None if decoded is None else list(decoded)
    assert pictures is None or len(pictures) == made.n_frames
    found = differences(
        path,
        range(made.n_frames),
        seed=seed,
        pictures=pictures,
        times_us=made.times_us,
        assumed_rate=made.assumed_rate,
    )
    assert found == [], made.describe()
