"""Changing fields of a file where they stand: boxes of MP4, elements of Matroska, fields behind a mark."""

import struct

__all__ = ["after", "box_field", "boxes", "element", "put"]


def put(content: bytes, at: int, value: bytes) -> bytes:
    """The content with `value` written over what stands at this place."""
    if not 0 <= at <= len(content) - len(value):
        raise ValueError(f"there is no place {at} for {len(value)} bytes in {len(content)}")
    return content[:at] + value + content[at + len(value) :]


def after(content: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """The content with `value` written `offset` bytes behind the first such mark."""
    return put(content, content.index(mark) + len(mark) + offset, value)


def boxes(content: bytes, kind: bytes) -> list[int]:
    """Where the payload of each MP4 box of this kind begins."""
    found, at = [], content.find(kind)
    while at >= 0:
        found.append(at + 4)
        at = content.find(kind, at + 4)
    return found


def box_field(content: bytes, kind: bytes, offset: int, form: str, *values: float) -> bytes:
    """The content with fields of the first box of this kind replaced, `offset` bytes into its payload."""
    return put(content, boxes(content, kind)[0] + offset, struct.pack(form, *values))


def element(content: bytes, name: bytes, value: bytes) -> bytes:
    """The content with the payload of the first Matroska element of this name replaced by one as long.

    The element's length must be one byte, as it is of numbers.
    """
    at = content.index(name)
    length = content[at + len(name)] & 0x7F
    if length != len(value):
        raise ValueError(f"element {name.hex()} holds {length} bytes, not {len(value)}")
    return put(content, at + len(name) + 1, value)
