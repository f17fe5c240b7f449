"""Stills and time lapse: a single detection is a sighting, and only pictures of one moment and scene are joined."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from forensics.custody.case_document import Case
from forensics.detection.detections import Boxes
from forensics.footage.frames import Frame, RgbArray, View
from forensics.footage.timeline import Int64Array, PacketIndex
from pipelines.intake.ingest_item import IngestItem
from testing.commands import Call
from testing.painted.stills import Tag, set_file_time, stamp
from testing.painted_case import make_case_of, published_table, run

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Finder:
    """Implements `Detector`: one person of this score at the same place in every frame."""

    score: float = 0.3
    class_names: tuple[str, ...] = ("person",)
    view: View = field(default=View(160, 96))

    def references(self, index: PacketIndex, start: int, stop: int) -> Int64Array:
        return np.array([], dtype=np.int64)

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        box, score = np.array([[40, 20, 70, 80]], np.float32), np.array([self.score], np.float32)
        for frame in frames:
            yield frame.number, Boxes(box, score, np.zeros(1, dtype=np.int64))


def scene(seed: int, noise: int) -> RgbArray:
    """Return a picture of coarse patches, with the noise of a camera."""
    patches = np.random.default_rng(seed).integers(20, 200, (8, 8)).repeat(12, 0).repeat(20, 1)
    noisy = patches + np.random.default_rng(noise).integers(0, 5, patches.shape)
    return np.repeat(noisy[:, :, None], 3, axis=2).astype(np.uint8)


def album(folder: Path, seconds: Mapping[int, float | None], other_scene: frozenset[int] = frozenset()) -> Path:
    """Write pictures of one place, each so many seconds after noon by EXIF; None leaves the time out."""
    folder.mkdir()
    for number, second in seconds.items():
        picture = scene(2 if number in other_scene else 1, noise=number)
        exif = Image.Exif()
        if second is not None:
            exif.get_ifd(0x8769)[Tag.ORIGINAL] = stamp(NOON + timedelta(seconds=second))
        file = folder / f"IMG_{number:04d}.jpg"
        Image.fromarray(picture).save(file, exif=exif.tobytes())
        set_file_time(file, 1_777_636_800_000 + 10 * number)
    return folder


def sightings(case: Case) -> list[tuple[int, int]]:
    """Return (first, last) frame of every sighting."""
    return sorted(published_table(case, "sightings").select("first_frame", "last_frame").rows())


def made(tmp_path: Path, *seconds: float | None, other_scene: frozenset[int] = frozenset()) -> Case:
    folder = album(tmp_path / "trap", dict(enumerate(seconds)), other_scene)
    return make_case_of(tmp_path / "case", IngestItem(folder, "trap"))


def test_a_single_still_with_a_person_gives_a_sighting(tmp_path: Path) -> None:
    case = made(tmp_path, 0)
    result = run(case, detector=Finder(score=0.26))
    assert sightings(case) == [(0, 0)]
    assert result.figures["sparse_recordings"] == result.figures["recordings"] == 1


def test_a_detection_below_the_score_of_single_frames_is_none(tmp_path: Path) -> None:
    case = made(tmp_path, 0)
    run(case, detector=Finder(score=0.24))
    assert sightings(case) == []
    run(case, "track.single_frame_score=0.2", detector=Finder(score=0.24))
    assert sightings(case) == [(0, 0)]


def test_a_burst_is_one_sighting_and_a_later_picture_another(tmp_path: Path) -> None:
    case = made(tmp_path, 0, 1, 2, 30, 31, 60)
    run(case, detector=Finder())
    assert sightings(case) == [(0, 2), (3, 4), (5, 5)]


def test_a_time_lapse_of_stills_joins_no_pictures(tmp_path: Path) -> None:
    case = made(tmp_path, *range(0, 150, 30))
    run(case, detector=Finder())
    assert sightings(case) == [(number, number) for number in range(5)]


def test_pictures_without_a_capture_time_are_not_joined(tmp_path: Path) -> None:
    """A copy writes many files in one second, so a burst of file times shows nothing."""
    case = made(tmp_path, None, None, None)
    run(case, detector=Finder())
    assert sightings(case) == [(0, 0), (1, 1), (2, 2)]


def test_a_picture_placed_beside_its_neighbour_is_joined_with_none(tmp_path: Path) -> None:
    case = made(tmp_path, 0, 1, None, 2, 3)
    run(case, detector=Finder())
    numbers = published_table(case, "sightings")["first_frame"].to_list()
    assert len(numbers) == 3
    (alone,) = (row for row in published_table(case, "sightings").iter_rows(named=True) if row["n_detections"] == 1)
    assert alone["best_picture"] == "IMG_0002.jpg"


def test_pictures_of_two_scenes_are_not_joined(tmp_path: Path) -> None:
    case = made(tmp_path, 0, 1, 2, 3, other_scene=frozenset({2, 3}))
    run(case, detector=Finder())
    assert sightings(case) == [(0, 1), (2, 3)]


def test_sampled_frames_further_apart_than_a_track_waits_count_alone(case: Case) -> None:
    run(case, "track.buffer_ms=900", detector=Finder())
    assert sightings(case) == []
    run(case, "detect.fps=1", "track.buffer_ms=900", detector=Finder())
    assert sightings(case) == [(0, 0), (5, 5), (10, 10)]


def test_query_says_why_there_are_detections_and_no_sightings(tmp_path: Path, call: Call) -> None:
    case = made(tmp_path, 0)
    run(case, detector=Finder(score=0.2))
    done = call("query", case.folder.root)
    assert done.code == 0
    assert "track.single_frame_score" in done.err
    assert "detections` shows them all" in done.err


def test_run_says_where_single_detections_are_sightings(tmp_path: Path, call: Call) -> None:
    call.use_detector(Finder())
    done = call("scan", album(tmp_path / "trap", {0: 0}), "--case", tmp_path / "new", "--runner", "serial")
    assert "1 of 1 recording is stills or time lapse" in done.out
