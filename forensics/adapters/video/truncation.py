"""Whether a file is shorter than it should be, for containers whose demuxers keep that to themselves."""

import struct
from typing import Final

from forensics.adapters.store.checked_file import footage_file, size_of_footage
from forensics.place import Place

__all__ = ["find_truncation"]

_HEAD_BYTES: Final = 1 << 20

_ASF_FILE_PROPERTIES: Final = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_AFTER_ITS_NAME: Final = struct.Struct("<24xQ40xI")
"""Bytes of the whole file, and flags."""
_IS_BROADCAST: Final = 1

_SYNC: Final = 0x47
_UNITS_BYTES: Final = {188: 0, 192: 4, 204: 0}
"""Sizes of a transport packet with what recorders add to it, and where in it the sync byte stands."""
_N_SYNCS: Final = 5


def find_truncation(path: Place, container: str) -> str:
    """What is missing at the end of the file, in words; empty where nothing is, or nothing can be known.

    Args:
        path: of the file.
        container: as the demuxer is called.
    """
    head, n_bytes = footage_file(path).read(_HEAD_BYTES), size_of_footage(path)
    if container == "asf":
        stated = _stated_by_asf(head)
        return f"the header promises {stated} bytes, {n_bytes} are there" if stated > n_bytes else ""
    if container == "mpegts":
        start, unit = _units_of(head)
        left = (n_bytes - start) % unit
        return f"the last transport packet has {left} of {unit} bytes" if left else ""
    return ""


def _stated_by_asf(head: bytes) -> int:
    """0 where the header does not say, as while a recorder still writes."""
    at = head.find(_ASF_FILE_PROPERTIES) + len(_ASF_FILE_PROPERTIES)
    if at < len(_ASF_FILE_PROPERTIES) or at + _AFTER_ITS_NAME.size > len(head):
        return 0
    n_bytes, flags = _AFTER_ITS_NAME.unpack_from(head, at)
    return 0 if flags & _IS_BROADCAST else int(n_bytes)


def _units_of(head: bytes) -> tuple[int, int]:
    """Where the first whole transport packet begins, and bytes of each; (0, 1) where they cannot be told.

    >>> _units_of(bytes(7) + (b"G" + bytes(187)) * 6)
    (7, 188)
    >>> _units_of(bytes(40))
    (0, 1)
    """
    for start in range(max(_UNITS_BYTES)):
        for unit, sync in _UNITS_BYTES.items():
            marks = head[start + sync : start + sync + _N_SYNCS * unit : unit]
            if len(marks) == _N_SYNCS and set(marks) == {_SYNC}:
                return start, unit
    return 0, 1
