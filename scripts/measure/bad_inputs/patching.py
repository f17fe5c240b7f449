"""Overwrites fields of a file in place: boxes of MP4, elements of Matroska, fields after a mark."""

import struct

__all__ = ["find_boxes", "overwrite", "overwrite_after", "overwrite_box_field", "overwrite_element"]


def overwrite(content: bytes, at: int, value: bytes) -> bytes:
    """Return the content with `value` at this position, of the same length."""
    if not 0 <= at <= len(content) - len(value):
        raise ValueError(f"{len(value)} bytes at position {at} do not fit into {len(content)} bytes")
    return content[:at] + value + content[at + len(value) :]


def overwrite_after(content: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """Return the content with `value` written `offset` bytes after the first such mark."""
    return overwrite(content, content.index(mark) + len(mark) + offset, value)


def find_boxes(content: bytes, kind: bytes) -> list[int]:
    """Return the start of the payload of each MP4 box of this kind."""
    found, at = [], content.find(kind)
    while at >= 0:
        found.append(at + 4)
        at = content.find(kind, at + 4)
    return found


def overwrite_box_field(content: bytes, kind: bytes, offset: int, layout: str, *values: float) -> bytes:
    """Return the content with fields of the first box of this kind replaced, `offset` bytes into its payload."""
    return overwrite(content, find_boxes(content, kind)[0] + offset, struct.pack(layout, *values))


def overwrite_element(content: bytes, name: bytes, value: bytes) -> bytes:
    """Return the content with another payload, of the same length, in the first Matroska element of this name.

    The length of the element must be one byte, as for numbers.
    """
    at = content.index(name)
    length = content[at + len(name)] & 0x7F
    if length != len(value):
        raise ValueError(f"element {name.hex()} has {length} bytes, got {len(value)}")
    return overwrite(content, at + len(name) + 1, value)
