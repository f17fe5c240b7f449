"""Detection of files to whose end another file was joined byte by byte, and of which a demuxer reads the first only.

Cameras split a recording into chapters, and people join them with `cat`. Transport streams, program streams, Matroska
and fragmented MP4 can be read on; MP4, QuickTime, FLV and ASF cannot, and their demuxers end without an error.
"""

from typing import Final

from forensics.adapters.store.checked_file import open_footage, size_of_footage
from forensics.adapters.video.containers.mov_header import MOV, find_boxes
from forensics.adapters.video.containers.transport_stream import find_later_video
from forensics.place import Place

__all__ = ["describe_joined", "describe_later_video", "find_joined"]

_HEADS: Final = {"flv": b"FLV\x01", "asf": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")}
"""First bytes of a file, by demuxer."""
_SEARCHED_BYTES: Final = 1 << 20


def describe_later_video(path: Place, stream_id: int, end: int) -> str:
    """Describe a video with another identifier that begins where the one that is read ends; empty without one.

    Args:
        path: of a transport stream.
        stream_id: packet identifier of the video that is read.
        end: byte offset of its last picture.
    """
    found = find_later_video(path, stream_id, end)
    if found is None:
        return ""
    n_bytes = size_of_footage(path) - found[1]
    return (
        f"from byte {found[1]} on the video has another identifier ({found[0]}, before: {stream_id}) and is not read; "
        f"write that part to a file of its own (tail -c {n_bytes}) and ingest it, too"
    )


def find_joined(path: Place, container: str, end: int) -> int | None:
    """Return the byte offset of another file behind the first one; None if all was read.

    Args:
        path: of the file.
        container: name of the demuxer.
        end: byte offset behind the last packet that was read.
    """
    return _find_second_box(path, end) if container == MOV else _find_head(path, _HEADS.get(container), end)


def describe_joined(path: Place, start: int) -> str:
    """Describe the file that is joined to the first one at this byte offset."""
    n_bytes = size_of_footage(path) - start
    return (
        f"another file is joined to its end: {n_bytes} bytes from byte {start} on are not read; "
        f"write them to a file of their own (tail -c {n_bytes}) and ingest it, too"
    )


def _find_second_box(path: Place, end: int) -> int | None:
    """Return the offset of a second `ftyp` box behind the last packet."""
    starts = [box.start for box in find_boxes(path) if box.kind == b"ftyp"]
    return next((start for start in starts[1:] if start >= end), None)


def _find_head(path: Place, head: bytes | None, end: int) -> int | None:
    """Return the offset of a second file head soon behind the last packet."""
    if head is None:
        return None
    file = open_footage(path)
    file.seek(end)
    found = file.read(_SEARCHED_BYTES).find(head)
    return None if found < 0 else end + found
