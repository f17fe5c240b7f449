"""Slots of pixels in memory shared by two processes: a file without a name, so no crash leaves one on the disk."""

import mmap
import os
import tempfile

import numpy as np

from forensics.footage.frames import RgbArray
from forensics.temporary import temporary_folder

__all__ = ["SlotMemory", "create_shared_file"]


def create_shared_file() -> int:
    """Return a descriptor of a new, empty file without a name, in memory; containers often have little /dev/shm.

    Raises:
        CannotStart: the system has no such files, and its temporary folder cannot be written.
    """
    if hasattr(os, "memfd_create"):
        return os.memfd_create("forensics")
    with tempfile.TemporaryFile(dir=temporary_folder()) as file:
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
