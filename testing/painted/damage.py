"""Damage to files after they were written: truncation, lost bytes, wrong headers."""

import struct
from pathlib import Path

from testing.painted.encode import Packets

__all__ = ["claim_frames_in_avi", "cut_tail", "duplicate_pts", "hide_start_in_mp4", "keep_from_middle_of_ts"]

_TS_PACKET_BYTES = 188


def cut_tail(path: Path, keep: float) -> Path:
    """Keep only the first part of the file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


def keep_from_middle_of_ts(path: Path) -> Path:
    """Drop the first third of the packets of a transport stream, in the middle of a group of pictures."""
    content = path.read_bytes()
    dropped = len(content) // _TS_PACKET_BYTES // 3 * _TS_PACKET_BYTES
    path.write_bytes(content[dropped:])
    return path


def hide_start_in_mp4(path: Path, hidden_ticks: int) -> Path:
    """Move the start of the file's only edit by some ticks of the media time scale."""
    content = bytearray(path.read_bytes())
    entry = content.index(b"elst") + len(b"elst") + 8
    (media_time,) = struct.unpack_from(">i", content, entry + 4)
    struct.pack_into(">i", content, entry + 4, media_time + hidden_ticks)
    path.write_bytes(bytes(content))
    return path


def claim_frames_in_avi(path: Path, claimed: int) -> Path:
    """Write a wrong frame count into both headers of an AVI file."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"avih") + 8 + 16, claimed)
    struct.pack_into("<I", content, content.index(b"strh") + 8 + 32, claimed)
    path.write_bytes(bytes(content))
    return path


def duplicate_pts(packets: Packets) -> Packets:
    """Give packet 31 of a clip without B-frames the pts of packet 30; dts are moved so that muxers accept them."""
    for packet in packets:
        packet.dts = packet.pts - 2 * (packets[1].pts - packets[0].pts)
    packets[31].pts = packets[30].pts
    return packets
