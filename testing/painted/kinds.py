"""Every kind of file that the project must read exactly or refuse, with the expected result."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import accumulate, cycle, islice
from pathlib import Path

from testing.painted.damage import (
    claim_frames_in_avi,
    cut_tail,
    duplicate_pts,
    hide_start_in_mp4,
    keep_from_middle_of_ts,
)
from testing.painted.encode import PAL, Recipe, copy, encode, skip_to_keyframe

__all__ = ["KINDS", "Kind"]

Times = tuple[Fraction, ...]

_N_FRAMES = 90
_START_S = 10
_NTSC_FILM = Fraction(24_000, 1001)
_VFR_STEPS_MS = (33, 40, 100, 21, 250)

_B_FRAMES = {"preset": "ultrafast", "bf": "2"}
_NO_B_FRAMES = {"preset": "ultrafast", "bf": "0"}
_OPEN_GOP = {
    "preset": "ultrafast",
    "x264-params": "open-gop=1:keyint=12:bframes=3:b-adapt=0:b-pyramid=none:scenecut=0",
}
_OPEN_GOP_HEVC = {
    "preset": "ultrafast",
    "x265-params": "open-gop=1:keyint=12:bframes=3:b-adapt=0:scenecut=0:pools=none:frame-threads=1:log-level=none",
}
_ABSOLUTE_TS = {"mpegts_copyts": "1"}


def _regular_times(rate: Fraction, start_s: int = 0, n_frames: int = _N_FRAMES) -> Times:
    return tuple(start_s + n / rate for n in range(n_frames))


def _varying_times(n_frames: int = _N_FRAMES) -> Times:
    steps_ms = islice(cycle(_VFR_STEPS_MS), n_frames - 1)
    return tuple(Fraction(at_ms, 1000) for at_ms in accumulate(steps_ms, initial=0))


_AT_25 = _regular_times(PAL)
_AT_25_LATE = _regular_times(PAL, _START_S)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file.

    Attributes:
        name: unique; also the stem of the file.
        holds: container, codec and special property, as text.
        build: writes the file into a folder and returns its path.
        n_frames: number of frames in the packets of the file.
        times: time of each painted number, in seconds, by number.
        is_absolute: whether `times` are on the clock of the container; otherwise row 0 of an index is number 0.
        n_missing_at_most: largest number of rows that an index may lack, if the file lost bytes.
        n_gaps: (least, most) number of frames that no reader can return.
        n_hidden: frames that an edit list hides.
        assumed_rate: for files without timestamps.
        rotation_degrees: clockwise rotation that a reader must apply.
        loss_is_stated: whether the header states more than the file holds, so that indexing detects the loss.
    """

    name: str
    holds: str
    build: Callable[[Path], Path]
    n_frames: int = _N_FRAMES
    times: Times = _AT_25
    is_absolute: bool = False
    n_missing_at_most: int = 0
    n_gaps: tuple[int, int] = (0, 0)
    n_hidden: int = 0
    assumed_rate: Fraction | None = None
    rotation_degrees: int = 0
    loss_is_stated: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether no part of the file was lost and every frame has an address."""
        return self.n_missing_at_most == 0 and self.n_gaps == (0, 0)


def _plain(name: str, holds: str, recipe: Recipe, times: Times = _AT_25, **truth: object) -> Kind:
    """Return a kind whose file is not changed after encoding; the name ends in the suffix of the file."""
    file_name = ".".join(name.rsplit("_", 1))
    build = partial(_encode_into, file_name=file_name, recipe=recipe, times=times)
    return Kind(name, holds, build, n_frames=len(times), times=times, **truth)  # type: ignore[arg-type]


def _encode_into(folder: Path, *, file_name: str, recipe: Recipe, times: Times) -> Path:
    return encode(folder / file_name, recipe, times)


def _mkv_cut(folder: Path) -> Path:
    whole = encode(folder / "mkv_cut_whole.mkv", Recipe(options=_B_FRAMES), _AT_25)
    return copy(whole, folder / "cut.mkv", choose=skip_to_keyframe(3))


def _mkv_cut_open(folder: Path) -> Path:
    whole = encode(folder / "mkv_cut_open_whole.mkv", Recipe(options=_OPEN_GOP), _AT_25)
    return copy(whole, folder / "cut_open.mkv", choose=skip_to_keyframe(3))


def _ts_whole(path: Path) -> Path:
    return encode(path, Recipe(options=_B_FRAMES, container_options=_ABSOLUTE_TS), _AT_25_LATE)


def _ts_cut(folder: Path) -> Path:
    whole = _ts_whole(folder / "ts_cut_whole.ts")
    return copy(whole, folder / "cut.ts", choose=skip_to_keyframe(3), options=_ABSOLUTE_TS)


def _ts_cut_bytes(folder: Path) -> Path:
    return keep_from_middle_of_ts(_ts_whole(folder / "cut_bytes.ts"))


def _edit_list(folder: Path) -> Path:
    whole = encode(folder / "edit_list.mp4", Recipe(options=_B_FRAMES), _AT_25)
    return hide_start_in_mp4(whole, hidden_ticks=8 * 3600)


def _lying_count(folder: Path) -> Path:
    return claim_frames_in_avi(encode(folder / "lying_count.avi", Recipe("mpeg4"), _AT_25), 9999)


def _short_mp4(folder: Path) -> Path:
    recipe = Recipe(options=_B_FRAMES, container_options={"movflags": "faststart"})
    return cut_tail(encode(folder / "short.mp4", recipe, _AT_25), 0.7)


def _short_mkv(folder: Path) -> Path:
    return cut_tail(encode(folder / "short.mkv", Recipe(options=_B_FRAMES), _AT_25), 0.7)


def _short_ts(folder: Path) -> Path:
    return cut_tail(_ts_whole(folder / "short.ts"), 0.7)


def _twin_pts(folder: Path) -> Path:
    whole = encode(folder / "twin_pts_whole.mkv", Recipe(options=_NO_B_FRAMES), _AT_25)
    return copy(whole, folder / "twin_pts.mkv", choose=duplicate_pts)


_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}
_FRAGMENTS_LATER = {"movflags": "frag_keyframe+delay_moov", "use_editlist": "1", "avoid_negative_ts": "disabled"}
_LOST_TAIL = {"n_missing_at_most": 40, "n_gaps": (0, 12)}

KINDS: tuple[Kind, ...] = (
    _plain("h264_mp4", "MP4, H.264, closed GOP, B-frames", Recipe(options=_B_FRAMES)),
    _plain("h264_no_b_mp4", "MP4, H.264, no B-frames", Recipe(options=_NO_B_FRAMES)),
    _plain("h264_open_mp4", "MP4, H.264, open GOP", Recipe(options=_OPEN_GOP)),
    _plain("h264_open_mkv", "Matroska, H.264, open GOP", Recipe(options=_OPEN_GOP)),
    _plain(
        "h264_long_gop_mp4",
        "MP4, H.264, one keyframe in 120",
        Recipe(options=_B_FRAMES, gop=250),
        _regular_times(PAL, 0, 120),
    ),
    _plain("hevc_open_mp4", "MP4, HEVC, open GOP", Recipe("libx265", _OPEN_GOP_HEVC)),
    _plain("mpeg4_avi", "AVI, MPEG-4", Recipe("mpeg4")),
    _plain("mpeg4_b_avi", "AVI, MPEG-4, B-frames", Recipe("mpeg4", {"bf": "2"})),
    _plain("mpeg4_mp4", "MP4, MPEG-4", Recipe("mpeg4")),
    _plain("mjpeg_avi", "AVI, Motion JPEG", Recipe("mjpeg", pixel_format="yuvj420p")),
    _plain("mjpeg_mov", "QuickTime, Motion JPEG", Recipe("mjpeg", pixel_format="yuvj420p")),
    _plain(
        "vp9_webm",
        "WebM, VP9, 161x97",
        Recipe("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}, width_px=161, height_px=97),
    ),
    _plain("av1_webm", "WebM, AV1", Recipe("libsvtav1", {"preset": "8", "svtav1-params": "scm=1"})),
    _plain("fragmented_mp4", "MP4, H.264, fragments", Recipe(options=_B_FRAMES, container_options=_FRAGMENTS)),
    _plain(
        "fragmented_late_mp4",
        "MP4, H.264, fragments, clock starts at 10 s",
        Recipe(options=_B_FRAMES, container_options=_FRAGMENTS_LATER),
        _AT_25_LATE,
        is_absolute=True,
    ),
    _plain("h264_mkv", "Matroska, H.264, B-frames", Recipe(options=_B_FRAMES)),
    Kind("mkv_cut", "Matroska, H.264, stream copy from keyframe 3", _mkv_cut, n_frames=54, is_absolute=True),
    Kind(
        "mkv_cut_open",
        "Matroska, H.264, open GOP, stream copy from keyframe 3",
        _mkv_cut_open,
        n_frames=57,
        is_absolute=True,
        n_missing_at_most=3,
        n_gaps=(0, 3),
    ),
    _plain("h264_avi", "AVI, H.264, no B-frames", Recipe(options=_NO_B_FRAMES)),
    _plain("h264_b_avi", "AVI, H.264, B-frames, no pts", Recipe(options=_B_FRAMES)),
    _plain(
        "h264_ts",
        "MPEG-TS, H.264, clock starts at 10 s",
        Recipe(options=_B_FRAMES, container_options=_ABSOLUTE_TS),
        _AT_25_LATE,
        is_absolute=True,
    ),
    _plain(
        "hevc_ts",
        "MPEG-TS, HEVC, open GOP",
        Recipe("libx265", _OPEN_GOP_HEVC, container_options=_ABSOLUTE_TS),
        _AT_25_LATE,
        is_absolute=True,
    ),
    Kind(
        "ts_cut",
        "MPEG-TS, H.264, stream copy from keyframe 3",
        _ts_cut,
        n_frames=54,
        times=_AT_25_LATE,
        is_absolute=True,
    ),
    Kind(
        "ts_cut_bytes",
        "MPEG-TS, H.264, first third of the bytes lost",
        _ts_cut_bytes,
        n_frames=61,
        times=_AT_25_LATE,
        is_absolute=True,
        n_missing_at_most=7,
        n_gaps=(0, 7),
    ),
    _plain("mpeg2_mpg", "MPEG-PS, MPEG-2, B-frames", Recipe("mpeg2video", {"bf": "2"})),
    _plain("raw_no_b_264", "raw H.264, no B-frames", Recipe(options=_NO_B_FRAMES, container="h264"), assumed_rate=PAL),
    _plain("raw_264", "raw H.264, B-frames", Recipe(options=_B_FRAMES, container="h264"), assumed_rate=PAL),
    _plain("raw_265", "raw HEVC, open GOP", Recipe("libx265", _OPEN_GOP_HEVC, container="hevc"), assumed_rate=PAL),
    _plain("vfr_mp4", "MP4, H.264, varying intervals", Recipe(options=_B_FRAMES), _varying_times()),
    _plain("vfr_mkv", "Matroska, H.264, varying intervals", Recipe(options=_B_FRAMES), _varying_times()),
    _plain(
        "film_mp4", "MP4, H.264, 24000/1001", Recipe(options=_B_FRAMES, rate=_NTSC_FILM), _regular_times(_NTSC_FILM)
    ),
    Kind("edit_list", "MP4, H.264, an edit list hides 8 frames", _edit_list, n_hidden=8),
    _plain(
        "turned_mp4",
        "MP4, H.264, to be turned by 90 degrees",
        Recipe(options=_B_FRAMES, rotation_degrees=90),
        rotation_degrees=90,
    ),
    _plain("odd_avi", "AVI, MPEG-4, 161x97", Recipe("mpeg4", width_px=161, height_px=97)),
    _plain(
        "odd_mp4",
        "MP4, H.264 4:4:4, 161x97",
        Recipe(options=_B_FRAMES, width_px=161, height_px=97, pixel_format="yuv444p"),
    ),
    Kind("lying_count", "AVI, MPEG-4, header claims 9999 frames", _lying_count, loss_is_stated=True),
    Kind("short_mp4", "MP4, H.264, last 30 % of the bytes lost", _short_mp4, loss_is_stated=True, **_LOST_TAIL),  # type: ignore[arg-type]
    Kind("short_mkv", "Matroska, H.264, last 30 % of the bytes lost", _short_mkv, loss_is_stated=True, **_LOST_TAIL),  # type: ignore[arg-type]
    Kind(
        "short_ts",
        "MPEG-TS, H.264, last 30 % of the bytes lost",
        _short_ts,
        times=_AT_25_LATE,
        is_absolute=True,
        **_LOST_TAIL,  # type: ignore[arg-type]
    ),
    Kind(
        "twin_pts",
        "Matroska, H.264, two frames of one pts",
        _twin_pts,
        times=(*_AT_25[:31], _AT_25[30], *_AT_25[32:]),
    ),
)
