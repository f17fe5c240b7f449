"""Demo footage as recorders write it: open groups, intra refresh, two sections, fields. A person walks through each.

The frames of such files cannot be decoded from any keyframe alone, or their clock starts anew.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np

from forensics.footage.frames import RgbArray
from testing.demo_clips import make_clips
from testing.painted.encode import Recipe, encode_pictures
from testing.painted.field_coded import field_coded_file, field_packets

__all__ = ["N_FRAMES", "make_recordings"]

N_FRAMES = 48
_FIRST_FRAME = 24  # the person enters
_RATE = Fraction(12)
_GROUP_FRAMES = 24
_FIELD_WIDTH_PX, _FIELD_HEIGHT_PX = 352, 288
_CLOCK_HZ = 90_000
_OPEN = {"preset": "ultrafast", "x264-params": f"open-gop=1:keyint={_GROUP_FRAMES}:bframes=3:b-adapt=0:scenecut=0"}
_REFRESH = {"preset": "ultrafast", "x264-params": f"intra-refresh=1:keyint={_GROUP_FRAMES}:bframes=0"}
_CLOSED = {"preset": "ultrafast", "bf": "2"}


def make_recordings(folder: Path) -> list[Path]:
    """Write one recording of each kind into a folder, the same 48 pictures at 12 frames/s, a keyframe every 24."""
    (source,) = make_clips(folder / "source", n_frames={"gate": _FIRST_FRAME + N_FRAMES})
    pictures = _pictures_of(source)
    return [write(folder / name, pictures) for name, write in _WRITERS.items()]


def _pictures_of(path: Path) -> list[RgbArray]:
    with av.open(str(path)) as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return decoded[_FIRST_FRAME:]


def _write(path: Path, pictures: Sequence[RgbArray], *, options: dict[str, str]) -> Path:
    """Encode the pictures, the first one at 0 s."""
    height_px, width_px = pictures[0].shape[:2]
    recipe = Recipe(
        options=options,
        container_options={"mpegts_copyts": "1"} if path.suffix == ".ts" else {},
        width_px=width_px,
        height_px=height_px,
        rate=_RATE,
        gop=_GROUP_FRAMES,
    )
    return encode_pictures(path, recipe, pictures, [number / _RATE for number in range(len(pictures))])


def _write_sections(path: Path, pictures: Sequence[RgbArray]) -> Path:
    """Join two transport streams byte by byte; the clock of each starts at 0 s."""
    middle = len(pictures) // 2
    parts = [
        _write(path.with_name(f"{path.stem}_{number}.ts.part.ts"), part, options=_CLOSED)
        for number, part in enumerate((pictures[:middle], pictures[middle:]))
    ]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()
    return path


def _write_fields(path: Path, pictures: Sequence[RgbArray]) -> Path:
    """Write field-coded H.264 without colours, both fields of a frame in one packet."""
    small = [_shrink(picture) for picture in pictures]
    packets = field_packets(len(small), _GROUP_FRAMES, small.__getitem__)
    return field_coded_file(path, packets, in_pairs=True, frame_ticks=int(_CLOCK_HZ / _RATE))


def _shrink(picture: RgbArray) -> RgbArray:
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    scaled = frame.reformat(width=_FIELD_WIDTH_PX, height=_FIELD_HEIGHT_PX, format="gray8").to_ndarray()
    return np.repeat(scaled[:, :, None], 3, axis=2)


_WRITERS: dict[str, Callable[[Path, Sequence[RgbArray]], Path]] = {
    "sections.ts": _write_sections,
    "open.mkv": partial(_write, options=_OPEN),
    "refresh.ts": partial(_write, options=_REFRESH),
    "fields.mkv": _write_fields,
}
