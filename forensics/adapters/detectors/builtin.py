"""The detector `builtin`: people that stand out from the background, without a model file.

The background of a frame is fixed by the evidence alone. Media time is cut into windows of five
minutes; about two dozen frames spread over a window are its references, and in every tile of the
picture the largest group of references that agree is taken for the background. What differs from
it by more than the noise of that group is foreground. A blob of foreground becomes a box where
OpenCV's people detector (HOG and a linear SVM) fires on it, or where it has the shape of a person.

Scores are on a scale of their own, not comparable with a network's: up to 0.5 a blob has the shape
of a person and nothing else speaks for it; above 0.5 the people detector agrees.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt

from forensics.detection.detections import Boxes, FloatArray
from forensics.detection.detector import Detector
from forensics.errors import UsageError
from forensics.footage.frames import Frame, RgbArray, View
from forensics.footage.timeline import BoolArray, Int64Array, PacketIndex

__all__ = ["CLASS_NAMES", "load_builtin"]

CLASS_NAMES = ("person",)

_WINDOW_US = 300_000_000
_REFERENCES = 24
_FEWEST_REFERENCES = 4  # with fewer, no two can outvote a passer-by
_WORK_PX = 320  # longer side of the picture in which foreground is sought
_TILE_PX = 8  # of that picture
_SAME_LEVELS = 24  # grey levels by which a still pixel may differ between two references
_SAME_SHARE = 0.08  # of a tile's values may differ by more
_FLICKER_LEVELS = 14  # least difference that is foreground, however quiet the references are
_NOISE_SIGMAS = 5.0
_SHADOW_RATIO = 0.7  # a shadow leaves at least this much of the light,
_SHADOW_TINT = 0.12  # in all colours alike
_SHADOW_ROUGHNESS = 0.001  # and without structure of its own: variance of the ratio
_LOST_BACKGROUND = 0.6  # more foreground than this is a moved camera or a switched light
_LEAST_HEIGHT = 0.12  # of a blob, in frame heights
_PERSON_ASPECT = (0.2, 0.9)  # width over height of a blob that may be one person
_PERSON_FULLNESS = (0.25, 0.85)  # share of its box that it may fill
_HOG_PERSON_PX = 96  # the height a person has in the 64 x 128 window of the people detector
_OVERLAP = 0.45


def load_builtin(*, classes: tuple[str, ...], min_score: float) -> Detector:
    """A detector of people that needs no file.

    Args:
        classes: what is wanted; it knows ``person`` only.
        min_score: boxes below this are dropped, on the scale told above.
    """
    unknown = sorted(set(classes) - set(CLASS_NAMES))
    if unknown:
        raise UsageError(f"the builtin detector does not know {', '.join(unknown)}", "ask for person, or name a model")
    return _Builtin(min_score if classes else np.inf)


class _Builtin:
    """Fills `Detector`; between `references` and `detect` it keeps which frames belong to which window."""

    def __init__(self, min_score: float) -> None:
        self.class_names: tuple[str, ...] = CLASS_NAMES
        self.view = View(640, 640)
        self._min_score = min_score
        self._people = _people_detector()
        self._windows: tuple[_Window, ...] = ()

    def references(self, index: PacketIndex, start: int, stop: int) -> Int64Array:
        """Numbers of the frames that show the background of frames [start, stop), strictly increasing."""
        self._windows = _windows(index, start, stop)
        numbers = [window.references for window in self._windows]
        return np.unique(np.concatenate(numbers)) if numbers else np.empty(0, dtype=np.int64)

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        """Yield (frame number, boxes) for every frame that `references` was last asked about."""
        small = {frame.number: _small(frame.rgb) for frame in references}
        return self._judged(frames, self._windows, small)

    def _judged(
        self, frames: Iterable[Frame], windows: tuple["_Window", ...], small: dict[int, RgbArray]
    ) -> Iterator[tuple[int, Boxes]]:
        window, background, shape = None, None, None
        for frame in frames:
            seen = _small(frame.rgb)
            if window is None or not window.start <= frame.number < window.stop or seen.shape != shape:
                window, shape = _window_of(windows, frame.number), seen.shape
                background = _background(_same_size(shape, window, small))
            found = _people_in(frame.rgb, seen, background, self._people)
            yield frame.number, _boxes(found, frame, self._min_score)


# --------------------------------------------------------------------------- windows of media time


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """Frames [start, stop) that share a background, and the frames that show it."""

    start: int
    stop: int
    references: Int64Array


def _windows(index: PacketIndex, start: int, stop: int) -> tuple[_Window, ...]:
    """Every window that frames [start, stop) touch."""
    if stop <= start:
        return ()
    window_us = _window_us(index)
    # frames that an edit list hides lie before media time zero; they join the first window
    touched = np.unique(np.maximum(index.media_us[start:stop] // window_us, 0))
    return tuple(_window(index, place * window_us, window_us) for place in touched.tolist())


def _window_us(index: PacketIndex) -> int:
    """Five minutes, doubled until a window of sparse stills holds enough of them."""
    window_us, span_us = _WINDOW_US, int(index.media_us[-1]) - int(index.media_us[0])
    while window_us < span_us and index.n_frames * window_us < 2 * _REFERENCES * span_us:
        window_us *= 2
    return window_us


def _window(index: PacketIndex, start_us: int, window_us: int) -> _Window:
    """The window that starts at `start_us`; a short last one borrows references from before it."""
    start, stop = np.searchsorted(index.media_us, [start_us, start_us + window_us]).tolist()
    first_us = min(start_us, int(index.media_us[-1]) - window_us)
    first = int(np.searchsorted(index.media_us, first_us))
    return _Window(start if start_us else 0, stop, _spread(index, first, stop))


def _spread(index: PacketIndex, first: int, stop: int) -> Int64Array:
    """Frames spread evenly over [first, stop), moved to a keyframe where one is near: those decode at once."""
    step = (stop - first) / _REFERENCES
    even = np.unique((first + step * (np.arange(_REFERENCES) + 0.5)).astype(np.int64))
    place = np.minimum(np.searchsorted(index.keyframes, even), len(index.keyframes) - 1)
    keys = index.keyframes[place]  # the first keyframe at or after, else the last one
    near = (np.abs(keys - even) <= step / 2) & (keys >= first) & (keys < stop)
    chosen = np.unique(np.where(near, keys, even))
    return np.asarray(chosen[~index.is_ambiguous[chosen]])


def _window_of(windows: tuple[_Window, ...], number: int) -> _Window:
    """The window that holds a frame."""
    for window in windows:
        if window.start <= number < window.stop:
            return window
    raise ValueError(f"frame {number}: ask `references` about it before `detect`")


# --------------------------------------------------------------------------- background


@dataclass(frozen=True, slots=True, eq=False)
class _Background:
    """What the camera sees when nobody is there.

    Attributes:
        rgb: (h, w, 3) uint8, of the small picture.
        tolerance: (h, w) uint8, difference in grey levels that is not yet foreground.
    """

    rgb: RgbArray
    tolerance: RgbArray


def _small(rgb: RgbArray) -> RgbArray:
    """A copy whose longer side is `_WORK_PX` at most, free of the finest noise."""
    height, width = rgb.shape[:2]
    size = View(_WORK_PX, _WORK_PX).size_of(width, height) if max(height, width) > _WORK_PX else (width, height)
    return _u8(cv2.GaussianBlur(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), (3, 3), 0))


def _same_size(shape: tuple[int, ...], window: _Window, small: dict[int, RgbArray]) -> list[RgbArray]:
    """The references of a window that could be read and have the size of the frame they are compared with."""
    pictures = (small[number] for number in window.references.tolist() if number in small)
    return [picture for picture in pictures if picture.shape == shape]


def _background(references: list[RgbArray]) -> _Background | None:
    """The background that the references share; None where there are too few to tell."""
    if len(references) < _FEWEST_REFERENCES:
        return None
    middle = _u8(np.median(np.stack(references), axis=0))
    stack = np.stack([_relit(frame, middle) for frame in references])  # (n, h, w, 3)
    member = _still(stack)  # (n, h, w)
    rgb = _u8(_median(stack, member[..., None]))
    deviation = np.stack([_difference(frame, rgb) for frame in stack])
    noise = cv2.blur(1.4826 * _median(deviation, member).astype(np.float32), (5, 5))
    return _Background(rgb, _u8(np.clip(_NOISE_SIGMAS * noise, _FLICKER_LEVELS, 80)))


def _relit(frame: RgbArray, model: RgbArray) -> RgbArray:
    """The frame with each colour's gain set so that it is as bright as the model on most pixels."""
    seen, wanted = (picture[::4, ::4].reshape(-1, 3).astype(np.float32) for picture in (frame, model))
    gain = np.median((wanted + 8) / (seen + 8), axis=0)
    return _u8(cv2.multiply(frame, np.array([*np.clip(gain, 0.5, 2.0), 1.0])))


