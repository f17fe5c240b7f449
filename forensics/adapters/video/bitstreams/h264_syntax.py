"""The few fields of an H.264 stream that say where decoding may start, which packets share a picture and what is lost.

A keyframe is an instantaneous decoder refresh (IDR), where decoding starts without any history, or a recovery point:
pictures are right from a stated number of frames after it on, if what follows is decoded without a break. Containers
mark both alike. A picture may be coded as two fields, in one packet or in two.

Source: ITU-T H.264 (08/2021), 7.3.1 (NAL units), 7.3.2.1.1 (sequence parameters), 7.3.3 (slice header), D.1.8
(recovery point).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["H264Syntax", "split_units"]

_SLICE, _IDR_SLICE, _SUPPLEMENT, _SEQUENCE, _PICTURE = 1, 5, 6, 7, 8
_RECOVERY_POINT = 6
# These profiles state the chroma format in their sequence parameters.
_PROFILES_WITH_CHROMA = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
# Enough for the fields read here; a slice holds the whole picture.
_SLICE_HEAD_BYTES = 32


@dataclass(frozen=True, slots=True)
class _Sequence:
    """Fields of a sequence parameter set that the slice header depends on."""

    has_fields: bool
    frame_number_bits: int
    has_color_planes: bool
    allows_gaps: bool


@dataclass(frozen=True, slots=True)
class _Slice:
    """The first fields of a slice header.

    Attributes:
        is_idr: whether it belongs to an IDR picture.
        is_reference: whether other pictures may be built on its picture.
        frame_number: counts reference pictures, modulo `n_frame_numbers`.
        n_frame_numbers: 2 to the power of the bits of the frame number.
        is_bottom: of a field, whether it is the bottom one; None for a slice of a whole frame.
        allows_gaps: whether frame numbers may be left out.
    """

    is_idr: bool
    is_reference: bool
    frame_number: int
    n_frame_numbers: int
    is_bottom: bool | None
    allows_gaps: bool


class _Bits:
    """Reads bits and Exp-Golomb codes from the payload of a NAL unit."""

    def __init__(self, payload: bytes) -> None:
        data = payload.replace(b"\0\0\3", b"\0\0")
        self._value, self._left = int.from_bytes(data, "big"), len(data) * 8

    def read(self, n_bits: int) -> int:
        """Return the next bits as an unsigned number.

        Raises:
            ValueError: there are fewer.
        """
        if n_bits > self._left:
            raise ValueError("the NAL unit is too short")
        self._left -= n_bits
        return self._value >> self._left & (1 << n_bits) - 1

    def read_code(self) -> int:
        """Return the next unsigned Exp-Golomb code.

        >>> _Bits(bytes([0b00101_000])).read_code()
        4
        """
        n_zeros = 0
        while not self.read(1):
            n_zeros += 1
        return (1 << n_zeros) - 1 + self.read(n_zeros)


def split_units(packet: bytes, length_bytes: int) -> Iterator[bytes]:
    """Yield the NAL units of a packet.

    Args:
        packet: an access unit.
        length_bytes: size of the length before each unit; 0 for start codes.

    >>> list(split_units(b"\\0\\0\\1\\x67ab\\0\\0\\0\\1\\x65cd", 0))
    [b'gab', b'ecd']
    >>> list(split_units(b"\\0\\2ab\\0\\1c", 2))
    [b'ab', b'c']
    """
    at = 0
    if length_bytes:
        while at + length_bytes < len(packet):
            start = at + length_bytes
            at = start + int.from_bytes(packet[at:start], "big")
            yield packet[start:at]
        return
    at = packet.find(b"\0\0\1")
    while at >= 0:
        end = packet.find(b"\0\0\1", at + 3)
        yield (packet[at + 3 :] if end < 0 else packet[at + 3 : end].rstrip(b"\0")) or b"\0"
        at = end


@dataclass(slots=True)
class H264Syntax:
    """Reads the packets of one stream in file order; keeps its parameter sets.

    Attributes:
        extradata: of the container: an `avcC` record, or start codes; may be empty.
        has_fields: whether pictures may be coded as two fields, by the parameter sets so far.
    """

    extradata: bytes
    has_fields: bool = field(init=False, default=False)
    _length_bytes: int = field(init=False, default=0)
    _sequences: dict[int, _Sequence] = field(init=False, default_factory=dict)
    _sequence_of_picture: dict[int, int] = field(init=False, default_factory=dict)
    _open_field: _Slice | None = field(init=False, default=None)
    _last_reference: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.extradata[:1] == b"\1" and len(self.extradata) > 6:
            self._length_bytes = (self.extradata[4] & 3) + 1
            units = _split_record(self.extradata)
        else:
            units = split_units(self.extradata, 0)
        for unit in units:
            self._keep_parameters(unit)

    def recovery_frames(self, packet: bytes) -> int:
        """Return how many frames after a keyframe pictures are right, if decoding starts there.

        Returns:
            -1 for an IDR picture, before which nothing is needed; 0 for a keyframe that says nothing about it. The
            parameter sets of the packet are kept.
        """
        n_frames = None
        for unit in self._units(packet):
            kind = unit[0] & 31
            if kind in (_SLICE, _IDR_SLICE):
                return -1 if kind == _IDR_SLICE else n_frames or 0
            if kind == _SUPPLEMENT and n_frames is None:
                n_frames = _find_recovery_frames(unit)
            self._keep_parameters(unit)
        return 0

    def is_second_field(self, packet: bytes) -> bool:
        """Whether the packet holds only the second field of the picture that the packet before it began."""
        fields = [found for found in self._slices(packet) if found.is_bottom is not None]
        if not fields or len({each.is_bottom for each in fields}) == 2:
            self._open_field = None
            return False
        first, self._open_field = self._open_field, fields[0]
        if first is None or first.is_bottom == fields[0].is_bottom or first.frame_number != fields[0].frame_number:
            return False
        self._open_field = None
        return True

    def follows_a_loss(self, packet: bytes) -> bool:
        """Whether a reference picture is missing between the packet before and this one: its frame number skips."""
        first = next(self._slices(packet), None)
        if first is None:
            return False
        last, number = self._last_reference, first.frame_number
        if first.is_reference:
            self._last_reference = number
        if last is None or first.is_idr or first.allows_gaps or number <= 1:  # numbers may also start anew in a stream
            return False
        return number not in (last, (last + 1) % first.n_frame_numbers)

    def _units(self, packet: bytes) -> Iterator[bytes]:
        """Yield the NAL units of a packet that are not empty; some files have start codes where lengths belong."""
        length_bytes = 0 if packet[:4] == b"\0\0\0\1" else self._length_bytes
        return (unit for unit in split_units(packet, length_bytes) if unit)

    def _keep_parameters(self, unit: bytes) -> None:
        """Keep a parameter set; ignore one that cannot be read."""
        try:
            if unit[:1] and unit[0] & 31 == _SEQUENCE:
                number, sequence = _parse_sequence(unit)
                self._sequences[number] = sequence
                self.has_fields = self.has_fields or sequence.has_fields
            elif unit[:1] and unit[0] & 31 == _PICTURE:
                bits = _Bits(unit[1:_SLICE_HEAD_BYTES])
                picture, sequence_number = bits.read_code(), bits.read_code()
                self._sequence_of_picture[picture] = sequence_number
        except ValueError:
            return

    def _slices(self, packet: bytes) -> Iterator[_Slice]:
        """Yield the slices of a packet; keep its parameter sets."""
        for unit in self._units(packet):
            if unit[0] & 31 in (_SLICE, _IDR_SLICE):
                found = self._parse_slice(unit)
                if found is not None:
                    yield found
            else:
                self._keep_parameters(unit)

    def _parse_slice(self, unit: bytes) -> _Slice | None:
        """Return the first fields of a slice; None if they cannot be read."""
        try:
            bits = _Bits(unit[1:_SLICE_HEAD_BYTES])
            bits.read_code(), bits.read_code()
            sequence = self._sequences.get(self._sequence_of_picture.get(bits.read_code(), -1))
            if sequence is None:
                return None
            bits.read(2 * sequence.has_color_planes)
            number = bits.read(sequence.frame_number_bits)
            is_bottom = bool(bits.read(1)) if sequence.has_fields and bits.read(1) else None
        except ValueError:
            return None
        is_idr, n_numbers = unit[0] & 31 == _IDR_SLICE, 1 << sequence.frame_number_bits
        return _Slice(is_idr, bool(unit[0] & 0x60), number, n_numbers, is_bottom, sequence.allows_gaps)


def _split_record(record: bytes) -> Iterator[bytes]:
    """Yield the parameter sets of an `avcC` record."""
    at, n_sets = 6, record[5] & 31
    for _ in range(2):
        for _ in range(n_sets):
            n_bytes = int.from_bytes(record[at : at + 2], "big")
            yield record[at + 2 : at + 2 + n_bytes]
            at += 2 + n_bytes
        n_sets, at = (record[at] if at < len(record) else 0), at + 1


def _parse_sequence(unit: bytes) -> tuple[int, _Sequence]:
    """Return number and fields of a sequence parameter set.

    Raises:
        ValueError: it is too short.
    """
    bits = _Bits(unit[1:])
    profile = bits.read(8)
    bits.read(16)
    number, has_color_planes = bits.read_code(), False
    if profile in _PROFILES_WITH_CHROMA:
        if bits.read_code() == 3:
            has_color_planes = bool(bits.read(1))
        bits.read_code(), bits.read_code(), bits.read(1)
        if bits.read(1):
            _skip_scaling_lists(bits, 8 if not has_color_planes else 12)
    frame_number_bits = bits.read_code() + 4
    _skip_picture_order(bits)
    bits.read_code()
    allows_gaps = bool(bits.read(1))
    bits.read_code(), bits.read_code()
    return number, _Sequence(not bits.read(1), frame_number_bits, has_color_planes, allows_gaps)


def _skip_scaling_lists(bits: _Bits, n_lists: int) -> None:
    for number in range(n_lists):
        if bits.read(1):
            last = following = 8
            for _ in range(16 if number < 6 else 64):
                if following:
                    following = (last + _signed(bits.read_code())) % 256
                last = following or last


def _skip_picture_order(bits: _Bits) -> None:
    kind = bits.read_code()
    if kind == 0:
        bits.read_code()
    elif kind == 1:
        bits.read(1)
        bits.read_code(), bits.read_code()
        for _ in range(bits.read_code()):
            bits.read_code()


def _signed(code: int) -> int:
    """Return the signed value of an Exp-Golomb code.

    >>> [_signed(code) for code in range(5)]
    [0, 1, -1, 2, -2]
    """
    return (code + 1) // 2 if code % 2 else -(code // 2)


def _find_recovery_frames(unit: bytes) -> int | None:
    """Return the frame count of a recovery point message; None if the unit holds none."""
    at = 1
    while at + 2 <= len(unit):
        sizes = []
        for _ in range(2):
            value = 0
            while at < len(unit) and unit[at] == 0xFF:
                value, at = value + 255, at + 1
            sizes.append(value + (unit[at] if at < len(unit) else 0))
            at += 1
        kind, n_bytes = sizes
        if kind == _RECOVERY_POINT:
            try:
                return _Bits(unit[at : at + n_bytes]).read_code()
            except ValueError:
                return None
        at += n_bytes
    return None
