"""Replaces the picture size in H.264 sequence headers, by which a few bytes can demand gigabytes."""

__all__ = ["replace_size"]

_SEQUENCE, _START = 7, b"\0\0\1"
_MACROBLOCK_PX = 16


def replace_size(content: bytes, *, width_px: int, height_px: int) -> bytes:
    """Return the H.264 byte stream with each sequence header replaced by one that states this size.

    The new header is truncated or padded to the length of the old one, so that no later byte moves.
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
    """Return a minimal sequence header of the baseline profile, level 6.2."""
    bits = "01100111" + f"{66:08b}" + "11000000" + f"{62:08b}"
    # id, frame numbers of 4 bits, order of type 2, one reference, no gaps
    bits += _golomb(0) + _golomb(0) + _golomb(2) + _golomb(1) + "0"
    bits += _golomb(width_px // _MACROBLOCK_PX - 1) + _golomb(height_px // _MACROBLOCK_PX - 1)
    # frames only, 8x8 inference, no cropping, no usability information, stop bit
    bits += "1" + "1" + "0" + "0" + "1"
    whole = bits.ljust(-(-len(bits) // 8) * 8, "0")
    return _escape(bytes(int(whole[place : place + 8], 2) for place in range(0, len(whole), 8)))


def _golomb(number: int) -> str:
    """Return the Exponential-Golomb code of a number.

    >>> _golomb(3)
    '00100'
    """
    code = f"{number + 1:b}"
    return "0" * (len(code) - 1) + code


def _escape(header: bytes) -> bytes:
    """Insert emulation prevention bytes, so that no header contains a start code."""
    found = bytearray()
    for byte in header:
        if byte <= 3 and found[-2:] == b"\0\0":
            found.append(3)
        found.append(byte)
    return bytes(found)
