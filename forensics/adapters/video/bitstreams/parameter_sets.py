"""Parameter sets of H.264 and HEVC that change inside a file, where they are stated beside the pictures.

FLV and MP4 state new ones in front of a picture, and each of several joined files has its own. A decoder that starts
behind the change must know them, so a working copy holds them in every keyframe.

Source: ISO/IEC 14496-15, 5.3.3.1 (avcC) and 8.3.3.1 (hvcC).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Setup", "can_be_inserted", "insertion_for", "list_changes", "units_of"]

_LENGTH_BYTES = 4
_HEAD_BYTES: Final = {"h264": 5, "hevc": 22}
"""Of a record, up to the size of the lengths in front of units."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Parameters of the decoder from some picture on.

    Attributes:
        first_picture: number of that picture, in the order of the file.
        extradata: as the container states them.
    """

    first_picture: int
    extradata: bytes


def list_changes(codec: str, first: bytes | None, setups: Iterable[Setup]) -> tuple[Setup, ...]:
    """Return the setups that differ from the one before them, in order; only for codecs that need them.

    Args:
        codec: name of the decoder.
        first: extradata of the first picture.
        setups: in any order.
    """
    last = bytes(first or b"")
    changes = list[Setup]()
    for setup in sorted(setups, key=lambda each: each.first_picture):
        if setup.extradata != last and codec in _UNITS:
            changes.append(setup)
        last = setup.extradata
    return tuple(changes)


def can_be_inserted(codec: str, first: bytes, setups: Sequence[Setup]) -> bool:
    """Whether all parameter sets can be put into the pictures, or nothing changes.

    Args:
        codec: name of the decoder.
        first: extradata of the first picture.
        setups: the later ones.
    """
    return not setups or all(
        insertion_for(codec, extradata) for extradata in (first, *(each.extradata for each in setups))
    )


def insertion_for(codec: str, extradata: bytes) -> bytes:
    """Return the parameter sets as they stand in front of a picture; empty if lengths are not stored in four bytes.

    >>> insertion_for("h264", bytes.fromhex("01640028ff e1 0002 6764 01 0001 68")).hex()
    '0000000267640000000168'
    """
    length_bytes, units = units_of(codec, extradata)
    if length_bytes != _LENGTH_BYTES:
        return b""
    return b"".join(len(unit).to_bytes(_LENGTH_BYTES, "big") + unit for unit in units)


def units_of(codec: str, extradata: bytes) -> tuple[int, list[bytes]]:
    """Return the size of the lengths in front of units, and the parameter sets; (0, []) for anything but a record."""
    if codec not in _UNITS or extradata[:1] != b"\1" or len(extradata) <= _HEAD_BYTES[codec]:
        return 0, []
    length_bytes = (extradata[_HEAD_BYTES[codec] - 1] & 3) + 1
    try:
        return length_bytes, list(_UNITS[codec](extradata))
    except IndexError:
        return length_bytes, []


def _avc_units(extradata: bytes) -> Iterator[bytes]:
    """Yield the units of an `avcC`."""
    at = _HEAD_BYTES["h264"]
    for mask in (0x1F, 0xFF):  # sequence, then picture parameter sets
        n_units, at = extradata[at] & mask, at + 1
        for _ in range(n_units):
            unit, at = _read_unit(extradata, at)
            yield unit


def _hevc_units(extradata: bytes) -> Iterator[bytes]:
    """Yield the units of an `hvcC`."""
    at = _HEAD_BYTES["hevc"]
    n_arrays, at = extradata[at], at + 1
    for _ in range(n_arrays):
        n_units, at = int.from_bytes(extradata[at + 1 : at + 3], "big"), at + 3
        for _ in range(n_units):
            unit, at = _read_unit(extradata, at)
            yield unit


def _read_unit(extradata: bytes, at: int) -> tuple[bytes, int]:
    """Return a unit whose length stands in front of it, and where it ends.

    Raises:
        IndexError: the extradata ends inside it.
    """
    stop = at + 2 + int.from_bytes(extradata[at : at + 2], "big")
    if stop > len(extradata):
        raise IndexError
    return extradata[at + 2 : stop], stop


_UNITS: Final = {"h264": _avc_units, "hevc": _hevc_units}
"""What yields the units of an extradata, by decoder."""
