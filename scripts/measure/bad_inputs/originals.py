"""Intact painted files that bad files are made from, one for each container and codec."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from testing.painted import KINDS, Kind
from testing.painted.encode import Recipe, encode

__all__ = ["ORIGINALS", "PAIRS", "Workshop"]

_N_FRAMES = 48
_RATE = Fraction(25)
_TIMES = tuple(number / _RATE for number in range(_N_FRAMES))
_NO_B = {"preset": "ultrafast", "bf": "0"}
_VP8 = {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "0"}


def _kind(name: str, holds: str, recipe: Recipe) -> Kind:
    build = partial(_build, file_name=".".join(name.rsplit("_", 1)), recipe=recipe)
    return Kind(name, holds, build, n_frames=_N_FRAMES, times=_TIMES)


def _build(folder: Path, *, file_name: str, recipe: Recipe) -> Path:
    return encode(folder / file_name, recipe, _TIMES)


_FURTHER = (
    _kind("h264_flv", "FLV, H.264", Recipe(options=_NO_B)),
    _kind("h264_mov", "QuickTime, H.264", Recipe(options=_NO_B)),
    _kind("mpeg2_mxf", "MXF, MPEG-2", Recipe("mpeg2video", {"bf": "0"}, width_px=176, height_px=144)),
    _kind("vp8_ivf", "IVF, VP8", Recipe("libvpx", _VP8)),
    _kind("wmv2_asf", "ASF, WMV 2", Recipe("wmv2")),
    _kind("mpeg4_nut", "NUT, MPEG-4", Recipe("mpeg4")),
    _kind("h264_no_b_ts", "MPEG-TS, H.264, no B-frames", Recipe(options=_NO_B)),
    _kind("h264_no_b_mkv", "Matroska, H.264, no B-frames", Recipe(options=_NO_B)),
    _kind("gif_gif", "GIF", Recipe("gif", pixel_format="rgb8")),
    _kind("png_mov", "QuickTime, PNG", Recipe("png", pixel_format="rgb24")),
    _kind("ffv1_mkv", "Matroska, FFV1", Recipe("ffv1")),
    _kind("mjpeg_mkv", "Matroska, Motion JPEG", Recipe("mjpeg", pixel_format="yuvj420p")),
)

ORIGINALS: dict[str, Kind] = {kind.name: kind for kind in (*KINDS, *_FURTHER)}

# Each container and codec once, and variants that are another kind of file.
PAIRS = (
    *("h264_mp4", "h264_open_mp4", "hevc_open_mp4", "mpeg4_mp4", "fragmented_mp4", "h264_mov", "mjpeg_mov", "png_mov"),
    *("h264_mkv", "ffv1_mkv", "mjpeg_mkv", "vp9_webm", "av1_webm"),
    *("h264_avi", "mpeg4_avi", "mpeg4_b_avi", "mjpeg_avi"),
    *("h264_ts", "hevc_ts", "mpeg2_mpg", "h264_flv", "mpeg2_mxf", "vp8_ivf", "wmv2_asf", "mpeg4_nut"),
    *("raw_264", "raw_265", "gif_gif"),
)


@dataclass(frozen=True, slots=True)
class Workshop:
    """Folders in which one bad file is made.

    Attributes:
        originals: intact files, each built on first use; several processes may share them.
        folder: of this bad file only, initially empty.
        elsewhere: files that are not given to the job.
    """

    originals: Path
    folder: Path
    elsewhere: Path

    def original(self, name: str) -> bytes:
        """Return the bytes of an intact file of this kind."""
        return self.original_path(name).read_bytes()

    def original_path(self, name: str) -> Path:
        """Return the path of an intact file of this kind, which must not be changed."""
        return self.built(name, ORIGINALS[name].build)

    def built(self, name: str, build: Callable[[Path], Path]) -> Path:
        """Return the file that `build` writes into a folder; it is built once for all processes."""
        place = self.originals / name
        if not place.exists():
            self.originals.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=self.originals, prefix=".") as folder:
                _move_into_place(build(Path(folder)), place)
        (found,) = place.iterdir()
        return found

    def write(self, name: str, content: bytes) -> Path:
        """Write a file of this name and content, and return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


def _move_into_place(file: Path, place: Path) -> None:
    """Make `place` a folder with this file, unless another process was faster."""
    alone = file.with_name(f"{file.name}.alone")
    alone.mkdir()
    file.replace(alone / file.name)
    try:
        alone.replace(place)
    except OSError:
        if not place.exists():
            raise
