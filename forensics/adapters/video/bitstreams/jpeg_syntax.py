"""Markers of JPEG pictures in video: does a packet hold a scan of every component?

A decoder that finds no scan returns whatever its memory held before, as a whole picture.
"""

import re
from collections.abc import Iterator

__all__ = ["lacks_scan"]

_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
# Markers with a length behind them, and the end of the picture; restarts and starts of a picture are stepped over.
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd9-\xfe])", re.DOTALL)


def lacks_scan(picture: bytes) -> bool:
    """Whether a JPEG announces components of which no scan follows.

    >>> header = bytes.fromhex("ffd8 ffc0 000b 08 0008 0008 01 011100")
    >>> scan = bytes.fromhex("ffda 0008 01 0100 003f00 12")
    >>> lacks_scan(header + b"\\xff\\xd9"), lacks_scan(header + scan)
    (True, False)
    """
    announced = found = 0
    for kind, start in _segments(picture):
        if kind in _FRAME_HEADERS:
            announced = max(announced, _byte(picture, start + 7))
        if kind == _START_OF_SCAN:
            found += _byte(picture, start + 2)
            if found >= announced:
                return False
    return announced > 0


def _segments(picture: bytes) -> Iterator[tuple[int, int]]:
    """Yield kind and start of each segment, up to the end of the picture."""
    place = 0
    while marker := _MARKER.search(picture, place):
        kind, start = marker[1][0], marker.end()
        if kind == _END_OF_IMAGE:
            return
        yield kind, start
        place = start + int.from_bytes(picture[start : start + 2], "big")


def _byte(picture: bytes, place: int) -> int:
    return picture[place] if place < len(picture) else 0
