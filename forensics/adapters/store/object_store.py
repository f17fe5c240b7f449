"""Footage in an S3-compatible store, through fsspec: fetched in blocks, each of which must be what was ingested.

Endpoint and credentials come from the environment, as every S3 client takes them; see docs/admin.md. A block that has
another digest than at ingest is never handed on. Whatever the network does is no fault of the footage.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from forensics.adapters.store.block_cache import BlockCache
from forensics.errors import CannotStart, DecoderLost, UnreadableFootage
from forensics.place import BLOCK_BYTES, StoreObject

__all__ = ["ObjectFile", "digest_object", "keep_blocks", "objects_below", "size_of_object"]

_DIGEST_BYTES: Final = 32
_BLOCKS_A_FETCH: Final = 16
_BLOCKS_AT_HAND: Final = 4
_MISREAD: Final = ("?versionId=",)
_limit_bytes = 64 << 20


def keep_blocks(limit_bytes: int) -> None:
    """From now on this process keeps so many bytes of blocks on its disk, and forgets those that it has."""
    global _limit_bytes  # noqa: PLW0603 - one cache for the process, as it has one disk
    _limit_bytes = limit_bytes
    _kept.cache_clear()


@cache
def _kept() -> BlockCache:
    return BlockCache(_limit_bytes)


class ObjectFile:
    """What a demuxer asks of a file it reads, as of a `FootageFile`.

    Attributes:
        name: inert, of the form that local footage has.
        size_bytes: of the object.

    Raises:
        UnreadableFootage: there is no such object, or these credentials may not read it.
        DecoderLost: the store cannot be reached, or holds other bytes than those that were ingested.
    """

    def __init__(self, place: StoreObject) -> None:
        self.name = f"file:/{place.name}"
        self.size_bytes = size_of_object(place)
        self._place, self._offset, self._has_failed = place, 0, False
        self._at_hand: dict[int, bytes] = {}
        if len(place.blocks) != _DIGEST_BYTES * -(-self.size_bytes // BLOCK_BYTES):
            raise _altered(place, f"it has {self.size_bytes} bytes")

    def read(self, n_bytes: int) -> bytes:
        """So many bytes, fewer at the end of the object; none after a failure.

        Raises:
            DecoderLost: the store does not give them, or gives others.
        """
        wanted = min(n_bytes, self.size_bytes - self._offset)
        found = bytearray()
        while len(found) < wanted and not self._has_failed:
            number, start = divmod(self._offset, BLOCK_BYTES)
            part = self._block(number)[start : start + wanted - len(found)]
            found += part
            self._offset += len(part)
        return bytes(found)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go there; returns the place, or -1 where none can be."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._offset, os.SEEK_END: self.size_bytes}.get(whence)
        if base is None or base + offset < 0:
            return -1
        self._offset = base + offset
        return self._offset

    def tell(self) -> int:
        """Bytes from the start of the object."""
        return self._offset

    def _block(self, number: int) -> bytes:
        if number not in self._at_hand:
            try:
                block = _checked_block(self._place, number, self.size_bytes)
            except DecoderLost:
                self._has_failed = True
                raise
            self._at_hand[number] = block
            if len(self._at_hand) > _BLOCKS_AT_HAND:
                del self._at_hand[next(iter(self._at_hand))]
        return self._at_hand[number]


def _checked_block(place: StoreObject, number: int, size_bytes: int) -> bytes:
    digest = place.blocks[number * _DIGEST_BYTES : (number + 1) * _DIGEST_BYTES]
    block = _kept().get(digest)
    if block is None:
        start, stop = number * BLOCK_BYTES, min((number + 1) * BLOCK_BYTES, size_bytes)
        block = _fetched(place, start, stop)
        if hashlib.sha256(block).digest() != digest:
            raise _altered(place, f"its bytes {start} to {stop - 1} are others")
        _kept().put(digest, block)
    return block


def _altered(place: StoreObject, how: str) -> DecoderLost:
    return DecoderLost(place, "altered", f"not what was ingested: {how}")


def digest_object(path: StoreObject) -> tuple[str, int, bytes]:
    """SHA-256 and bytes of an object, and the SHA-256 of each of its blocks, all from one pass.

    Raises:
        UnreadableFootage: it is missing, may not be read, or is empty.
        DecoderLost: the store cannot be reached, or the object changed meanwhile.
    """
    whole, blocks, before = hashlib.sha256(), bytearray(), _mark(path)
    size_bytes = int(before["size"])
    if not size_bytes:
        raise UnreadableFootage(path, "empty", "the object has no bytes")
    for start in range(0, size_bytes, _BLOCKS_A_FETCH * BLOCK_BYTES):
        fetched = _fetched(path, start, min(start + _BLOCKS_A_FETCH * BLOCK_BYTES, size_bytes))
        whole.update(fetched)
        for offset in range(0, len(fetched), BLOCK_BYTES):
            block = fetched[offset : offset + BLOCK_BYTES]
            blocks += hashlib.sha256(block).digest()
            _kept().put(bytes(blocks[-_DIGEST_BYTES:]), block)
    if _mark(path) != before:
        raise DecoderLost(path, "altered", "it was replaced while it was read")
    return whole.hexdigest(), size_bytes, bytes(blocks)


def size_of_object(path: StoreObject) -> int:
    """Bytes of an object; asks the store.

    Raises:
        UnreadableFootage: it is missing or may not be read.
        DecoderLost: the store cannot be reached.
    """
    return int(_mark(path)["size"])


def objects_below(prefix: StoreObject) -> list[StoreObject]:
    """Every object whose key begins so, by key.

    Raises:
        UnreadableFootage: these credentials may not list them.
        DecoderLost: the store cannot be reached.
    """
    with _asking(prefix) as store:
        urls = (f"s3://{key}" for key in sorted(store.find(prefix.url)))
        return [StoreObject(url) for url in urls if url.startswith(prefix.url)]


def _mark(place: StoreObject) -> dict[str, Any]:
    """What the store says of an object as it is now."""
    _refuse_misread_name(place)
    with _asking(place) as store:
        facts = store.info(place.url, refresh=True)
        if facts.get("type") != "file":
            detail = f"there is no object of this name; say {place.url}/ for all videos below it"
            raise UnreadableFootage(place, "missing", detail)
        return {name: facts.get(name) for name in ("size", "ETag", "LastModified", "VersionId")}


def _refuse_misread_name(place: StoreObject) -> None:
    """Return only if the library asks the store for this very key: it takes some ends of keys for something else."""
    for part in filter(place.url.__contains__, _MISREAD):
        raise UnreadableFootage(place, "bad_name", f"a key with {part} would be read as another one; copy the object")
    if place.url.endswith("/"):
        raise UnreadableFootage(place, "missing", "no video lies below it")


def _fetched(place: StoreObject, start: int, stop: int) -> bytes:
    with _asking(place) as store:
        fetched: bytes = store.cat_file(place.url, start=start, end=stop)
    if len(fetched) != stop - start:
        raise DecoderLost(place, "unreadable", f"{len(fetched)} of {stop - start} bytes came")
    return fetched


@cache
def _store() -> Any:
    import fsspec

    try:
        return fsspec.filesystem("s3", use_listings_cache=False)
    except ImportError as error:
        raise CannotStart(
            "footage in an object store needs the library s3fs", "install it: pip install 'video-forensics[s3]'"
        ) from error


@contextlib.contextmanager
def _asking(place: StoreObject) -> Iterator[Any]:
    """The store; what it or the network says becomes an error of ours."""
    store = _store()
    from aiohttp import ClientError
    from botocore.exceptions import BotoCoreError
    from botocore.exceptions import ClientError as Refusal

    try:
        yield store
    except FileNotFoundError as error:
        raise UnreadableFootage(place, "missing", "there is no such object") from error
    except PermissionError as error:
        raise UnreadableFootage(place, "no_permission", "these credentials may not read it") from error
    except (OSError, BotoCoreError, Refusal, ClientError) as error:
        raise DecoderLost(place, "unreadable", " ".join(str(error).split())) from error
