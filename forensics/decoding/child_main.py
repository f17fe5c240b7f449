"""Decoding child: `python -m forensics.decoding.child_main CONNECTION MEMORY CACHE`.

CONNECTION and MEMORY are file descriptors, CACHE is a number of bytes.

The child answers one request after the other and ends when the requesting side is gone. Messages are plain tuples;
their first item names their kind.
"""

import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from forensics.adapters.store.object_store import set_block_cache_limit
from forensics.decoding.frame_slots import SlotMemory
from forensics.decoding.process_usage import die_with_parent
from forensics.errors import ForensicsError
from forensics.footage.evidence import Footage, Reader
from forensics.footage.frames import Frame, FrameReader, Gap, Item, View
from forensics.footage.motion_gate import MotionGate
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.place import StoreObject

__all__ = ["main"]


def open_reader(footage: Footage, index: PacketIndex, view: View) -> FrameReader:
    """Open the footage with the reader that it names; the blocks of an object are checked against its index."""
    if isinstance(footage.path, StoreObject):
        footage = replace(footage, path=replace(footage.path, blocks=index.blocks))
    if footage.reader is Reader.STILLS:
        from forensics.adapters.stills import stills_reader

        return stills_reader.open_reader(footage, index, view)
    if footage.reader is Reader.DECORD:
        from forensics.adapters.video.reading import decord_reader

        return decord_reader.open_reader(footage, index, view)
    from forensics.adapters.video.reading import pyav_reader

    return pyav_reader.open_reader(footage, index, view)


class _Server:
    """Serves one connection; keeps the last reader open, since the next request usually needs the same one."""

    def __init__(self, connection: Connection, descriptor: int) -> None:
        self._connection = connection
        self._descriptor = descriptor
        self._index: PacketIndex | None = None
        self._reader: FrameReader | None = None
        self._opened_for: tuple[Footage, View] | None = None

    def serve(self) -> None:
        """Answer requests until the connection closes."""
        while True:
            verb, *arguments = self._connection.recv()
            try:
                answer = getattr(self, f"_do_{verb}")(*arguments)
                self._connection.send(("done", answer))
            except (BrokenPipeError, ConnectionResetError):
                raise
            except (ForensicsError, MemoryError) as error:
                self._connection.send(("error", error))
            except OSError as error:
                # a disk error is not the footage's fault; sent as a plain OSError, as subclasses may not unpickle
                self._connection.send(("error", OSError(error.errno, error.strerror or str(error))))

    def _do_call(self, function: Any, arguments: dict[str, Any]) -> Any:
        """Run a function that opens footage; a hang or crash then costs this process only."""
        return function(**arguments)

    def _do_read(
        self,
        footage: Footage,
        index: PacketIndex | None,
        view: View,
        wanted: Int64Array,
        gate: MotionGate | None,
        slots: tuple[int, int],
    ) -> None:
        """Send an item for every wanted frame.

        Args:
            footage: what to open.
            index: its packet index; None for that of the previous request.
            view: size to scale to, and whether damaged frames are shown.
            wanted: (N,) int64 frame numbers, strictly increasing.
            gate: motion gate in its state before the first wanted frame.
            slots: number of slots in the shared memory, and bytes of each.
        """
        if index is not None:
            self._index, self._opened_for = index, None
        assert self._index is not None
        if self._reader is None or self._opened_for != (footage, view):
            self._reader, self._opened_for = open_reader(footage, self._index, view), (footage, view)
        self._send_frames(self._reader.read(wanted, gate), SlotMemory(self._descriptor, *slots))

    def _send_frames(self, frames: Iterator[Item], memory: SlotMemory) -> None:
        """Send every item, the pixels through the shared memory; wait until all slots are free again."""
        free = list(range(memory.n_slots))
        for frame in frames:
            if not isinstance(frame, Frame):
                self._connection.send(("other", frame))
                continue
            if not memory.fits(frame.rgb):
                detail = f"{frame.width_px}x{frame.height_px} does not fit into {memory.slot_bytes} bytes"
                self._connection.send(("other", Gap(frame.number, "too_large", detail)))
                continue
            while not free or self._connection.poll():
                free.append(self._connection.recv())
            slot = free.pop()
            memory.put(slot, frame.rgb)
            facts = (frame.number, frame.pts, frame.width_px, frame.height_px, frame.gate_result, frame.doubt)
            self._connection.send(("frame", slot, frame.rgb.shape[:2], facts))
        while len(free) < memory.n_slots:
            free.append(self._connection.recv())


def main() -> None:
    """Serve until the requesting side closes the connection."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the requesting side decides when to end
    connection, descriptor, cache_bytes = Connection(int(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    set_block_cache_limit(cache_bytes)
    try:
        _Server(connection, descriptor).serve()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


if __name__ == "__main__":
    main()
