"""Slots of pixels in memory shared by two processes: an unlinked file, so no crash leaves one on the disk."""

import mmap
import os
import tempfile
from pathlib import Path

import numpy as np

from forensics.footage.frames import RgbArray

__all__ = ["SlotMemory", "create_shared_file"]

_RAM_FOLDER = Path("/dev/shm")


def create_shared_file() -> int:
    """Return a descriptor of a new, unlinked, empty file, in memory if the machine has /dev/shm."""
    folder = _RAM_FOLDER if os.access(_RAM_FOLDER, os.W_OK) else None
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.dup(file.fileno())


class SlotMemory:
    """A file divided into slots of equal size and mapped into this process.

    Args:
        descriptor: of the file; it is extended if it is too short.
        n_slots: how many pictures it holds.
        slot_bytes: size of each slot.
    """

    def __init__(self, descriptor: int, n_slots: int, slot_bytes: int) -> None:
        self.n_slots = n_slots
        self.slot_bytes = slot_bytes
        size = n_slots * slot_bytes
        if os.fstat(descriptor).st_size < size:
            os.truncate(descriptor, size)
        self._map = mmap.mmap(descriptor, size)
        self._pixels = np.frombuffer(self._map, dtype=np.uint8).reshape(n_slots, slot_bytes)

    def fits(self, rgb: RgbArray) -> bool:
        """Whether one slot can hold this picture."""
        return rgb.nbytes <= self.slot_bytes

    def put(self, slot: int, rgb: RgbArray) -> None:
        """Copy a picture, (h, w, 3) uint8, into a slot."""
        np.copyto(self._pixels[slot, : rgb.nbytes].reshape(rgb.shape), rgb)

    def picture(self, slot: int, height: int, width: int) -> RgbArray:
        """Return the picture in a slot, (height, width, 3) uint8, as a view of the shared memory."""
        return self._pixels[slot, : height * width * 3].reshape(height, width, 3)
