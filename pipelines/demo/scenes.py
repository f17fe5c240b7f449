"""Paints the two backgrounds of the demo: a brick wall with an iron gate, and a corridor with a door."""

import numpy as np
import numpy.typing as npt

from forensics.footage.frames import RgbArray

__all__ = ["paint_gate", "paint_hall"]

_Picture = npt.NDArray[np.float32]
_Colour = tuple[float, float, float]

_OVERSAMPLING = 2  # painted larger and scaled down, for smooth edges


def paint_gate(width_px: int, height_px: int) -> RgbArray:
    """Paint the outdoor background, bricks above and slabs below: (h, w, 3) uint8."""
    canvas = _canvas(width_px, height_px)
    floor_top = round(0.52 * len(canvas))
    canvas[:floor_top] = _bricks(floor_top, canvas.shape[1])
    canvas[floor_top:] = _slabs(canvas[floor_top:].shape[:2], light=(152, 148, 140), dark=(138, 134, 127))
    _box(canvas, (0.0, 0.495, 1.0, 0.525), (112, 106, 98))
    _iron_gate(canvas)
    _lamp(canvas)
    return _finish(canvas, "GATE", seed=1)


def paint_hall(width_px: int, height_px: int) -> RgbArray:
    """Paint the indoor background: a wall with door, notice board and extinguisher, a chequered floor.

    Returns:
        (h, w, 3) uint8.
    """
    canvas = _canvas(width_px, height_px)
    floor_top = round(0.55 * len(canvas))
    canvas[:floor_top] = (150, 166, 172)
    _box(canvas, (0.0, 0.33, 1.0, 0.55), (104, 124, 134))
    _box(canvas, (0.0, 0.325, 1.0, 0.337), (196, 200, 198))
    canvas[floor_top:] = _slabs(canvas[floor_top:].shape[:2], light=(186, 176, 158), dark=(146, 134, 118))
    _box(canvas, (0.0, 0.535, 1.0, 0.558), (66, 72, 76))
    _door(canvas)
    _notice_board(canvas)
    _extinguisher(canvas)
    return _finish(canvas, "HALL", seed=2)


def _canvas(width_px: int, height_px: int) -> _Picture:
    return np.zeros((height_px * _OVERSAMPLING, width_px * _OVERSAMPLING, 3), dtype=np.float32)


def _box(canvas: _Picture, place: tuple[float, float, float, float], colour: _Colour) -> None:
    """Fill a rectangle; x1, y1, x2, y2 are shares of the picture."""
    height, width = canvas.shape[:2]
    x1, y1, x2, y2 = place
    canvas[round(y1 * height) : round(y2 * height), round(x1 * width) : round(x2 * width)] = colour


