"""Digest and packet index of one piece of footage, whatever its kind; these functions run in the decoding child."""

from fractions import Fraction
from pathlib import Path
from typing import Final

from forensics.adapters.stills.picture_formats import (
    READ_SUFFIXES,
    START_BYTES,
    describe_unread_format,
    name_unread_format,
    read_start,
)
from forensics.adapters.store.checked_file import disk_failure, open_footage, raise_if_disk_failed, require_local_path
from forensics.adapters.store.object_store import digest_object
from forensics.digests import sha256_of_file
from forensics.errors import UnreadableFootage
from forensics.footage.evidence import Indexed
from forensics.place import Place, StoreObject

__all__ = ["digest_and_size", "earlier_digest", "index_footage", "prove_decord"]

_STILLS_SUFFIXES: Final = READ_SUFFIXES | {".zip"}


def digest_and_size(path: Place) -> tuple[str, int]:
    """Return the SHA-256 and the size in bytes of a file or object, or of all pictures in a folder.

    Raises:
        UnreadableFootage: the path is missing, may not be read, is empty or holds no pictures.
        DecoderLost: the disk fails.
    """
    from forensics.adapters.stills import folder_digest

    if isinstance(path, StoreObject):
        return digest_object(path)[:2]
    try:
        if path.is_dir():
            return folder_digest.digest_stills(path)
        if path.stat().st_size == 0:
            raise UnreadableFootage(path, "empty", "the file has no bytes")
        if not path.is_file():
            raise UnreadableFootage(path, "not_a_file", "neither a file nor a folder")
        return sha256_of_file(path), path.stat().st_size
    except FileNotFoundError as error:
        raise UnreadableFootage(path, "missing", "there is no such file") from error
    except PermissionError as error:
        raise UnreadableFootage(path, "no_permission", "this user may not read it") from error
    except OSError as error:
        raise disk_failure(path, error) from error


def earlier_digest(path: Place) -> str:
    """Return the SHA-256 by which versions 0.1 and 0.2 knew a folder of stills; empty if it is the one of today.

    Raises:
        UnreadableFootage: a picture of the folder cannot be read.
        DecoderLost: the disk fails.
    """
    from forensics.adapters.stills import folder_digest

    return folder_digest.earlier_digest(path) if isinstance(path, Path) and path.is_dir() else ""


def index_footage(
    path: Place, *, working_copy: Path, stream_index: int | None, assumed_rate: Fraction | None
) -> Indexed:
    """Return the packet index of a video file or object, or of a folder or zip of stills.

    Raises:
        UnreadableFootage: no frame can be read; `reason` says why.
        DecoderLost: the disk fails, even on a read of a few bytes of the header or the end.
    """
    from forensics.adapters.stills import stills_reader
    from forensics.adapters.video.indexing import pyav_index, recovery_proof

    try:
        if isinstance(path, StoreObject):
            _reject_stills(path)
        elif stills_reader.is_stills(path):
            return stills_reader.index_stills(path)
        _reject_unread_picture(path)
        indexed = pyav_index.index_file(
            path, working_copy=working_copy, stream_index=stream_index, assumed_rate=assumed_rate
        )
        return indexed if indexed.index.recovery_frames is None else recovery_proof.without_false_recoveries(indexed)
    except OSError as error:
        raise_if_disk_failed(path, error)
        raise


def _reject_stills(place: StoreObject) -> None:
    """Raise UnreadableFootage for an object with a picture's suffix: a demuxer may open one as a video of one frame."""
    if place.suffix.lower() in _STILLS_SUFFIXES:
        raise UnreadableFootage(place, "in_a_store", "stills are read from a disk; copy their folder or zip there")


def _reject_unread_picture(place: Place) -> None:
    """Raise UnreadableFootage for a HEIC, AVIF or raw file: a demuxer may open it as a video of one frame or tile."""
    start = read_start(place) if isinstance(place, Path) else open_footage(place).read(START_BYTES)
    kind = name_unread_format(start)
    if kind:
        raise UnreadableFootage(place, "not_media", describe_unread_format(kind))


def prove_decord(indexed: Indexed) -> str:
    """Return why decord must not read this file; empty if it was proven exact on it."""
    from forensics.adapters.video.reading import decord_reader

    return decord_reader.prove(require_local_path(indexed.footage.path), indexed.index, indexed.footage.stream_index)
