"""Blocks of footage that lies elsewhere, kept on the local disk up to a limit, for as long as this process lives.

The file has no name, so that no copy of footage outlives the process, whatever ends it. What comes out has the digest
that was asked for, or does not come out.
"""

import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from forensics.place import BLOCK_BYTES

__all__ = ["BlockCache"]

_FEWEST_SLOTS: Final = 8


class BlockCache:
    """The blocks that were used last.

    Args:
        limit_bytes: what the file may grow to; eight blocks at least.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._n_slots = max(_FEWEST_SLOTS, limit_bytes // BLOCK_BYTES)
        self._slots = OrderedDict[bytes, tuple[int, int]]()
        self._free: Iterator[int] = iter(range(self._n_slots))
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with the process

    def __del__(self) -> None:
        self._file.close()

    def get(self, digest: bytes) -> bytes | None:
        """The block with this SHA-256; None where it is not kept, or the disk does not give it as it was."""
        kept = self._slots.get(digest)
        if kept is None:
            return None
        self._slots.move_to_end(digest)
        slot, n_bytes = kept
        try:
            self._file.seek(slot * BLOCK_BYTES)
            block = self._file.read(n_bytes)
        except OSError:
            return None
        return block if hashlib.sha256(block).digest() == digest else None

    def put(self, digest: bytes, block: bytes) -> None:
        """Keep a block, in the place of the one that was used longest ago; a full disk keeps none."""
        slot = self._slots.pop(digest, (None, 0))[0]
        if slot is None:
            slot = next(self._free, None)
        if slot is None:
            slot = self._slots.popitem(last=False)[1][0]
        try:
            self._file.seek(slot * BLOCK_BYTES)
            self._file.write(block)
        except OSError:
            pass  # what lies there now has another digest, so it never comes out
        self._slots[digest] = (slot, len(block))
