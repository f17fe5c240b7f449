"""Parameters of the decoder that stand in the pictures themselves: can a new decoder start at this keyframe?

A new decoder knows the parameters that the container states, or that the first pictures hold. Encoders repeat them in
each keyframe; where they do not, and other ones were stated in between, decoding starts at an earlier keyframe.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from forensics.adapters.video.bitstreams.h264_syntax import split_units
from forensics.adapters.video.bitstreams.parameter_sets import units_of

__all__ = ["START_BYTES", "InbandSetup"]

_H264_SETS = frozenset({7, 8})
_HEVC_SETS = frozenset({32, 33, 34})
# A sequence header with extensions and matrices, up to the group or picture; a video object layer, up to the picture.
_MPEG_HEADER = re.compile(rb"\x00\x00\x01\xb3.*?(?=\x00\x00\x01[\x00\xb8])", re.DOTALL)
_MPEG4_HEADER = re.compile(rb"\x00\x00\x01[\x20-\x2f].*?(?=\x00\x00\x01[\xb2\xb3\xb6])", re.DOTALL)
_HEADERS = {"mpeg1video": _MPEG_HEADER, "mpeg2video": _MPEG_HEADER, "mpeg4": _MPEG4_HEADER}
START_BYTES = 32
"""First bytes of a picture that tell whether it begins with parameters, also behind a delimiter."""


@dataclass(slots=True)
class InbandSetup:
    """Reads the pictures of one stream in file order.

    Attributes:
        codec: name of the decoder.
        extradata: as the container states it; may be empty.
        is_known: whether pictures of this codec may hold parameters that a later one does not repeat.
    """

    codec: str
    extradata: bytes
    is_known: bool = field(init=False)
    _length_bytes: int = field(init=False, default=0)
    _first: dict[int, bytes] = field(init=False, default_factory=dict)
    _current: dict[int, bytes] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.is_known = self.codec in ("h264", "hevc", *_HEADERS)
        self._length_bytes, units = units_of(self.codec, self.extradata)
        found = self._group(units) if units else self._read(self.extradata)
        self._first |= found
        self._current |= found

    def may_state(self, start: bytes) -> bool:
        """Whether a picture that is no keyframe begins with parameters; `start` are its first bytes."""
        return any(self._kind(unit) in self._kinds() for unit in self._split(start))

    def add(self, picture: bytes) -> bool:
        """Read a picture; return whether a new decoder that starts here has the parameters that hold for it."""
        found = self._read(picture)
        for kind, sets in found.items():
            self._first.setdefault(kind, sets)
        self._current |= found
        return all(kind in found or sets == self._first[kind] for kind, sets in self._current.items())

    def _read(self, data: bytes) -> dict[int, bytes]:
        """Return the parameters in some bytes, by their kind."""
        if self.codec in _HEADERS:
            header = _HEADERS[self.codec].search(data + b"\0\0\1\0" if self.codec != "mpeg4" else data + b"\0\0\1\xb6")
            return {0: header[0]} if header else {}
        if not self.is_known:
            return {}
        return self._group(self._split(data))

    def _split(self, data: bytes) -> Iterator[bytes]:
        """Yield the units of some bytes; some files have start codes where lengths belong."""
        length_bytes = 0 if data[:4] == b"\0\0\0\1" else self._length_bytes
        return (unit for unit in split_units(data, length_bytes) if unit)

    def _group(self, units: Iterable[bytes]) -> dict[int, bytes]:
        """Return the parameter sets among some units, those of a kind together."""
        found = defaultdict[int, bytes](bytes)
        for unit in units:
            if (kind := self._kind(unit)) in self._kinds():
                found[kind] += len(unit).to_bytes(4, "big") + unit
        return dict(found)

    def _kinds(self) -> frozenset[int]:
        return {"h264": _H264_SETS, "hevc": _HEVC_SETS}.get(self.codec, frozenset())

    def _kind(self, unit: bytes) -> int:
        return unit[0] & 31 if self.codec == "h264" else unit[0] >> 1 & 63
