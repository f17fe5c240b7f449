"""Two recordings with random encoder settings, joined byte by byte: each frame is that of its part.

JOIN_SEEDS="17 18" chooses other seeds. The truth is the number that each picture shows.
"""

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import pytest

from forensics.adapters.video.indexing.pyav_index import index_file
from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.footage.frames import Frame, Item, View
from testing.painted.picture import number_in
from testing.painted.random_files import RandomFile

_SEEDS = [int(seed) for seed in os.environ.get("JOIN_SEEDS", " ".join(map(str, range(8)))).split()]
_CODECS = ("h264", "hevc")


def part(seed: int, codec: str, container: str) -> RandomFile:
    """The file of the first seed from this one on that has the codec, in a container that can be joined."""
    found = next(made for number in range(seed, seed + 1000) if (made := RandomFile.of(number)).codec == codec)
    return replace(found, container=container, rate=Fraction(25), n_frames=60)


def shown(items: list[Item]) -> list[int]:
    return [number_in(item.rgb) if isinstance(item, Frame) else -1 for item in items]


@pytest.mark.parametrize("container", ["mkv", "ts"])
@pytest.mark.parametrize("seed", _SEEDS)
def test_every_frame_of_two_joined_random_files_is_read(seed: int, container: str, tmp_path: Path) -> None:
    random = Random(seed)
    codec = random.choice(_CODECS)
    parts = [part(random.randrange(1_000_000), codec, container) for _ in range(2)]
    path = tmp_path / f"joined.{container}"
    path.write_bytes(b"".join(made.build(tmp_path).read_bytes() for made in parts))
    indexed = index_file(path, working_copy=tmp_path / "copy")
    read = open_reader(indexed.footage, indexed.index, View()).read
    described = " | ".join(made.describe() for made in parts)
    truth = [*range(60), *range(60)]
    assert (indexed.index.n_frames, indexed.shortfall) == (120, ""), described
    assert shown(list(read(np.arange(120)))) == truth, described
    for number in random.sample(range(120), 12):
        assert shown(list(read(np.array([number])))) == [truth[number]], f"frame {number} alone: {described}"
