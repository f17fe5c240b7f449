"""H.264 whose pictures are coded as two fields (PAFF), written bit by bit because no encoder at hand makes it.

Every field is a picture of raw (I_PCM) macroblocks. The first field of every group is an IDR picture, all others are P
pictures. The two fields of a frame show the same number in the same place, and a bar whose place differs from frame to
frame in the second field only, so that a field of another frame is noticed.

Source: ITU-T H.264 (08/2021), 7.3.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from forensics.footage.frames import RgbArray
from testing.painted.encode import REPEATABLE
from testing.painted.picture import paint

__all__ = ["BAR_ROWS", "field_coded_file", "field_coded_stream", "field_packets", "field_picture"]

WIDTH_PX, HEIGHT_PX = 160, 96
# Rows of the second field with a bar at a place that depends on the number.
BAR_ROWS = slice(1, 9, 2)
_MACROBLOCK_PX, _BAR_PX = 16, 40
_GREY = bytes([128]) * 128
_CLOCK_HZ = 90_000


class _BitWriter:
    """Collects bits and Exp-Golomb codes."""

    def __init__(self) -> None:
        self._bits: list[int] = []

    def write(self, n_bits: int, value: int) -> "_BitWriter":
        self._bits += [value >> place & 1 for place in range(n_bits - 1, -1, -1)]
        return self

    def code(self, *values: int) -> "_BitWriter":
        for value in values:
            n_bits = (value + 1).bit_length()
            self.write(n_bits - 1, 0).write(n_bits, value + 1)
        return self

    def align(self, first: int = 0) -> "_BitWriter":
        self._bits += [first, *[0] * 7][: -len(self._bits) % 8 or (8 if first else 0)]
        return self

    def to_bytes(self) -> bytes:
        return bytes(np.packbits(np.array(self._bits, dtype=np.uint8)))


def field_picture(number: int) -> RgbArray:
    """Return the whole picture of a number, (HEIGHT_PX, WIDTH_PX, 3) uint8."""
    picture = paint(number, WIDTH_PX, HEIGHT_PX).copy()
    left = number * 8 % (WIDTH_PX - _BAR_PX)
    picture[BAR_ROWS] = 32
    picture[BAR_ROWS, left : left + _BAR_PX] = 224
    return picture


def field_packets(
    n_frames: int, group: int = 10, picture: Callable[[int], RgbArray] = field_picture
) -> list[tuple[bytes, bool]]:
    """Return the packets of a stream in the order of decoding, one field each, and whether each is a keyframe.

    Args:
        n_frames: number of frames, of two fields each.
        group: frames between keyframes.
        picture: returns the picture of a frame; its width is a multiple of 16, its height of 32. Colours are left out.
    """
    return [packet for number in range(n_frames) for packet in _fields_of(picture(number)[..., 0], number % group)]


def field_coded_stream(path: Path, n_frames: int) -> Path:
    """Write a raw stream and return its path."""
    path.write_bytes(b"".join(data for data, _ in field_packets(n_frames)))
    return path


def field_coded_file(path: Path, packets: list[tuple[bytes, bool]], *, in_pairs: bool, frame_ticks: int = 3600) -> Path:
    """Write the packets of a stream into a container and return its path.

    Args:
        path: its suffix chooses the container.
        packets: see `field_packets`.
        in_pairs: whether both fields of a frame are put into one packet.
        frame_ticks: of a clock of 90 kHz, from frame to frame.
    """
    raw = path.with_suffix(".264")
    raw.write_bytes(b"".join(data for data, _ in packets))
    fields = zip(packets[::2], packets[1::2], strict=True)
    chosen = [(first + second, is_key) for (first, is_key), (second, _) in fields] if in_pairs else packets
    step = frame_ticks if in_pairs else frame_ticks // 2
    with av.open(str(raw)) as source, av.open(str(path), "w", options=REPEATABLE) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.time_base = Fraction(1, _CLOCK_HZ)
        for number, (data, is_key) in enumerate(chosen):
            packet = av.Packet(data)
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, _CLOCK_HZ), is_key
            packet.pts = packet.dts = number * step
            packet.duration = step
            target.mux(packet)
    raw.unlink()
    return path


def _fields_of(luma: np.ndarray, place: int) -> Iterator[tuple[bytes, bool]]:
    """Yield the two fields of a frame at this place of its group; `luma` is (height_px, width_px) uint8."""
    sequence = _unit(3, 7, _sequence_parameters(*luma.shape))
    parameters = sequence + _unit(3, 8, _picture_parameters()) if place == 0 else b""
    yield parameters + _field(luma[::2], place, is_idr=place == 0, is_bottom=False), place == 0
    yield _field(luma[1::2], place, is_idr=False, is_bottom=True), False


def _sequence_parameters(height_px: int, width_px: int) -> bytes:
    """Main profile, level 3, fields allowed, no direct 8x8 inference off; picture order by decoding order."""
    bits = _BitWriter().write(8, 77).write(8, 0).write(8, 30).code(0, 4, 2, 1).write(1, 0)
    bits.code(width_px // 16 - 1, height_px // 32 - 1).write(1, 0).write(1, 0).write(1, 1).write(1, 0).write(1, 0)
    return bits.align(1).to_bytes()


def _picture_parameters() -> bytes:
    bits = _BitWriter().code(0, 0).write(2, 0).code(0, 0, 0).write(3, 0).code(0, 0, 0).write(3, 0b100)
    return bits.align(1).to_bytes()


def _field(luma: np.ndarray, place: int, *, is_idr: bool, is_bottom: bool) -> bytes:
    """Return the slice of one field, with raw macroblocks."""
    bits = _BitWriter().code(0, 7 if is_idr else 5, 0).write(8, place).write(1, 1).write(1, is_bottom)
    bits = bits.code(0).write(2, 0) if is_idr else bits.write(3, 0)
    bits.code(0, 1)
    payload = b""
    for top in range(0, luma.shape[0], _MACROBLOCK_PX):
        for left in range(0, luma.shape[1], _MACROBLOCK_PX):
            bits = bits.code(25) if is_idr else bits.code(0, 30)
            block = luma[top : top + _MACROBLOCK_PX, left : left + _MACROBLOCK_PX]
            payload += bits.align().to_bytes() + np.clip(block, 1, 254).astype(np.uint8).tobytes() + _GREY
            bits = _BitWriter()
    return _unit(3 if is_idr or not is_bottom else 2, 5 if is_idr else 1, payload + b"\x80")


def _unit(importance: int, kind: int, payload: bytes) -> bytes:
    """Return a NAL unit with its start code; three-byte patterns of start codes are escaped."""
    escaped, n_zeros = bytearray(), 0
    for byte in payload:
        if n_zeros >= 2 and byte <= 3:
            escaped.append(3)
            n_zeros = 0
        escaped.append(byte)
        n_zeros = n_zeros + 1 if byte == 0 else 0
    return b"\0\0\0\1" + bytes([importance << 5 | kind]) + bytes(escaped)
