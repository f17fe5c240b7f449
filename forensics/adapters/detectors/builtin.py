"""The detector `builtin`: people found by background subtraction and HOG, without a model file.

The background of a frame depends on the evidence alone. Media time is divided into windows of five minutes. About two
dozen frames spread over a window are its references. In every tile of the picture, the largest group of references
that agree is the background. What differs from it by more than the noise of that group is foreground. A connected
region of foreground, a blob, becomes a box if OpenCV's people detector (HOG and a linear SVM) fires on it, or if it
has the shape of a person.

Scores are on a scale of their own, not comparable with those of a network. Up to 0.5, a blob has the shape of a person
and there is no other evidence; above 0.5, the people detector has fired.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt

from forensics.detection.detections import Boxes, FloatArray
from forensics.detection.detector import Detector
from forensics.detection.iou import paired_iou
from forensics.errors import UsageError
from forensics.footage.frames import Frame, RgbArray, View
from forensics.footage.timeline import BoolArray, Int64Array, PacketIndex

__all__ = ["CLASS_NAMES", "load_builtin"]

CLASS_NAMES = ("person",)

_WINDOW_US = 300_000_000
_REFERENCES = 24
_FEWEST_REFERENCES = 4  # with fewer, two of one background cannot outvote a passer-by
_WORK_PX = 320  # longer side of the downscaled picture, in which foreground is computed
_TILE_PX = 8  # of that picture
_SAME_LEVELS = 24  # grey levels by which a pixel of the background may differ between two references
_SAME_SHARE = 0.08  # share of a tile's values that may differ by more
_FLICKER_LEVELS = 14  # threshold of foreground, even if the references have less noise
_NOISE_SIGMAS = 5.0
_SHADOW_RATIO = 0.7  # least share of the light that a shadow leaves
_SHADOW_TINT = 0.12  # greatest difference of that share between colours
_SHADOW_ROUGHNESS = 0.001  # greatest local variance of that share: a shadow has no structure
_LOST_BACKGROUND = 0.6  # share of foreground above which the camera moved or a light was switched
_LEAST_HEIGHT = 0.12  # of a blob that may be a person, in frame heights
_PERSON_ASPECT = (0.2, 0.9)  # width over height of a blob that may be one person
_PERSON_FULLNESS = (0.25, 0.85)  # share of its box that it may fill
_HOG_PERSON_PX = 96  # the height a person has in the 64 x 128 window of the people detector
_OVERLAP = 0.45


def load_builtin(*, classes: tuple[str, ...], min_score: float) -> Detector:
    """Make the detector; it detects people and needs no file.

    Args:
        classes: the wanted classes; only ``person`` is known; empty for none.
        min_score: threshold below which boxes are dropped, on the scale described above.

    Raises:
        UsageError: another class is wanted.
    """
    unknown = sorted(set(classes) - set(CLASS_NAMES))
    if unknown:
        raise UsageError(
            f"the builtin detector cannot detect {', '.join(unknown)}", "use the class person, or name a model"
        )
    return _Builtin(min_score if classes else np.inf)


class _Builtin:
    """The detector `builtin`; implements `Detector` and keeps the windows from `references` until `detect`."""

    def __init__(self, min_score: float) -> None:
        self.class_names: tuple[str, ...] = CLASS_NAMES
        self.view = View(640, 640)
        self._min_score = min_score
        self._hog = _create_hog()
        self._windows: tuple[_Window, ...] = ()

    def references(self, index: PacketIndex, start: int, stop: int) -> Int64Array:
        """Return the frames that show the background of frames [start, stop): numbers, strictly increasing."""
        self._windows = _windows(index, start, stop)
        numbers = [window.references for window in self._windows]
        return np.unique(np.concatenate(numbers)) if numbers else np.empty(0, dtype=np.int64)

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        """Yield (frame number, boxes) for every frame; all must lie in the range last given to `references`."""
        downscaled = {frame.number: _downscale(frame.rgb) for frame in references}
        return self._detect_frames(frames, self._windows, downscaled)

    def _detect_frames(
        self, frames: Iterable[Frame], windows: tuple["_Window", ...], references: dict[int, RgbArray]
    ) -> Iterator[tuple[int, Boxes]]:
        """Yield (frame number, boxes); the background is modelled again for each window and picture size.

        Args:
            frames: in presentation order.
            windows: that hold these frames.
            references: downscaled reference frames, by frame number.
        """
        window, background, shape = None, None, None
        for frame in frames:
            small = _downscale(frame.rgb)
            if window is None or not window.start <= frame.number < window.stop or small.shape != shape:
                window, shape = _window_of(windows, frame.number), small.shape
                background = _model_background(_select_references(shape, window, references))
            found = _find_people(frame.rgb, small, background, self._hog)
            yield frame.number, _to_boxes(found, frame, self._min_score)


# --------------------------------------------------------------------------- windows of media time


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """Frames that share a background.

    Attributes:
        start, stop: frame numbers, half-open.
        references: (R,) int64, numbers of the frames that show the background; may lie outside.
    """

    start: int
    stop: int
    references: Int64Array


def _windows(index: PacketIndex, start: int, stop: int) -> tuple[_Window, ...]:
    """Return every window that overlaps frames [start, stop)."""
    if stop <= start:
        return ()
    window_us = _window_length_us(index)
    # frames hidden by an edit list lie before media time zero; they belong to the first window
    touched = np.unique(np.maximum(index.media_us[start:stop] // window_us, 0))
    return tuple(_make_window(index, place * window_us, window_us) for place in touched.tolist())


def _window_length_us(index: PacketIndex) -> int:
    """Return the length of a window: five minutes, doubled until windows of sparse stills hold enough of them."""
    window_us, span_us = _WINDOW_US, int(index.media_us[-1]) - int(index.media_us[0])
    while window_us < span_us and index.n_frames * window_us < 2 * _REFERENCES * span_us:
        window_us *= 2
    return window_us


def _make_window(index: PacketIndex, start_us: int, window_us: int) -> _Window:
    """Return the window that starts at `start_us`.

    A short last window takes references from before its start.
    """
    start, stop = np.searchsorted(index.media_us, [start_us, start_us + window_us]).tolist()
    borrow_from_us = min(start_us, int(index.media_us[-1]) - window_us)
    first = int(np.searchsorted(index.media_us, borrow_from_us))
    return _Window(start if start_us else 0, stop, _choose_references(index, first, stop))


def _choose_references(index: PacketIndex, first: int, stop: int) -> Int64Array:
    """Choose frames spread evenly over [first, stop) as references, without those of ambiguous pts.

    Each is moved to a keyframe if one is near, because keyframes decode without other frames.
    """
    step = (stop - first) / _REFERENCES
    targets = np.unique((first + step * (np.arange(_REFERENCES) + 0.5)).astype(np.int64))
    place = np.minimum(np.searchsorted(index.keyframes, targets), len(index.keyframes) - 1)
    keys = index.keyframes[place]  # the first keyframe at or after, else the last one
    is_near = (np.abs(keys - targets) <= step / 2) & (keys >= first) & (keys < stop)
    chosen = np.unique(np.where(is_near, keys, targets))
    return np.asarray(chosen[~index.is_ambiguous[chosen]])


def _window_of(windows: tuple[_Window, ...], number: int) -> _Window:
    """Return the window that holds a frame."""
    for window in windows:
        if window.start <= number < window.stop:
            return window
    raise ValueError(f"frame {number}: ask `references` about it before `detect`")


# --------------------------------------------------------------------------- background


@dataclass(frozen=True, slots=True, eq=False)
class _Background:
    """The scene without people.

    Attributes:
        rgb: (h, w, 3) uint8, downscaled.
        tolerance: (h, w) uint8, greatest difference in grey levels that is not foreground.
    """

    rgb: RgbArray
    tolerance: RgbArray


def _downscale(rgb: RgbArray) -> RgbArray:
    """Return a downscaled, slightly blurred copy; its longer side is at most `_WORK_PX`."""
    height, width = rgb.shape[:2]
    size = View(_WORK_PX, _WORK_PX).size_of(width, height) if max(height, width) > _WORK_PX else (width, height)
    return _u8(cv2.GaussianBlur(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), (3, 3), 0))


def _select_references(shape: tuple[int, ...], window: _Window, references: dict[int, RgbArray]) -> list[RgbArray]:
    """Select the references of a window that could be read and have the size of the current frame."""
    pictures = (references[number] for number in window.references.tolist() if number in references)
    return [picture for picture in pictures if picture.shape == shape]


def _model_background(references: list[RgbArray]) -> _Background | None:
    """Compute the background from references of one size; None if there are too few."""
    if len(references) < _FEWEST_REFERENCES:
        return None
    middle = _u8(np.median(np.stack(references), axis=0))
    stack = np.stack([_equalise_light(frame, middle) for frame in references])  # (n, h, w, 3)
    member = _select_members(stack)  # (n, h, w)
    rgb = _u8(_median(stack, member[..., None]))
    deviation = np.stack([_difference(frame, rgb) for frame in stack])
    noise = cv2.blur(1.4826 * _median(deviation, member).astype(np.float32), (5, 5))
    return _Background(rgb, _u8(np.clip(_NOISE_SIGMAS * noise, _FLICKER_LEVELS, 80)))


def _equalise_light(frame: RgbArray, model: RgbArray) -> RgbArray:
    """Scale each colour of the frame so that most pixels are as bright as in the model."""
    current, wanted = (picture[::4, ::4].reshape(-1, 3).astype(np.float32) for picture in (frame, model))
    gain = np.median((wanted + 8) / (current + 8), axis=0)
    return _u8(cv2.multiply(frame, np.array([*np.clip(gain, 0.5, 2.0), 1.0])))


def _select_members(stack: RgbArray) -> BoolArray:
    """Select the references that show the background in each tile: (n, h, w) bool, the heaviest group that agrees.

    A reference weighs more, the more of its tiles lie in large groups. A person who stands still makes a group in a few
    tiles; an empty scene agrees with other empty scenes everywhere.
    """
    agree = _compare_tiles(stack)  # (n, n, rows, columns)
    weight = (agree.mean(axis=(1, 2, 3)) ** 2).astype(np.float32)
    for _ in range(3):
        heaviest = np.einsum("j,ijrc->irc", weight, agree).argmax(axis=0)  # (rows, columns)
        member = np.take_along_axis(agree, heaviest[None, None], axis=0)[0]  # (n, rows, columns)
        weight = (member.mean(axis=(1, 2)) ** 8).astype(np.float32)
    height, width = stack.shape[1:3]
    return np.repeat(np.repeat(member, _TILE_PX, axis=1), _TILE_PX, axis=2)[:, :height, :width]


def _compare_tiles(stack: RgbArray) -> BoolArray:
    """Compare every two references in every tile: (n, n, rows, columns) bool, whether they agree."""
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
    """Return the lower median of the members at each pixel; every pixel has at least one."""
    ordered = np.sort(np.where(member, stack.astype(np.int16), 256), axis=0)
    middle = np.broadcast_to((member.sum(axis=0, keepdims=True) - 1) // 2, (1, *stack.shape[1:]))
    return _u8(np.take_along_axis(ordered, middle, axis=0)[0])


def _difference(one: RgbArray, other: RgbArray) -> RgbArray:
    """Return (h, w) uint8, the difference in grey levels of the colour that differs most."""
    red, green, blue = cv2.split(cv2.absdiff(one, other))
    return _u8(cv2.max(cv2.max(red, green), blue))


def _u8(picture: npt.ArrayLike) -> RgbArray:
    """Convert to uint8, without a copy if possible."""
    return np.asarray(picture).astype(np.uint8, copy=False)


# --------------------------------------------------------------------------- people


def _find_people(rgb: RgbArray, small: RgbArray, background: _Background | None, hog: cv2.HOGDescriptor) -> FloatArray:
    """Find people in a frame: (N, 5) float32, box in pixels of `rgb` and score, best first.

    Without a background, or if most of the picture differs from it, the people detector searches the whole frame.

    Args:
        rgb: (h, w, 3) uint8, the frame.
        small: its downscaled copy.
        background: downscaled; None if it is unknown.
        hog: OpenCV's people detector.
    """
    mask = None if background is None else _foreground(small, background)
    if mask is None or np.count_nonzero(mask) > _LOST_BACKGROUND * mask.size:
        return _suppress_overlaps(_detect_people(rgb, hog))
    scale = rgb.shape[0] / mask.shape[0]
    found = [_score_blob(rgb, blob[:4] * scale, float(blob[4]), hog) for blob in _find_blobs(mask)]
    return _suppress_overlaps(np.concatenate([np.empty((0, 5), np.float32), *found]))


def _foreground(small: RgbArray, background: _Background) -> RgbArray:
    """Return (h, w) uint8, 255 where the picture differs from its background by more than noise and shadow."""
    relit = _equalise_light(small, background.rgb)
    _, mask = cv2.threshold(_excess(relit, background), 0, 255, cv2.THRESH_BINARY)
    if not cv2.countNonZero(mask):
        return _u8(mask)
    mask[_find_shadow(relit, background.rgb)] = 0
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return _u8(cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((7, 5), np.uint8)))


def _excess(relit: RgbArray, background: _Background) -> RgbArray:
    """Return (h, w) uint8, the grey levels by which the difference exceeds the tolerance."""
    return _u8(cv2.subtract(_difference(relit, background.rgb), background.tolerance))


def _find_shadow(relit: RgbArray, background: RgbArray) -> BoolArray:
    """Return (h, w) bool, where a shadow falls on the background.

    There, the picture is darker by one smooth factor, the same in all colours.
    """
    ratio = (relit.astype(np.float32) + 4) / (background.astype(np.float32) + 4)  # (h, w, 3)
    low, high = ratio.min(axis=2), ratio.max(axis=2)
    mean = cv2.blur(low, (5, 5))
    roughness = cv2.blur(low * low, (5, 5)) - mean * mean
    return np.asarray(
        (low > _SHADOW_RATIO) & (high < 1.05) & (high - low < _SHADOW_TINT) & (roughness < _SHADOW_ROUGHNESS)
    )


def _find_blobs(mask: RgbArray) -> FloatArray:
    """Return (N, 5) float32: box and fullness (share of its box) of each blob that is large enough for a person."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    x, y, w, h, area = stats[1:].astype(np.float32).T
    fullness = area / (w * h)
    large = (h >= _LEAST_HEIGHT * mask.shape[0]) & (fullness >= _PERSON_FULLNESS[0])
    return np.asarray(np.stack([x, y, x + w, y + h, fullness], axis=1)[large])


