"""Count of the pages of a TIFF, by its chain of directories alone."""

import struct
from dataclasses import dataclass
from typing import IO

__all__ = ["count_tiff_pages"]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Formats, without byte order, of a directory.

    Attributes:
        first: offset of the first directory, in the head of the file.
        count: number of entries.
        following: offset of the next directory.
        n_entry_bytes: bytes of an entry.
    """

    first: str
    count: str
    following: str
    n_entry_bytes: int


_CLASSIC, _BIG = _Layout("4xI", "H", "I", 12), _Layout("8xQ", "Q", "Q", 20)
_BIG_VERSION = 43
# No picture is that large, and disks refuse to seek much further.
_END = 1 << 40


def count_tiff_pages(stream: IO[bytes], most: int) -> int:
    """Count the pages up to `most`; a damaged directory, or one that was counted before, ends the count.

    Pillow goes back to the first page for each one, and unpacks a member of a ZIP from its beginning each time.
    """
    pages: set[int] = set()
    try:
        stream.seek(0)
        head = stream.read(16).ljust(16, b"\0")
        order = "<" if head.startswith(b"II") else ">"
        layout = _BIG if struct.unpack(f"{order}H", head[2:4])[0] == _BIG_VERSION else _CLASSIC
        (offset,) = struct.unpack_from(order + layout.first, head)
        while 0 < offset < _END and offset not in pages and len(pages) < most:
            following = _next_directory(stream, offset, order, layout)
            pages.add(offset)
            offset = following
    except (struct.error, OverflowError, ValueError):
        pass
    return max(1, len(pages))


def _next_directory(stream: IO[bytes], offset: int, order: str, layout: _Layout) -> int:
    """Return the offset of the directory behind this one; 0 behind the last."""
    count, following = struct.Struct(order + layout.count), struct.Struct(order + layout.following)
    stream.seek(offset)
    (n_entries,) = count.unpack(stream.read(count.size))
    stream.seek(offset + count.size + n_entries * layout.n_entry_bytes)
    (found,) = following.unpack(stream.read(following.size))
    return int(found)
