"""Markers of JPEG pictures in video: does a packet hold a scan of every component?

A decoder that finds no scan returns whatever its memory held before, as a whole picture.
"""

import re

__all__ = ["lacks_scan"]

_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
# Markers with a length behind them; those without one (restart, start and end of the picture) are stepped over.
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xda-\xfe])", re.DOTALL)


def lacks_scan(picture: bytes) -> bool:
    """Whether a JPEG announces components of which no scan follows.

    >>> header = bytes.fromhex("ffd8 ffc0 000b 08 0008 0008 01 011100")
    >>> scan = bytes.fromhex("ffda 0008 01 0100 003f00 12")
    >>> lacks_scan(header + b"\\xff\\xd9"), lacks_scan(header + scan)
    (True, False)
    """
    announced = found = place = 0
    while marker := _MARKER.search(picture, place):
        kind, start = marker[1][0], marker.end()
        if kind in _FRAME_HEADERS:
            announced = max(announced, _byte(picture, start + 7))
        if kind == _START_OF_SCAN:
            found += _byte(picture, start + 2)
            if found >= announced:
                return False
        place = start + int.from_bytes(picture[start : start + 2], "big")
    return announced > 0


def _byte(picture: bytes, place: int) -> int:
    return picture[place] if place < len(picture) else 0
