"""Face search in one track: which frames are examined, and which faces are compared."""

from collections.abc import Iterator

import numpy as np
import pytest

from forensics.faces.comparison import Rules
from forensics.faces.face import Face, Quality, QualityLimits
from forensics.faces.face_search import Examination, Person, gather_faces, select_faces
from forensics.footage.frames import Frame, Gap

RULES = Rules(threshold=0.5, minimum_faces=3, minimum_span_ms=1000)
N_FRAMES = 40
MS_PER_FRAME = 100


class OneFace:
    """Fills `FaceDetector` and `FaceEmbedder`: a bright picture shows one face, a dark one none."""

    def faces(self, rgb):
        height, width = rgb.shape[:2]
        across, down = width / 2, height / 4
        points = np.array([[across, down]] * 5, dtype=np.float32)
        box = np.array([across - 5, down - 5, across + 5, down + 5], dtype=np.float32)
        return [Face(box, points, 0.9)] if rgb.max() > 0 else []

    def align(self, rgb, face):
        return rgb[:4, :4]


def examination() -> Examination:
    return Examination(
        detector=OneFace(),
        embedder=OneFace(),
        quality_of=lambda rgb, face: Quality(40, 100, 0, 0.9),
        picture_of=lambda rgb, face: b"jpeg",
        limits=QualityLimits(eyes_px=18, sharpness=15, yaw_degrees=75, score=0.5),
        spacing_us=500_000,
        at_most=5,
    )


def person(first, second):
    """Return a person in the middle of the picture, who is examined in these frames."""
    frame = np.array(sorted([*first, *second]), dtype=np.int64)
    boxes = np.tile(np.array([10, 10, 30, 80], dtype=np.float32), (len(frame), 1))
    return Person("somebody", frame, frame * MS_PER_FRAME * 1000, boxes, np.isin(frame, second))


def footage(bright, read_frames):
    """Return a reader of a clip in which all other frames are dark; it records the frames read."""

    def read(wanted) -> Iterator[Frame | Gap]:
        for number in wanted.tolist():
            read_frames.append(number)
            rgb = np.full((100, 40, 3), 200 if number in bright else 0, dtype=np.uint8)
            yield Frame(number, number, rgb, 40, 100)

    return read


FIRST, SECOND = [0, 10, 20, 30], [5, 15, 25, 35]


@pytest.mark.parametrize(
    ("bright", "is_looked_at_again"),
    [
        pytest.param(FIRST, False, id="seen-often-enough"),
        pytest.param([0, 10], True, id="too-few-faces"),
        pytest.param([], False, id="never-showed-the-face"),
    ],
)
def test_people_with_too_few_faces_are_examined_in_more_frames(bright, is_looked_at_again):
    read_frames: list[int] = []
    gather_faces([person(FIRST, SECOND)], footage(bright, read_frames), examination(), RULES)
    assert read_frames == FIRST + (SECOND if is_looked_at_again else [])


def test_faces_over_too_short_a_time_are_too_few():
    read_frames: list[int] = []
    gather_faces([person([0, 5, 9], [12])], footage([0, 5, 9], read_frames), examination(), RULES)
    assert read_frames == [0, 5, 9, 12]


def test_examined_frames_are_in_time_order_and_selected_faces_are_apart():
    (looks,) = gather_faces([person(FIRST, SECOND)], footage([10, 15, 30], []), examination(), RULES)
    assert [look.media_us for look in looks] == [number * 100_000 for number in sorted(FIRST + SECOND)]
    assert [look.media_us for look in select_faces(looks, examination())] == [1_000_000, 1_500_000, 3_000_000]


def test_each_person_is_examined_separately():
    read_frames: list[int] = []
    looks = gather_faces(
        [person([0, 10, 20], [3]), person([1, 20], [7])],
        footage([0, 10, 20], read_frames),
        examination(),
        RULES,
    )
    assert read_frames == [0, 1, 10, 20, 7], "the first was seen enough"
    assert [len(each) for each in looks] == [3, 3]