def _score_blob(rgb: RgbArray, box: FloatArray, fullness: float, hog: cv2.HOGDescriptor) -> FloatArray:
    """Return (N, 5) float32, box and score.

    That is the blob itself if it has the shape of a person, else what the people detector finds around it.
    """
    fired = _detect_around(rgb, box, hog)
    shape = _shape_score(box, fullness)
    if shape == 0.0:
        return fired
    best = float(fired[:, 4].max()) if len(fired) else 0.0
    return np.array([[*box, max(best, shape)]], dtype=np.float32)


def _shape_score(box: FloatArray, fullness: float) -> float:
    """Return 0.25 to 0.5 for a blob that may be one person, by its aspect ratio; else 0.

    A blob that fills its box is none: legs and shoulders leave corners empty.
    """
    aspect = float((box[2] - box[0]) / (box[3] - box[1]))
    if not _PERSON_ASPECT[0] <= aspect <= _PERSON_ASPECT[1] or fullness > _PERSON_FULLNESS[1]:
        return 0.0
    return 0.5 - 0.25 * min(1.0, abs(aspect - 0.4) / 0.5)


def _detect_around(rgb: RgbArray, blob: FloatArray, hog: cv2.HOGDescriptor) -> FloatArray:
    """Run the people detector around a blob, scaled to its window: (N, 5) float32, box and score."""
    height, width = rgb.shape[:2]
    x1, y1, x2, y2 = blob.tolist()
    side = 0.2 * (y2 - y1)
    left, top = max(0, int(x1 - side)), max(0, int(y1 - side))
    crop = rgb[top : min(height, int(y2 + side)), left : min(width, int(x2 + side))]
    zoom = _HOG_PERSON_PX / (y2 - y1)
    fired = _detect_people(_u8(cv2.resize(crop, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)), hog)
    fired[:, :4] = fired[:, :4] / zoom + np.array([left, top, left, top])
    return fired


