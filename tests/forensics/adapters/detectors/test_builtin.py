"""The builtin detector, which needs no model: boxes in painted scenes do not depend on chunks."""

from fractions import Fraction
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest

from forensics.adapters.detectors.builtin import load_builtin
from forensics.detection.detections import Boxes
from forensics.errors import UsageError
from forensics.footage.frames import Frame, RgbArray
from forensics.footage.timeline import PacketIndex

WIDTH, HEIGHT, N_FRAMES = 320, 240, 96
PERSON_W, PERSON_H = 48, 120


@pytest.fixture(autouse=True)
def _one_thread():
    """Let OpenCV use one thread, as workers do."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def index_of(n_frames: int, *, step_ms: int = 100, first_ms: int = 0, n_hidden: int = 0) -> PacketIndex:
    pts = np.arange(n_frames, dtype=np.int64) * step_ms + first_ms
    frames = np.arange(n_frames)
    return PacketIndex(pts, frames % 30 == 0, np.full(n_frames, 100), frames < n_hidden, Fraction(1, 1000))


@cache
def wall() -> RgbArray:
    random = np.random.default_rng(5)
    coarse = random.integers(70, 190, (12, 16, 3)).astype(np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def with_noise(picture: RgbArray, number: int) -> RgbArray:
    noise = np.random.default_rng(number).integers(-4, 5, picture.shape, dtype=np.int16)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def with_person(picture: RgbArray, left: int, top: int = 80) -> RgbArray:
    """A head, a body and two legs."""
    drawn, middle = picture.copy(), left + PERSON_W // 2
    cv2.circle(drawn, (middle, top + 12), 12, (225, 180, 150), -1)
    cv2.ellipse(drawn, (middle, top + 50), (PERSON_W // 2, 32), 0, 0, 360, (20, 20, 30), -1)
    for side in (-10, 10):
        cv2.rectangle(drawn, (middle + side - 7, top + 70), (middle + side + 7, top + PERSON_H), (15, 15, 70), -1)
    return drawn


def person_left(number: int) -> int | None:
    """Return the left edge of the walker, who is absent in the first and the last third."""
    return 20 + (number - 32) * 7 if 32 <= number < 64 else None


@cache
def scene(n_frames: int = N_FRAMES) -> list[Frame]:
    pictures = [with_noise(wall(), number) for number in range(n_frames)]
    for number in range(n_frames):
        left = person_left(number)
        if left is not None:
            pictures[number] = with_person(pictures[number], left)
    return [frame_of(number, picture) for number, picture in enumerate(pictures)]


def frame_of(number: int, picture: RgbArray) -> Frame:
    return Frame(number, number * 100, picture, WIDTH * 2, HEIGHT * 2)


def ask(frames: list[Frame], start: int, stop: int, *, min_score: float = 0.25) -> dict[int, Boxes]:
    detector = load_builtin(classes=("person",), min_score=min_score)
    wanted = detector.references(index_of(len(frames)), start, stop)
    return dict(detector.detect(frames[start:stop], [frames[number] for number in wanted.tolist()]))


def test_an_empty_scene_has_no_boxes():
    frames = [frame_of(number, with_noise(wall(), number)) for number in range(48)]
    assert sum(len(boxes) for boxes in ask(frames, 0, 48).values()) == 0


def test_a_walker_is_found_where_they_are_and_nowhere_else():
    answers = ask(scene(), 0, N_FRAMES)
    assert list(answers) == list(range(N_FRAMES))
    for number, boxes in answers.items():
        left = person_left(number)
        if left is None:
            assert len(boxes) == 0, number
        else:
            truth = np.array([left, 80, left + PERSON_W, 80 + PERSON_H]) * 2
            assert len(boxes) == 1, number
            assert np.abs(boxes.xyxy[0] - truth).max() <= 16, number
            assert 0.25 <= boxes.score[0] <= 1.0


@pytest.mark.parametrize("edges", [(0, 40, 96), (32, 33, 34, 50)])
def test_detections_do_not_depend_on_the_chunk(edges: tuple[int, ...]):
    frames = scene()
    whole = ask(frames, 0, N_FRAMES)
    for start, stop in pairwise(edges):
        for number, boxes in ask(frames, start, stop).items():
            assert np.array_equal(boxes.xyxy, whole[number].xyxy)
            assert np.array_equal(boxes.score, whole[number].score)


def test_a_change_of_light_gives_no_box():
    gains = 1 + 0.3 * np.sin(np.arange(48) / 5)
    pictures = [np.clip(wall() * gain, 0, 255).astype(np.uint8) for gain in gains]
    frames = [frame_of(number, with_noise(picture, number)) for number, picture in enumerate(pictures)]
    assert sum(len(boxes) for boxes in ask(frames, 0, 48).values()) == 0


def test_someone_who_stands_for_most_of_the_window_is_still_seen():
    def place(number: int) -> int:
        return 120 + 11 * (number // 16 % 4)  # shifts a little, as people at a table do

    pictures = [with_noise(wall(), number) for number in range(96)]
    frames = [
        frame_of(number, with_person(picture, place(number)) if number < 60 else picture)
        for number, picture in enumerate(pictures)
    ]
    answers = ask(frames, 50, 70)
    assert [len(answers[number]) for number in range(50, 70)] == [1] * 10 + [0] * 10


def test_with_too_few_references_only_the_people_detector_decides():
    frames = [frame_of(number, wall()) for number in range(2)]
    assert [len(boxes) for boxes in ask(frames, 0, 2).values()] == [0, 0]


def test_references_do_not_depend_on_the_chunk():
    index = index_of(9000)  # 15 minutes: three windows
    detector = load_builtin(classes=("person",), min_score=0.25)
    first = detector.references(index, 0, 3000).tolist()
    assert detector.references(index, 100, 101).tolist() == first
    assert len(first) == 24
    assert detector.references(index, 2999, 3001).tolist() == first + detector.references(index, 3000, 3001).tolist()


def test_a_short_last_window_borrows_references():
    index = index_of(3050)
    wanted = load_builtin(classes=("person",), min_score=0.25).references(index, 3000, 3050)
    assert len(wanted) == 24
    assert wanted[0] < 1000
    assert wanted[-1] >= 2900


def test_hidden_frames_belong_to_the_first_window():
    index = index_of(600, n_hidden=5)
    detector = load_builtin(classes=("person",), min_score=0.25)
    assert detector.references(index, 0, 5).tolist() == detector.references(index, 5, 600).tolist()


def test_sparse_stills_share_longer_windows():
    index = index_of(500, step_ms=60_000)
    wanted = load_builtin(classes=("person",), min_score=0.25).references(index, 0, 10)
    assert len(wanted) == 24


def test_min_score_drops_boxes():
    assert [len(boxes) for boxes in ask(scene(), 40, 42).values()] == [1, 1]
    assert [len(boxes) for boxes in ask(scene(), 40, 42, min_score=1.0).values()] == [0, 0]


def test_unknown_classes_are_refused():
    with pytest.raises(UsageError, match="dog"):
        load_builtin(classes=("person", "dog"), min_score=0.25)


def test_frames_without_references_are_refused():
    detector = load_builtin(classes=("person",), min_score=0.25)
    with pytest.raises(ValueError, match="references"):
        next(iter(detector.detect([frame_of(0, wall())], [])))
