"""Digest of the pictures of a folder, and their state on disk, which is compared where reading takes too long."""

import hashlib
import os
from pathlib import Path

from forensics.adapters.stills.album import list_picture_files
from forensics.adapters.stills.earlier_order import was_picture
from forensics.adapters.stills.picture_formats import Recognise, is_picture
from forensics.adapters.store.checked_file import raise_if_disk_failed
from forensics.errors import UnreadableFootage

__all__ = ["digest_stills", "earlier_digest", "file_state", "fingerprint_stills"]


def digest_stills(path: Path, is_member: Recognise = is_picture) -> tuple[str, int]:
    """Return the SHA-256 over the sorted lines "name sha256" of a folder's pictures, and their total size in bytes.

    Raises:
        UnreadableFootage: a picture cannot be read; the evidence has no id without it.
    """
    try:
        digested = [(_digest_line(path, file), file.stat().st_size) for file in list_picture_files(path, is_member)]
    except OSError as error:
        raise_if_disk_failed(path, error)
        raise UnreadableFootage(path, "cannot_read", str(error)) from error
    lines = sorted(line for line, _ in digested)
    return hashlib.sha256(b"".join(lines)).hexdigest(), sum(size_bytes for _, size_bytes in digested)


def earlier_digest(path: Path) -> str:
    """Return the SHA-256 that versions 0.1 and 0.2 gave a folder; empty if it is the one of today.

    Raises:
        UnreadableFootage: a picture cannot be read.
    """
    try:
        is_same = len(list_picture_files(path)) == len(list_picture_files(path, was_picture))
    except OSError as error:
        raise_if_disk_failed(path, error)
        raise UnreadableFootage(path, "cannot_read", str(error)) from error
    return "" if is_same else digest_stills(path, was_picture)[0]


def fingerprint_stills(folder: Path) -> tuple[int, str]:
    """Return the number of pictures in a folder, and a digest of their paths and `file_state`, without reading them.

    Much cheaper than `digest_stills`. The digest changes if a picture is added, removed, written or moved; it does not
    tell which.

    Raises:
        OSError: the folder cannot be listed.
    """
    states = sorted((str(file), *file_state(file)) for file in list_picture_files(folder))
    return len(states), hashlib.sha256(repr(states).encode()).hexdigest()


def file_state(file: Path) -> tuple[int, int, int, int]:
    """Return size in bytes, inode, mtime and ctime in nanoseconds.

    Raises:
        OSError: the file does not exist.
    """
    state = file.stat()
    return state.st_size, state.st_ino, state.st_mtime_ns, state.st_ctime_ns


def _digest_line(folder: Path, file: Path) -> bytes:
    """Return the line "name sha256" of one picture."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return b"%s %s\n" % (os.fsencode(file.relative_to(folder).as_posix()), digest.encode())