def _detect_people(rgb: RgbArray, hog: cv2.HOGDescriptor) -> FloatArray:
    """Run the people detector on a picture: (N, 5) float32, box without the margin of its window, and score."""
    if rgb.shape[0] < 128 or rgb.shape[1] < 64:
        below, right = max(0, 128 - rgb.shape[0]), max(0, 64 - rgb.shape[1])
        rgb = _u8(cv2.copyMakeBorder(rgb, 0, below, 0, right, cv2.BORDER_REPLICATE))
    rectangles, weights = hog.detectMultiScale(rgb, 0.0, (8, 8), (0, 0), 1.1, 0)
    if not len(rectangles):
        return np.empty((0, 5), dtype=np.float32)
    x, y, w, h = np.asarray(rectangles, dtype=np.float32).T
    score = 1.0 - 0.5 * np.exp(-np.asarray(weights, dtype=np.float32).ravel())
    return np.stack([x + 0.18 * w, y + 0.1 * h, x + 0.82 * w, y + 0.92 * h, score], axis=1)


def _create_hog() -> cv2.HOGDescriptor:
    """Create OpenCV's people detector."""
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector(), dtype=np.float32))
    return hog


def _suppress_overlaps(found: FloatArray) -> FloatArray:
    """Suppress boxes that overlap a better one: (M, 5), best first, ties by coordinates."""
    rest = found[np.lexsort((*found[:, 3::-1].T, -found[:, 4]))]
    best = []
    while len(rest):
        best.append(rest[0])
        rest = rest[1:][paired_iou(rest[:1, :4], rest[1:, :4]).astype(np.float32) < _OVERLAP]
    return np.stack(best) if best else found


def _to_boxes(found: FloatArray, frame: Frame, min_score: float) -> Boxes:
    """Scale boxes from the view to the upright frame, clip them, and drop those below the threshold."""
    kept = found[found[:, 4] >= min_score]
    ratio = np.array([frame.width_px / frame.rgb.shape[1], frame.height_px / frame.rgb.shape[0]] * 2, np.float32)
    limit = np.array([frame.width_px, frame.height_px] * 2, np.float32)
    xyxy = np.clip(kept[:, :4] * ratio, 0, limit).astype(np.float32)
    return Boxes(xyxy, kept[:, 4].copy(), np.zeros(len(kept), dtype=np.int64))
