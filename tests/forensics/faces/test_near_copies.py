"""Pictures that are copies of one picture: correlation of patterns, and the search of a track for the copied frame."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from forensics.faces.comparison import Rules
from forensics.faces.correlation import SAME_PICTURE, correlations, luma_pattern
from forensics.faces.face import Face, Measure, Quality, QualityLimits
from forensics.faces.face_search import Examination, Person
from forensics.faces.face_selection import head_region
from forensics.faces.near_copies import find_near_copies
from forensics.faces.single_faces import SingleFaces
from forensics.faces.templates import ReferenceFaces
from forensics.footage.frames import Frame, RgbArray
from forensics.footage.timeline import Int64Array

SIDE_PX = 150


def texture(seed: int) -> RgbArray:
    """Return a picture with structure of many sizes, as faces have: (150, 150, 3) uint8."""
    rng = np.random.default_rng(seed)
    layers = [gaussian_filter(rng.normal(size=(SIDE_PX, SIDE_PX)), s) * s for s in (2, 5, 10, 20)]
    mixed = np.sum(layers, axis=0)[:, :, np.newaxis] * np.array([1.0, 0.8, 0.7])
    return (127 + 40 * mixed / np.std(mixed)).clip(0, 255).astype(np.uint8)


def darker(rgb: RgbArray) -> RgbArray:
    return (rgb * 0.6).astype(np.uint8)


def grey(rgb: RgbArray) -> RgbArray:
    return np.repeat(rgb.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)


def noisy(rgb: RgbArray) -> RgbArray:
    return (rgb + np.random.default_rng(1).normal(0, 12, rgb.shape)).clip(0, 255).astype(np.uint8)


def sharper(rgb: RgbArray) -> RgbArray:
    return (2.0 * rgb - gaussian_filter(rgb.astype(float), (3, 3, 0))).clip(0, 255).astype(np.uint8)


def moved(rgb: RgbArray) -> RgbArray:
    return np.roll(rgb, (9, -6), axis=(0, 1))


EDITS = (darker, grey, noisy, sharper, moved)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_picture_is_the_same_picture(edit: Callable[[RgbArray], RgbArray]) -> None:
    patterns = np.stack([luma_pattern(texture(seed)) for seed in range(8)])
    edited = np.stack([luma_pattern(edit(texture(seed))) for seed in range(8)])
    found = correlations(edited, patterns)
    is_own = np.eye(8, dtype=bool)
    assert found[is_own].min() >= SAME_PICTURE
    assert found[~is_own].max() < 0.75


def test_the_correlation_is_that_of_pearson_at_the_best_shift() -> None:
    one, other = luma_pattern(texture(1)), luma_pattern(texture(2))
    still = one[6:42, 6:42].ravel()
    shifts = range(-4, 5)
    best = max(np.corrcoef(still, other[6 + y : 42 + y, 6 + x : 42 + x].ravel())[0, 1] for y in shifts for x in shifts)
    assert correlations(one[np.newaxis], other[np.newaxis]).tolist() == [[pytest.approx(best)]]


@pytest.mark.parametrize("side_px", [4, 112, 150, 160])
def test_a_picture_without_structure_is_like_no_other(side_px: int) -> None:
    flat = luma_pattern(np.full((side_px, side_px, 3), 90, dtype=np.uint8))
    assert flat.shape == (48, 48)
    assert correlations(flat[np.newaxis], flat[np.newaxis]).tolist() == [[0.0]]


def test_faces_are_stored_and_read_again() -> None:
    faces = SingleFaces.embedded([texture(1), texture(2)], OddEmbedder())
    again = SingleFaces.decoded(faces.encoded())
    assert again.pools.vectors.tolist() == faces.pools.vectors.tolist()
    assert np.array_equal(again.patterns, faces.patterns)
    assert len(SingleFaces.decoded(SingleFaces.stacked([]).encoded())) == 0


# ---- the search of a track whose embeddings say nothing


@dataclass
class OddEmbedder:
    """Embeds every picture at about the same distance from every other, as after an edit that moves embeddings."""

    measure: Measure = Measure.EUCLIDEAN
    model_id: str = "odd"

    def faces(self, rgb: RgbArray) -> list[Face]:
        points = np.array([[60, 60], [90, 60], [75, 80], [65, 100], [85, 100]], dtype=np.float32)
        return [Face(np.array([40, 30, 110, 120], dtype=np.float32), points, 0.9)]

    def align(self, rgb: RgbArray, face: Face) -> RgbArray:
        side = min(rgb.shape[:2])
        return rgb[:side, :side]

    def embed(self, aligned: Sequence[RgbArray]) -> np.ndarray:
        seeds = [int(each.astype(np.int64).sum()) for each in aligned]
        rows = [np.random.default_rng(seed).normal(size=128) for seed in seeds]
        return np.stack([0.35 * row / np.linalg.norm(row) for row in rows]).astype(np.float32)


N_FRAMES = 31
BOX = np.array([0, 0, SIDE_PX, SIDE_PX], dtype=np.float32)
BETWEEN = 14
"""A frame that the first pass, every fifth frame, does not look at."""


def moving_face(number: int) -> RgbArray:
    """Return a picture that turns into another one every eight frames."""
    share, seed = number % 8 / 8, number // 8
    return (texture(seed) * (1 - share) + texture(seed + 1) * share).astype(np.uint8)


@pytest.mark.parametrize(
    ("picture", "expected_frame"),
    [
        pytest.param(noisy(grey(moving_face(BETWEEN))), BETWEEN, id="an-edited-frame"),
        pytest.param(texture(9), None, id="another-picture"),
    ],
)
def test_a_copy_is_found_where_embeddings_say_nothing(picture: RgbArray, expected_frame: int | None) -> None:
    embedder = OddEmbedder()
    frame = np.arange(N_FRAMES, dtype=np.int64)
    boxes = np.tile(BOX, (N_FRAMES, 1))
    track = Person("somebody", frame, frame * 40_000, boxes, np.zeros(N_FRAMES, dtype=bool))
    left, top, right, bottom = head_region(BOX, SIDE_PX, SIDE_PX)
    head = embedder.align(picture[top:bottom, left:right], embedder.faces(picture)[0])
    references = ReferenceFaces(("E0",), SingleFaces.embedded([head], embedder))

    def read(wanted: Int64Array) -> Iterator[Frame]:
        for number in wanted.tolist():
            yield Frame(number, number, moving_face(number), SIDE_PX, SIDE_PX)

    examination = Examination(
        *(embedder, embedder, lambda rgb, face: Quality(40, 100, 0, 0.9), lambda rgb, face: b"jpeg"),
        limits=QualityLimits(eyes_px=0, sharpness=0, yaw_degrees=180, score=0),
        spacing_us=500_000,
        at_most=5,
    )
    rules = Rules(threshold=0.5, one_person=0.4, near_copy=0.7)
    found = find_near_copies(track, references, read, examination, rules)
    if expected_frame is None:
        assert found == {}
    else:
        similarity, crop = found["E0"]
        assert similarity < rules.near_copy
        assert crop.frame == expected_frame