def _bricks(height: int, width: int) -> _Picture:
    """Paint rows of slightly different bricks with pale joints: (height, width, 3)."""
    random = np.random.default_rng(11)
    brick_h, brick_w, joint = 26, 76, 3
    rows, columns = np.mgrid[0:height, 0:width]
    row = rows // brick_h
    shifted = columns + (row % 2) * (brick_w // 2)
    column = shifted // brick_w
    tone = random.normal(1.0, 0.09, (row.max() + 1, column.max() + 1))[row, column]
    wall = tone[..., None] * np.array([136, 84, 68], dtype=np.float32)
    joints = (rows % brick_h < joint) | (shifted % brick_w < joint)
    wall[joints] = (146, 132, 120)
    return np.asarray(wall, dtype=np.float32)


def _slabs(size: tuple[int, int], *, light: _Colour, dark: _Colour) -> _Picture:
    """Paint a chequered floor in perspective with dark joints, darker towards the back: (h, w, 3)."""
    height, width = size
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    depth = 1.0 / (rows / height + 0.42)
    across = (columns / width - 0.5) * depth * 7.0
    along = depth * 5.5
    even = (np.floor(across) + np.floor(along)) % 2 == 0
    floor = np.where(even[..., None], np.array(light, np.float32), np.array(dark, np.float32))
    joint = (np.abs(across - np.round(across)) < 0.018 * depth) | (np.abs(along - np.round(along)) < 0.02 * depth)
    floor[joint] *= 0.78
    return np.asarray(floor * (0.86 + 0.2 * rows / height)[..., None], dtype=np.float32)


def _iron_gate(canvas: _Picture) -> None:
    """Paint a dark opening with stone posts, bars and three rails."""
    _box(canvas, (0.60, 0.06, 0.90, 0.52), (158, 150, 138))
    _box(canvas, (0.63, 0.10, 0.87, 0.52), (52, 62, 58))
    _box(canvas, (0.63, 0.38, 0.87, 0.52), (70, 78, 66))
    for place in np.linspace(0.645, 0.855, 11).tolist():
        _box(canvas, (place - 0.003, 0.10, place + 0.003, 0.52), (26, 28, 32))
    for place in (0.16, 0.31, 0.46):
        _box(canvas, (0.63, place, 0.87, place + 0.014), (26, 28, 32))


def _lamp(canvas: _Picture) -> None:
    """Paint a wall lamp and its light on the bricks."""
    height, width = canvas.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    near = np.exp(-(((columns / width - 0.3) / 0.16) ** 2 + ((rows / height - 0.16) / 0.2) ** 2))
    canvas *= 1 + 0.35 * near[..., None]
    _box(canvas, (0.285, 0.09, 0.315, 0.10), (40, 40, 42))
    _box(canvas, (0.289, 0.10, 0.311, 0.15), (236, 222, 178))
    _box(canvas, (0.285, 0.15, 0.315, 0.158), (40, 40, 42))


def _door(canvas: _Picture) -> None:
    _box(canvas, (0.12, 0.045, 0.335, 0.55), (206, 204, 196))
    _box(canvas, (0.137, 0.068, 0.318, 0.55), (112, 78, 54))
    for top, bottom in ((0.11, 0.27), (0.32, 0.50)):
        _box(canvas, (0.160, top, 0.295, bottom), (96, 65, 44))
        _box(canvas, (0.165, top + 0.008, 0.290, bottom - 0.008), (120, 85, 60))
    _box(canvas, (0.300, 0.285, 0.312, 0.300), (206, 190, 140))


def _notice_board(canvas: _Picture) -> None:
    _box(canvas, (0.52, 0.07, 0.78, 0.27), (92, 72, 50))
    _box(canvas, (0.528, 0.08, 0.772, 0.26), (172, 142, 102))
    for x, y, colour in (
        (0.545, 0.10, (232, 230, 222)),
        (0.605, 0.095, (214, 224, 206)),
        (0.665, 0.11, (236, 222, 176)),
        (0.72, 0.10, (206, 216, 232)),
    ):
        _box(canvas, (x, y, x + 0.042, y + 0.085), colour)
        for line in range(5):
            _box(canvas, (x + 0.006, y + 0.014 + 0.013 * line, x + 0.034, y + 0.018 + 0.013 * line), (120, 120, 122))


def _extinguisher(canvas: _Picture) -> None:
    _box(canvas, (0.895, 0.30, 0.925, 0.44), (168, 36, 32))
    _box(canvas, (0.902, 0.28, 0.918, 0.30), (34, 34, 36))
    _box(canvas, (0.898, 0.34, 0.922, 0.37), (226, 220, 210))


def _finish(canvas: _Picture, label: str, *, seed: int) -> RgbArray:
    """Return the canvas as a camera shows it: stains, vignette, slight blur, the camera's name in a corner."""
    import cv2

    height, width = canvas.shape[:2]
    random = np.random.default_rng(seed)
    stains = cv2.resize(
        random.normal(0, 1, (18, 24)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    grain = cv2.GaussianBlur(random.normal(0, 1, (height, width)).astype(np.float32), (5, 5), 0)
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    vignette = 1 - 0.22 * (rows**2 + columns**2) / 2
    lit = canvas * ((1 + 0.018 * np.asarray(stains) + 0.03 * np.asarray(grain)) * vignette)[..., None]
    small = cv2.resize(lit, (width // _OVERSAMPLING, height // _OVERSAMPLING), interpolation=cv2.INTER_AREA)
    picture = np.clip(cv2.GaussianBlur(small, (3, 3), 0), 0, 255).astype(np.uint8)
    for colour, thickness in (((20, 20, 20), 3), ((235, 235, 235), 1)):
        cv2.putText(picture, label, (14, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.55, colour, thickness, cv2.LINE_AA)
    return np.asarray(picture, dtype=np.uint8)
