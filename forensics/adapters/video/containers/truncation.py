"""Detection of truncated files, for containers whose demuxers do not report truncation."""

import struct
from typing import Final

from forensics.adapters.store.checked_file import open_footage, size_of_footage
from forensics.adapters.video.containers.transport_stream import find_padding, find_transport_packets
from forensics.place import Place

__all__ = ["find_truncation"]

_HEAD_BYTES: Final = 1 << 20

_ASF_FILE_PROPERTIES: Final = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_SIZE_AND_FLAGS: Final = struct.Struct("<24xQ40xI")
"""File size in bytes and flags, which follow the object's GUID."""
_ASF_BROADCAST_FLAG: Final = 1


def find_truncation(path: Place, container: str) -> str:
    """Describe what is missing at the end of the file; empty if nothing is missing or it cannot be known.

    Args:
        path: of the file.
        container: name of the demuxer.
    """
    head, n_bytes = open_footage(path).read(_HEAD_BYTES), size_of_footage(path)
    if container == "asf":
        stated = _read_asf_size(head)
        return f"the header promises {stated} bytes, {n_bytes} are there" if stated > n_bytes else ""
    if container == "mpegts":
        start, unit = find_transport_packets(head)
        left = (n_bytes - start) % unit
        padding = find_padding(path)
        if n_bytes - padding > left + unit:  # space that a recorder set aside
            return ""
        return f"the last transport packet has {left} of {unit} bytes" if left else ""
    return ""


def _read_asf_size(head: bytes) -> int:
    """Return the file size that an ASF header states; 0 if it states none, as while recording is in progress."""
    at = head.find(_ASF_FILE_PROPERTIES) + len(_ASF_FILE_PROPERTIES)
    if at < len(_ASF_FILE_PROPERTIES) or at + _ASF_SIZE_AND_FLAGS.size > len(head):
        return 0
    n_bytes, flags = _ASF_SIZE_AND_FLAGS.unpack_from(head, at)
    return 0 if flags & _ASF_BROADCAST_FLAG else int(n_bytes)
