"""Footage in an S3-compatible store, through fsspec: fetched in blocks, each checked against its digest at ingest.

Endpoint and credentials come from the environment, as for every S3 client; see docs/admin.md. A block whose digest
differs from the one at ingest is never returned. Network errors raise `DecoderLost`, so they say nothing about the
footage.
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

__all__ = [
    "ObjectFile",
    "digest_object",
    "list_objects",
    "read_object_start",
    "set_block_cache_limit",
    "size_of_object",
]

_DIGEST_BYTES: Final = 32
_BLOCKS_PER_FETCH: Final = 16
_MAX_BLOCKS_IN_MEMORY: Final = 4
_MISREAD_KEY_PARTS: Final = ("?versionId=",)
_cache_limit_bytes = 64 << 20


def set_block_cache_limit(limit_bytes: int) -> None:
    """Limit the bytes of blocks that this process caches on its disk, and empty the cache."""
    global _cache_limit_bytes  # noqa: PLW0603 - one cache for the process, as it has one disk
    _cache_limit_bytes = limit_bytes
    _block_cache.cache_clear()


@cache
def _block_cache() -> BlockCache:
    """Return the block cache of this process."""
    return BlockCache(_cache_limit_bytes)


class ObjectFile:
    """One open object of a store, with the methods that a demuxer needs, like `FootageFile`.

    Attributes:
        name: a name of the form of a local file; nothing opens it.
        size_bytes: of the object.

    Raises:
        UnreadableFootage: there is no such object, or these credentials may not read it.
        DecoderLost: the store cannot be reached, or its bytes differ from those that were ingested.
    """

    def __init__(self, place: StoreObject) -> None:
        self.name = f"file:/{place.name}"
        self.size_bytes = size_of_object(place)
        self._place, self._offset, self._has_failed = place, 0, False
        self._recent_blocks: dict[int, bytes] = {}
        if len(place.blocks) != _DIGEST_BYTES * -(-self.size_bytes // BLOCK_BYTES):
            raise _altered_error(place, f"it has {self.size_bytes} bytes")

    def read(self, n_bytes: int) -> bytes:
        """Read `n_bytes`, fewer at the end of the object; return no bytes after a failure.

        Raises:
            DecoderLost: the store does not return the bytes, or returns other ones.
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
        """Move to an offset and return it; return -1 if it is invalid."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._offset, os.SEEK_END: self.size_bytes}.get(whence)
        if base is None or base + offset < 0:
            return -1
        self._offset = base + offset
        return self._offset

    def tell(self) -> int:
        """Return the offset in bytes from the start of the object."""
        return self._offset

    def _block(self, number: int) -> bytes:
        """Return one block, from memory if it was fetched recently."""
        if number not in self._recent_blocks:
            try:
                block = _checked_block(self._place, number, self.size_bytes)
            except DecoderLost:
                self._has_failed = True
                raise
            self._recent_blocks[number] = block
            if len(self._recent_blocks) > _MAX_BLOCKS_IN_MEMORY:
                del self._recent_blocks[next(iter(self._recent_blocks))]
        return self._recent_blocks[number]


def _checked_block(place: StoreObject, number: int, size_bytes: int) -> bytes:
    """Return one block, from the cache or the store.

    Raises:
        DecoderLost: the store cannot be reached, or the block's digest differs from the one at ingest.
    """
    digest = place.blocks[number * _DIGEST_BYTES : (number + 1) * _DIGEST_BYTES]
    block = _block_cache().get(digest)
    if block is None:
        start, stop = number * BLOCK_BYTES, min((number + 1) * BLOCK_BYTES, size_bytes)
        block = _fetch(place, start, stop)
        if hashlib.sha256(block).digest() != digest:
            raise _altered_error(place, f"its bytes {start} to {stop - 1} are others")
        _block_cache().put(digest, block)
    return block


def _altered_error(place: StoreObject, how: str) -> DecoderLost:
    """Return the error for an object that differs from what was ingested."""
    return DecoderLost(place, "altered", f"not what was ingested: {how}")


def digest_object(path: StoreObject) -> tuple[str, int, bytes]:
    """Return the SHA-256 of an object, its size in bytes and the SHA-256 of each block, all from one pass.

    Raises:
        UnreadableFootage: the object is missing, may not be read, or is empty.
        DecoderLost: the store cannot be reached, or the object changed during the pass.
    """
    whole, blocks, before = hashlib.sha256(), bytearray(), _fetch_metadata(path)
    size_bytes = int(before["size"])
    if not size_bytes:
        raise UnreadableFootage(path, "empty", "the object has no bytes")
    for start in range(0, size_bytes, _BLOCKS_PER_FETCH * BLOCK_BYTES):
        fetched = _fetch(path, start, min(start + _BLOCKS_PER_FETCH * BLOCK_BYTES, size_bytes))
        whole.update(fetched)
        for offset in range(0, len(fetched), BLOCK_BYTES):
            block = fetched[offset : offset + BLOCK_BYTES]
            blocks += hashlib.sha256(block).digest()
            _block_cache().put(bytes(blocks[-_DIGEST_BYTES:]), block)
    if _fetch_metadata(path) != before:
        raise DecoderLost(path, "altered", "it was replaced while it was read")
    return whole.hexdigest(), size_bytes, bytes(blocks)


def size_of_object(path: StoreObject) -> int:
    """Return the size of an object in bytes, as the store states it now.

    Raises:
        UnreadableFootage: the object is missing or may not be read.
        DecoderLost: the store cannot be reached.
    """
    return int(_fetch_metadata(path)["size"])


def read_object_start(path: StoreObject, n_bytes: int) -> bytes:
    """Return the first bytes of an object, as the store has them now; none if it cannot be read."""
    try:
        _reject_misread_key(path)
        with _translated_errors(path) as store:
            return bytes(store.cat_file(path.url, start=0, end=n_bytes))
    except (UnreadableFootage, DecoderLost):
        return b""


def list_objects(prefix: StoreObject) -> list[StoreObject]:
    """Return every object whose key starts with the prefix, sorted by key.

    Raises:
        UnreadableFootage: these credentials may not list them.
        DecoderLost: the store cannot be reached.
    """
    with _translated_errors(prefix) as store:
        urls = (f"s3://{key}" for key in sorted(store.find(prefix.url)))
        return [StoreObject(url) for url in urls if url.startswith(prefix.url)]


def _fetch_metadata(place: StoreObject) -> dict[str, Any]:
    """Return the size and version that the store states for an object now."""
    _reject_misread_key(place)
    with _translated_errors(place) as store:
        facts = store.info(place.url, refresh=True)
        if facts.get("type") != "file":
            detail = f"there is no object of this name; say {place.url}/ for all videos below it"
            raise UnreadableFootage(place, "missing", detail)
        return {name: facts.get(name) for name in ("size", "ETag", "LastModified", "VersionId")}


def _reject_misread_key(place: StoreObject) -> None:
    """Raise UnreadableFootage if the S3 library would read the key as a different request."""
    for part in filter(place.url.__contains__, _MISREAD_KEY_PARTS):
        raise UnreadableFootage(place, "bad_name", f"a key with {part} would be read as another one; copy the object")
    if place.url.endswith("/"):
        raise UnreadableFootage(place, "missing", "no video lies below it")


def _fetch(place: StoreObject, start: int, stop: int) -> bytes:
    """Return the bytes [start, stop) of an object."""
    with _translated_errors(place) as store:
        fetched: bytes = store.cat_file(place.url, start=start, end=stop)
    if len(fetched) != stop - start:
        raise DecoderLost(place, "unreadable", f"{len(fetched)} of {stop - start} bytes came")
    return fetched


@cache
def _open_store() -> Any:
    """Return the S3 filesystem of fsspec, opened once per process.

    Raises:
        CannotStart: the library s3fs is not installed.
    """
    import fsspec

    try:
        return fsspec.filesystem("s3", use_listings_cache=False)
    except ImportError as error:
        raise CannotStart(
            "footage in an object store needs the library s3fs", "install it: pip install 'video-forensics[s3]'"
        ) from error


@contextlib.contextmanager
def _translated_errors(place: StoreObject) -> Iterator[Any]:
    """Yield the store; raise errors of the store or network as `UnreadableFootage` or `DecoderLost`."""
    store = _open_store()
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
