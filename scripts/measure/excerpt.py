"""Copy the first seconds of a video file without encoding it again."""

from pathlib import Path

import av

__all__ = ["excerpt"]


def excerpt(source: Path, seconds: float, folder: Path) -> Path:
    """Write the first `seconds` of the first video stream to `folder` by stream copy. Return the new file."""
    target = folder / source.name
    with av.open(str(source)) as reading, av.open(str(target), "w") as writing:
        stream = reading.streams.video[0]
        copied = writing.add_stream_from_template(stream)
        for packet in reading.demux(stream):
            if packet.dts is None or packet.dts * packet.time_base > seconds:
                continue
            packet.stream = copied
            writing.mux(packet)
    return target
