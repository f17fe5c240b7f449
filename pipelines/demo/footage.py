"""Generates the demo's footage: people from a sample picture walk past two cameras with painted backgrounds.

Nothing is downloaded and nobody is filmed: the people are cut out of the street picture in the installed package
ultralytics. The same people pass ``gate`` and, half a minute later, ``hall``, in known frames. The same machine and
libraries make the same bytes every time.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from forensics.errors import CannotStart
from forensics.footage.frames import RgbArray
from pipelines.demo.scenes import paint_gate, paint_hall

__all__ = ["DemoRecording", "DemoScene", "Walk", "demo_scenes", "make_footage"]

_FPS = 12
_WIDTH, _HEIGHT = 640, 480
_PX_PER_SECOND = 100
_PHASES = 12  # of one step cycle
_STEP_FRAMES = 12
_NOISE_LEVELS = 1.3

_FloatPicture = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Walk:
    """One person walking past one camera.

    Attributes:
        person: clothing of the person; the same text at every camera.
        first_frame, last_frame: first and last frame with at least half of the person in the picture.
    """

    person: str
    first_frame: int
    last_frame: int


@dataclass(frozen=True, slots=True)
class DemoRecording:
    """A video file and its ground truth.

    Attributes:
        path: the MP4 file.
        camera_id: id of the camera.
        start_utc: time of the first frame, ISO 8601.
        clock_error_ms: largest error of that time, in either direction.
        n_people: number of people; each passes once.
        n_frames: number of frames.
        truth: every walk, in order of time.
    """

    path: Path
    camera_id: str
    start_utc: str
    clock_error_ms: int
    n_people: int
    n_frames: int
    truth: tuple[Walk, ...]


@dataclass(frozen=True, slots=True)
class _PlannedWalk:
    """Parameters of one walk: start time, direction, height of the feet in the picture, and size of the person."""

    person: str
    start_s: float
    rightward: bool
    feet_px: int
    tall_px: int

    def centre_px(self, frame: int) -> float:
        """Return the x coordinate of the person's centre; it starts and ends well outside the picture."""
        distance = (frame / _FPS - self.start_s) * _PX_PER_SECOND - self.tall_px / 2
        return distance if self.rightward else _WIDTH - distance


