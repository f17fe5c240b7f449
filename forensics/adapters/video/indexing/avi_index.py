"""The index of an AVI, which decides where a seek goes and how pictures are counted from there.

If it contradicts the chunks of the file, as behind lost bytes, a seek ends at another picture than it says.
"""

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from forensics.adapters.video.indexing.pyav_packets import Packets

__all__ = ["list_chunks", "read_own_index"]

_CHUNK_HEADER_BYTES = 8


def read_own_index(container: InputContainer, stream: VideoStream) -> list[tuple[int, int, int]] | None:
    """Return position, time in ticks and size of each picture, as the index of an AVI has them; None for other files.

    Args:
        container: opened just now: demuxing adds to the index.
        stream: of the container.
    """
    if container.format.name != "avi":
        return None
    return [
        (entry.pos + _CHUNK_HEADER_BYTES, entry.timestamp, entry.size) for entry in stream.index_entries if entry.size
    ]


def list_chunks(packets: Packets) -> list[tuple[int, int, int]]:
    """Return position, time in ticks and size of each picture, as they are in the file."""
    dts = np.full(len(packets), -1) if packets.dts is None else packets.dts
    return list(zip(packets.position.tolist(), dts.tolist(), packets.size.tolist(), strict=True))
