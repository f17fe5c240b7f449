"""What a decoder makes of damaged frames, for views that show them.

The decoder conceals what it lacks, so such a picture may show something that never was. Each group of pictures is
decoded anew by a fresh decoder: the same request gives the same pixels. A decoder may leave parts of a picture as they
were in memory that it uses again, so exactly one frame is kept at any time, whichever frames are requested.
"""

from types import TracebackType

from forensics.adapters.video.reading.group_decoder import Decoded, Groups, decode_whatever_comes
from forensics.adapters.video.reading.packet_source import PacketSource
from forensics.footage.evidence import Footage
from forensics.footage.timeline import PacketIndex

__all__ = ["DamagedPictures"]


class DamagedPictures:
    """The pictures of one damaged group, to be requested in increasing order of their numbers."""

    def __init__(self, footage: Footage, index: PacketIndex, group: Groups) -> None:
        self._source = PacketSource(footage, index, is_strict=False)
        self._pictures = decode_whatever_comes(self._source, index, group)
        self._next: Decoded | None = None

    def __enter__(self) -> "DamagedPictures":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pictures.close()
        self._source.close()

    def find(self, number: int) -> Decoded | None:
        """Return what the decoder makes of a frame; None if it returns no picture for it."""
        while self._next is None or self._next.number < number:
            self._next = next(self._pictures, None)
            if self._next is None:
                return None
        return self._next if self._next.number == number else None