@dataclass(frozen=True, slots=True, eq=False)
class DemoScene:
    """One camera: its clock, its background and the walks past it.

    Attributes:
        camera_id: id of the camera.
        start_utc: time of the first frame, ISO 8601.
        clock_error_ms: largest error of that time, in either direction.
        n_frames: number of frames.
        backdrop: (h, w, 3) uint8, picture without people.
        walks: people who pass, in order of time.
    """

    camera_id: str
    start_utc: str
    clock_error_ms: int
    n_frames: int
    backdrop: RgbArray
    walks: tuple[_PlannedWalk, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Sprite:
    """A cut-out person: (h, w, 3) uint8 colours and (h, w) float32 opacity."""

    rgb: RgbArray
    opacity: _FloatPicture


def make_footage(folder: Path, scenes: Sequence[DemoScene] | None = None) -> list[DemoRecording]:
    """Write one video file per camera into `folder`; a file that already has the same bytes is left as it is.

    Args:
        folder: created if it does not exist.
        scenes: what each camera sees; None takes `demo_scenes`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    people = _people()
    wanted = demo_scenes() if scenes is None else scenes
    return [_make_clip(scene, people, folder / f"{scene.camera_id}.mp4") for scene in wanted]


def demo_scenes() -> tuple[DemoScene, ...]:
    """Return the scenes of the demo: the same three people pass ``gate``, then ``hall``."""
    gate = (
        _PlannedWalk("pale coat", 2.0, True, 432, 268),
        _PlannedWalk("dark coat", 12.5, False, 412, 246),
        _PlannedWalk("green coat", 21.0, True, 446, 282),
    )
    hall = (
        _PlannedWalk("pale coat", 3.0, False, 440, 276),
        _PlannedWalk("dark coat", 12.0, True, 452, 290),
        _PlannedWalk("green coat", 22.0, False, 424, 258),
    )
    return (
        DemoScene("gate", "2026-03-02T08:00:00Z", 500, 31 * _FPS, paint_gate(_WIDTH, _HEIGHT), gate),
        DemoScene("hall", "2026-03-02T08:00:30Z", 500, 32 * _FPS, paint_hall(_WIDTH, _HEIGHT), hall),
    )


def _make_clip(scene: DemoScene, people: dict[str, _Sprite], path: Path) -> DemoRecording:
    fresh = path.with_suffix(".mp4.part")
    _encode(_frames(scene, people), fresh)
    if path.is_file() and path.read_bytes() == fresh.read_bytes():
        fresh.unlink()
    else:
        fresh.replace(path)
    truth = tuple(_visible_walk(walk, scene.n_frames) for walk in scene.walks)
    return DemoRecording(
        path, scene.camera_id, scene.start_utc, scene.clock_error_ms, len(truth), scene.n_frames, truth
    )


def _visible_walk(walk: _PlannedWalk, n_frames: int) -> Walk:
    """Return the frames of a walk in which at least half of the person is in the picture."""
    inside = [frame for frame in range(n_frames) if 0 <= walk.centre_px(frame) < _WIDTH]
    return Walk(walk.person, inside[0], inside[-1])


# --------------------------------------------------------------------------- frames


def _frames(scene: DemoScene, people: dict[str, _Sprite]) -> Iterator[RgbArray]:
    """Yield every frame of a scene: background, people, sensor noise."""
    import cv2

    steps = {walk: _steps(people[walk.person], walk) for walk in scene.walks}
    noise = _noise()
    for frame in range(scene.n_frames):
        picture = scene.backdrop.copy()
        for walk in scene.walks:
            _place(picture, steps[walk][frame * _PHASES // _STEP_FRAMES % _PHASES], walk, frame)
        brighter, darker = noise[frame * 7 % len(noise)]
        yield np.asarray(cv2.subtract(cv2.add(picture, brighter), darker), dtype=np.uint8)


def _noise() -> list[tuple[RgbArray, RgbArray]]:
    """Return fields of grey sensor noise, each as levels to add and levels to subtract."""
    random = np.random.default_rng(20260302)
    fields = random.normal(0, _NOISE_LEVELS, (8, _HEIGHT, _WIDTH, 1)).round().repeat(3, axis=3)
    return [(np.maximum(field, 0).astype(np.uint8), np.maximum(-field, 0).astype(np.uint8)) for field in fields]


def _place(picture: RgbArray, sprite: _Sprite, walk: _PlannedWalk, frame: int) -> None:
    """Draw the visible part of a person and their shadow into the picture."""
    height, width = sprite.opacity.shape
    centre = round(walk.centre_px(frame))
    if not -width < centre < _WIDTH + width:
        return
    bob = round(2.5 * abs(np.sin(np.pi * frame / _STEP_FRAMES * 2)))
    _shade(picture, centre, walk.feet_px - 4, walk.tall_px)
    left, top = centre - width // 2, walk.feet_px - height - bob
    x1, x2, y1, y2 = max(0, left), min(_WIDTH, left + width), max(0, top), min(_HEIGHT, top + height)
    if x1 >= x2 or y1 >= y2:
        return
    part = np.s_[y1 - top : y2 - top, x1 - left : x2 - left]
    opacity = sprite.opacity[part][..., None]
    picture[y1:y2, x1:x2] = picture[y1:y2, x1:x2] * (1 - opacity) + sprite.rgb[part] * opacity


def _shade(picture: RgbArray, x: int, y: int, tall_px: int) -> None:
    """Draw a soft shadow on the floor under a person."""
    rx, ry = 0.22 * tall_px, 0.035 * tall_px
    top, bottom = max(0, int(y - 3 * ry)), min(_HEIGHT, int(y + 3 * ry))
    left, right = max(0, int(x - 2 * rx)), min(_WIDTH, int(x + 2 * rx))
    if left >= right:
        return
    rows, columns = np.mgrid[top:bottom, left:right]
    depth = 0.45 * np.exp(-(((columns - x) / rx) ** 2 + ((rows - y) / ry) ** 2))
    picture[top:bottom, left:right] = picture[top:bottom, left:right] * (1 - depth[..., None])


def _steps(sprite: _Sprite, walk: _PlannedWalk) -> list[_Sprite]:
    """Return the person, scaled and facing the direction of the walk, in every phase of a step."""
    import cv2

    scale = walk.tall_px / sprite.opacity.shape[0]
    size = round(sprite.opacity.shape[1] * scale), walk.tall_px
    rgb = cv2.resize(sprite.rgb, size, interpolation=cv2.INTER_AREA)
    opacity = cv2.resize(sprite.opacity, size, interpolation=cv2.INTER_AREA)
    if not walk.rightward:
        rgb, opacity = cv2.flip(rgb, 1), cv2.flip(opacity, 1)
    return [_stride(rgb, opacity, phase / _PHASES) for phase in range(_PHASES)]


def _stride(rgb: Any, opacity: Any, phase: float) -> _Sprite:
    """Return the person in one phase of a step: rows below the hip are squeezed towards the middle."""
    import cv2

    height, width = opacity.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    below_hip = np.clip(rows / height - 0.58, 0, None) / 0.42
    squeeze = 1 + 0.55 * below_hip * np.sin(np.pi * phase) ** 2
    middle = width / 2
    sources = (middle + (columns - middle) * squeeze).astype(np.float32), rows
    colours = cv2.remap(rgb, *sources, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    opacities = cv2.remap(opacity, *sources, cv2.INTER_LINEAR)
    return _Sprite(np.asarray(colours, dtype=np.uint8), np.asarray(opacities, dtype=np.float32))


# --------------------------------------------------------------------------- people

# Outlines of two people in the sample picture, drawn by hand: x,y of each corner in pixels.
_PALE_COAT = """
108,403 120,400 137,401 152,405 157,413 155,422 155,433 154,450 150,462 148,467 163,478 175,497 183,507 183,520
187,532 197,545 201,557 201,577 195,588 182,598 179,603 183,620 187,640 191,667 193,687 192,691 179,692 178,700
183,720 187,750 188,773 195,803 199,827 202,843 203,852 217,863 237,875 242,882 240,887 220,894 197,897 177,897
176,877 178,863 177,855 170,837 162,807 155,780 147,753 137,727 126,707 118,718 114,740 108,767 95,785 90,817
86,840 85,852 90,865 102,880 107,890 105,898 90,898 63,890 53,882 53,873 57,860 59,847 62,823 66,803 76,787
79,777 75,750 73,720 73,700 60,695 61,683 60,657 62,623 63,590 64,580 61,570 60,553 63,537 62,517 63,497 72,485
90,470 97,460 100,448 103,440 104,427 105,413
"""
_DARK_COAT = """
263,428 265,417 273,409 285,407 297,410 303,420 305,432 308,442 305,450 306,457 301,472 303,477 315,482 325,487
332,498 336,515 341,532 343,545 341,557 332,566 321,565 322,577 327,598 330,625 335,662 338,688 335,692 338,702
339,715 333,730 320,742 302,762 285,778 284,783 287,792 293,803 298,815 293,819 283,815 278,807 278,818 283,825
287,835 292,850 291,858 278,858 262,853 255,845 258,828 258,820 253,815 253,802 248,772 244,742 242,703 224,699
227,678 232,648 238,615 238,592 237,568 239,545 240,517 248,498 258,488 275,475 274,460 268,453 265,443
"""


def _people() -> dict[str, _Sprite]:
    """Return the people by their clothing."""
    street = _load_street()
    pale, dark = _cut_out(street, _PALE_COAT), _cut_out(street, _DARK_COAT)
    return {"pale coat": pale, "dark coat": dark, "green coat": _dye_coat(pale)}


def _load_street() -> RgbArray:
    """Load the sample picture, RGB, without importing its package, which would take seconds."""
    import cv2

    package = importlib.util.find_spec("ultralytics")
    path = Path(package.origin or "").parent / "assets" / "bus.jpg" if package else Path("bus.jpg")
    picture = cv2.imread(str(path)) if path.is_file() else None
    if picture is None:
        raise CannotStart(
            "the demo needs this picture, which is part of the package ultralytics",
            "install it: pip install ultralytics",
            path,
        )
    return np.asarray(picture[..., ::-1], dtype=np.uint8)


def _cut_out(picture: RgbArray, outline: str) -> _Sprite:
    """Cut out the inside of an outline, with soft edges."""
    import cv2

    corners = np.array([[int(n) for n in corner.split(",")] for corner in outline.split()], dtype=np.int32)
    left, top = corners.min(axis=0) - 2
    right, bottom = corners.max(axis=0) + 3
    mask = np.zeros((bottom - top, right - left), dtype=np.uint8)
    cv2.fillPoly(mask, [corners - [left, top]], 255, cv2.LINE_AA)
    soft = cv2.GaussianBlur(cv2.erode(mask, np.ones((2, 2), np.uint8)), (5, 5), 0)
    return _Sprite(picture[top:bottom, left:right].copy(), np.asarray(soft / 255, dtype=np.float32))


def _dye_coat(sprite: _Sprite) -> _Sprite:
    """Return a third person: the same one with the pale coat dyed green."""
    import cv2

    height = sprite.opacity.shape[0]
    rows = np.arange(height)[:, None] / height
    red, blue = (sprite.rgb[..., channel].astype(np.int16) for channel in (0, 2))
    coat = ((rows > 0.13) & (rows < 0.61) & (red + 25 > blue) & (red < 2 * blue + 20)).astype(np.float32)
    share = np.asarray(cv2.GaussianBlur(coat, (5, 5), 0))[..., None]
    dyed = sprite.rgb * np.array([0.30, 0.52, 0.36], dtype=np.float32)
    return _Sprite((sprite.rgb * (1 - share) + dyed * share).astype(np.uint8), sprite.opacity)


# --------------------------------------------------------------------------- file


def _encode(frames: Iterator[RgbArray], path: Path) -> None:
    """Write H.264 with one thread; with more, the bytes would depend on the machine."""
    import av

    options = {"preset": "veryfast", "crf": "22", "x264-params": "threads=1:lookahead-threads=1:sliced-threads=0"}
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(_FPS), options=options)
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        stream.gop_size, stream.thread_count = 2 * _FPS, 1
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