def _still(stack: RgbArray) -> BoolArray:
    """(n, h, w), which references show the background in which tile: the heaviest group that agrees.

    A reference weighs the more, the more of its tiles lie in large groups: a person who stands
    still makes a group in a few tiles, an empty picture agrees with other empty ones everywhere.
    """
    agree = _agreement(stack)  # (n, n, rows, columns)
    weight = (agree.mean(axis=(1, 2, 3)) ** 2).astype(np.float32)
    for _ in range(3):
        heaviest = np.einsum("j,ijrc->irc", weight, agree).argmax(axis=0)  # (rows, columns)
        member = np.take_along_axis(agree, heaviest[None, None], axis=0)[0]  # (n, rows, columns)
        weight = (member.mean(axis=(1, 2)) ** 8).astype(np.float32)
    height, width = stack.shape[1:3]
    return np.repeat(np.repeat(member, _TILE_PX, axis=1), _TILE_PX, axis=2)[:, :height, :width]


def _agreement(stack: RgbArray) -> BoolArray:
    """(n, n, rows, columns), whether two references look alike in a tile."""
    n_frames, height, width = stack.shape[:3]
    rows, columns = -(-height // _TILE_PX), -(-width // _TILE_PX)
    agree = np.ones((n_frames, n_frames, rows, columns), dtype=np.bool_)
    padding = (0, rows * _TILE_PX - height, 0, columns * _TILE_PX - width, cv2.BORDER_REPLICATE)
    flat = [cv2.copyMakeBorder(frame, *padding).reshape(rows * _TILE_PX, -1) for frame in stack]
    for one, other in combinations(range(n_frames), 2):
        _, changed = cv2.threshold(cv2.absdiff(flat[one], flat[other]), _SAME_LEVELS, 255, cv2.THRESH_BINARY)
        share = cv2.resize(changed, (columns, rows), interpolation=cv2.INTER_AREA)
        agree[one, other] = agree[other, one] = share < _SAME_SHARE * 255
    return agree


def _median(stack: RgbArray, member: BoolArray) -> RgbArray:
    """Per pixel the lower median of the frames that are members; every pixel has at least one."""
    ordered = np.sort(np.where(member, stack.astype(np.int16), 256), axis=0)
    middle = np.broadcast_to((member.sum(axis=0, keepdims=True) - 1) // 2, (1, *stack.shape[1:]))
    return _u8(np.take_along_axis(ordered, middle, axis=0)[0])


def _difference(one: RgbArray, other: RgbArray) -> RgbArray:
    """(h, w) uint8, grey levels between two pictures in the colour that differs most."""
    red, green, blue = cv2.split(cv2.absdiff(one, other))
    return _u8(cv2.max(cv2.max(red, green), blue))


def _u8(picture: npt.ArrayLike) -> RgbArray:
    return np.asarray(picture).astype(np.uint8, copy=False)


# --------------------------------------------------------------------------- people


def _people_in(rgb: RgbArray, seen: RgbArray, background: _Background | None, people: cv2.HOGDescriptor) -> FloatArray:
    """(N, 5) float32: box in pixels of `rgb` and score, best first; `seen` is the small picture."""
    mask = None if background is None else _foreground(seen, background)
    if mask is None or np.count_nonzero(mask) > _LOST_BACKGROUND * mask.size:
        return _without_overlap(_fired(rgb, people))
    scale = rgb.shape[0] / mask.shape[0]
    found = [_judge_blob(rgb, blob[:4] * scale, float(blob[4]), people) for blob in _blobs(mask)]
    return _without_overlap(np.concatenate([np.empty((0, 5), np.float32), *found]))


def _foreground(small: RgbArray, background: _Background) -> RgbArray:
    """(h, w) uint8, 255 where the picture differs from its background by more than noise and shadow."""
    relit = _relit(small, background.rgb)
    _, mask = cv2.threshold(_excess(relit, background), 0, 255, cv2.THRESH_BINARY)
    if not cv2.countNonZero(mask):
        return _u8(mask)
    mask[_shadow(relit, background.rgb)] = 0
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return _u8(cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((7, 5), np.uint8)))


def _excess(relit: RgbArray, background: _Background) -> RgbArray:
    """(h, w) uint8, grey levels by which the difference exceeds what the background tolerates."""
    return _u8(cv2.subtract(_difference(relit, background.rgb), background.tolerance))


def _shadow(relit: RgbArray, background: RgbArray) -> BoolArray:
    """(h, w), where the same surface is seen in less light: darker by one smooth factor in all colours."""
    ratio = (relit.astype(np.float32) + 4) / (background.astype(np.float32) + 4)  # (h, w, 3)
    low, high = ratio.min(axis=2), ratio.max(axis=2)
    mean = cv2.blur(low, (5, 5))
    roughness = cv2.blur(low * low, (5, 5)) - mean * mean
    return np.asarray(
        (low > _SHADOW_RATIO) & (high < 1.05) & (high - low < _SHADOW_TINT) & (roughness < _SHADOW_ROUGHNESS)
    )


def _blobs(mask: RgbArray) -> FloatArray:
    """(N, 5) float32: boxes of the blobs that are large enough for a person, and how full each box is."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    x, y, w, h, area = stats[1:].astype(np.float32).T
    fullness = area / (w * h)
    large = (h >= _LEAST_HEIGHT * mask.shape[0]) & (fullness >= _PERSON_FULLNESS[0])
    return np.asarray(np.stack([x, y, x + w, y + h, fullness], axis=1)[large])


def _judge_blob(rgb: RgbArray, box: FloatArray, fullness: float, people: cv2.HOGDescriptor) -> FloatArray:
    """(N, 5) float32: the blob itself where it has the shape of a person, else what fired around it."""
    fired = _fired_around(rgb, box, people)
    shape = _shape_score(box, fullness)
    if shape == 0.0:
        return fired
    best = float(fired[:, 4].max()) if len(fired) else 0.0
    return np.array([[*box, max(best, shape)]], dtype=np.float32)


def _shape_score(box: FloatArray, fullness: float) -> float:
    """0.25 to 0.5 for a blob that one person could make, else 0; legs and shoulders leave corners empty."""
    aspect = float((box[2] - box[0]) / (box[3] - box[1]))
    if not _PERSON_ASPECT[0] <= aspect <= _PERSON_ASPECT[1] or fullness > _PERSON_FULLNESS[1]:
        return 0.0
    return 0.5 - 0.25 * min(1.0, abs(aspect - 0.4) / 0.5)


def _fired_around(rgb: RgbArray, blob: FloatArray, people: cv2.HOGDescriptor) -> FloatArray:
    """(N, 5) float32: where the people detector fires on the neighbourhood of a blob."""
    height, width = rgb.shape[:2]
    x1, y1, x2, y2 = blob.tolist()
    side = 0.2 * (y2 - y1)
    left, top = max(0, int(x1 - side)), max(0, int(y1 - side))
    crop = rgb[top : min(height, int(y2 + side)), left : min(width, int(x2 + side))]
    zoom = _HOG_PERSON_PX / (y2 - y1)
    fired = _fired(_u8(cv2.resize(crop, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)), people)
    fired[:, :4] = fired[:, :4] / zoom + np.array([left, top, left, top])
    return fired


def _fired(rgb: RgbArray, people: cv2.HOGDescriptor) -> FloatArray:
    """(N, 5) float32: where the people detector fires, the margin of its window taken off."""
    if rgb.shape[0] < 128 or rgb.shape[1] < 64:
        below, right = max(0, 128 - rgb.shape[0]), max(0, 64 - rgb.shape[1])
        rgb = _u8(cv2.copyMakeBorder(rgb, 0, below, 0, right, cv2.BORDER_REPLICATE))
    rectangles, weights = people.detectMultiScale(rgb, 0.0, (8, 8), (0, 0), 1.1, 0)
    if not len(rectangles):
        return np.empty((0, 5), dtype=np.float32)
    x, y, w, h = np.asarray(rectangles, dtype=np.float32).T
    score = 1.0 - 0.5 * np.exp(-np.asarray(weights, dtype=np.float32).ravel())
    return np.stack([x + 0.18 * w, y + 0.1 * h, x + 0.82 * w, y + 0.92 * h, score], axis=1)


def _people_detector() -> cv2.HOGDescriptor:
    people = cv2.HOGDescriptor()
    people.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector(), dtype=np.float32))
    return people


def _without_overlap(found: FloatArray) -> FloatArray:
    """(M, 5), best first, ties by place: each box unless it overlaps a better one."""
    rest = found[np.lexsort((*found[:, 3::-1].T, -found[:, 4]))]
    kept = []
    while len(rest):
        kept.append(rest[0])
        rest = rest[1:][_iou(rest[0], rest[1:]) < _OVERLAP]
    return np.stack(kept) if kept else found


def _iou(box: FloatArray, others: FloatArray) -> FloatArray:
    """(N,) intersection over union of one box with others."""
    sides = np.minimum(box[2:4], others[:, 2:4]) - np.maximum(box[:2], others[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    area = np.prod(box[2:4] - box[:2]) + np.prod(others[:, 2:4] - others[:, :2], axis=1)
    return np.asarray(shared / (area - shared), dtype=np.float32)


def _boxes(found: FloatArray, frame: Frame, min_score: float) -> Boxes:
    """Boxes of the upright frame from boxes of its view."""
    kept = found[found[:, 4] >= min_score]
    ratio = np.array([frame.width_px / frame.rgb.shape[1], frame.height_px / frame.rgb.shape[0]] * 2, np.float32)
    limit = np.array([frame.width_px, frame.height_px] * 2, np.float32)
    xyxy = np.clip(kept[:, :4] * ratio, 0, limit).astype(np.float32)
    return Boxes(xyxy, kept[:, 4].copy(), np.zeros(len(kept), dtype=np.int64))
