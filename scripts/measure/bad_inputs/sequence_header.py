"""H.264 sequence headers that state another size: the one field by which a few bytes can ask for gigabytes."""

__all__ = ["with_size"]

_SEQUENCE, _START = 7, b"\0\0\1"
_MACROBLOCK_PX = 16


def with_size(content: bytes, *, width_px: int, height_px: int) -> bytes:
    """The same H.264 byte stream, each of its sequence headers replaced by one of this size and as many bytes.

    What does not fit into the header's bytes is cut off; what is left over is filled, so that no byte behind moves.
    """
    at = content.find(_START)
    while at >= 0:
        start = at + len(_START)
        if start < len(content) and content[start] & 0x1F == _SEQUENCE:
            stop = content.find(_START, start)
            stop = stop - 1 if content[stop - 1] == 0 else stop
            header = _header(width_px, height_px)[: stop - start].ljust(stop - start, b"\x80")
            content = content[:start] + header + content[stop:]
        at = content.find(_START, start)
    return content


def _header(width_px: int, height_px: int) -> bytes:
    """A sequence header of the baseline profile, level 6.2, without any extra."""
    bits = "01100111" + f"{66:08b}" + "11000000" + f"{62:08b}"
    # id, frame numbers of 4 bits, order of type 2, one reference, no gaps
    bits += _golomb(0) + _golomb(0) + _golomb(2) + _golomb(1) + "0"
    bits += _golomb(width_px // _MACROBLOCK_PX - 1) + _golomb(height_px // _MACROBLOCK_PX - 1)
    # frames only, 8x8 inference, no cropping, no usability information, stop bit
    bits += "1" + "1" + "0" + "0" + "1"
    whole = bits.ljust(-(-len(bits) // 8) * 8, "0")
    return _escaped(bytes(int(whole[place : place + 8], 2) for place in range(0, len(whole), 8)))


def _golomb(number: int) -> str:
    """Exponential-Golomb code.

    >>> _golomb(3)
    '00100'
    """
    code = f"{number + 1:b}"
    return "0" * (len(code) - 1) + code


def _escaped(header: bytes) -> bytes:
    """With the byte that keeps a header from looking like a start."""
    found = bytearray()
    for byte in header:
        if byte <= 3 and found[-2:] == b"\0\0":
            found.append(3)
        found.append(byte)
    return bytes(found)
