"""Cache of footage blocks on the local disk, limited in size, for the lifetime of this process.

The file has no name, so no copy of the footage remains after the process ends, however it ends. A block is returned
only if its digest is the one asked for.
"""

import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from forensics.place import BLOCK_BYTES
from forensics.temporary import temporary_folder

__all__ = ["BlockCache"]

_MIN_SLOTS: Final = 8


class BlockCache:
    """The most recently used blocks.

    Args:
        limit_bytes: largest size of the file; at least eight blocks are kept.

    Raises:
        CannotStart: the temporary folder cannot be written.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._n_slots = max(_MIN_SLOTS, limit_bytes // BLOCK_BYTES)
        self._slots = OrderedDict[bytes, tuple[int, int]]()
        self._free: Iterator[int] = iter(range(self._n_slots))
        self._file = tempfile.TemporaryFile(buffering=0, dir=temporary_folder())  # noqa: SIM115 - closed with the process

    def __del__(self) -> None:
        self._file.close()

    def get(self, digest: bytes) -> bytes | None:
        """Return the block with this SHA-256; None if it is not cached, or the disk fails or returns other bytes."""
        entry = self._slots.get(digest)
        if entry is None:
            return None
        self._slots.move_to_end(digest)
        slot, n_bytes = entry
        try:
            self._file.seek(slot * BLOCK_BYTES)
            block = self._file.read(n_bytes)
        except OSError:
            return None
        return block if hashlib.sha256(block).digest() == digest else None

    def put(self, digest: bytes, block: bytes) -> None:
        """Store a block in place of the least recently used one; on a full disk it is not stored."""
        slot = self._slots.pop(digest, (None, 0))[0]
        if slot is None:
            slot = next(self._free, None)
        if slot is None:
            slot = self._slots.popitem(last=False)[1][0]
        try:
            self._file.seek(slot * BLOCK_BYTES)
            self._file.write(block)
        except OSError:
            pass  # `get` compares digests, so the bytes now in this slot are never returned
        self._slots[digest] = (slot, len(block))
