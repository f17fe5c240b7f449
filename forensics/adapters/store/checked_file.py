"""One recording opened for a demuxer that cannot tell a failing disk from the end of the file.

After a failed read, demuxers treat what they have as the whole file, guess, or skip ahead: a frame could be missing
without an error. Here the first failed read ends all reading and raises in the caller of the library.
"""

import errno
import os
from pathlib import Path
from typing import Final, TypeAlias

from forensics.adapters.store.object_store import ObjectFile, size_of_object
from forensics.errors import DecoderLost, UnreadableFootage
from forensics.place import Place, StoreObject

__all__ = [
    "FootageFile",
    "FootageReader",
    "disk_failure",
    "open_footage",
    "raise_if_disk_failed",
    "require_local_path",
    "size_of_footage",
]

_DISK_ERRNOS: Final = {
    *(errno.EIO, errno.ENXIO, errno.ENODEV, errno.EBADMSG, errno.EUCLEAN, errno.ENOMEM),
    *(errno.ESTALE, errno.ETIMEDOUT, errno.EREMOTEIO, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENOTCONN),
}
"""Errors of a disk, or of the network behind it; none of them is caused by the contents of a file."""


def disk_failure(path: Place, error: OSError) -> DecoderLost:
    """Return the error for a failed disk or network; it says nothing about the footage, so a later run tries again."""
    return DecoderLost(path, "unreadable", error.strerror or str(error))


def raise_if_disk_failed(path: Place, error: BaseException) -> None:
    """Raise if the error comes from the disk; return if it says something about the footage.

    Raises:
        DecoderLost: the disk failed.
    """
    if isinstance(error, OSError) and error.errno in _DISK_ERRNOS:
        raise disk_failure(path, error) from error


def open_footage(place: Place) -> "FootageReader":
    """Open one recording on a disk or in a store; it is closed when the last reference is gone.

    Raises:
        OSError: the path cannot be opened.
        UnreadableFootage: there is no such object, or it may not be read.
        DecoderLost: the store cannot be reached, or its bytes differ from those that were ingested.
    """
    return ObjectFile(place) if isinstance(place, StoreObject) else FootageFile(place)


def size_of_footage(place: Place) -> int:
    """Return the size in bytes; raise what `open_footage` raises."""
    return size_of_object(place) if isinstance(place, StoreObject) else place.stat().st_size


def require_local_path(place: Place) -> Path:
    """Return the path of footage whose reader needs it on a disk.

    Raises:
        UnreadableFootage: it lies in an object store.
    """
    if isinstance(place, StoreObject):
        raise UnreadableFootage(place, "in_a_store", "this kind of footage is read from a disk; copy it there")
    return place


class FootageFile:
    """One open local file, with the methods that PyAV needs; closed when the last reference is gone.

    Attributes:
        name: path with its protocol, so that names such as ``concat:a|b`` or ``-`` stay plain file names.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"file:{path.absolute()}"
        self._path = path
        self._has_failed = False
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)

    def read(self, n_bytes: int) -> bytes:
        """Read at most `n_bytes`; return no bytes at the end of the file, and after a failure.

        Raises:
            DecoderLost: the disk fails.
        """
        if self._has_failed:
            return b""
        try:
            return os.read(self._descriptor, n_bytes)
        except OSError as error:
            self._has_failed = True
            raise disk_failure(self._path, error) from error

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to an offset and return it; return a negative errno if it is invalid, as PyAV expects."""
        try:
            return os.lseek(self._descriptor, offset, whence)
        except OSError as error:
            return -(error.errno or errno.EINVAL)

    def tell(self) -> int:
        """Return the offset in bytes from the start of the file."""
        return os.lseek(self._descriptor, 0, os.SEEK_CUR)


FootageReader: TypeAlias = FootageFile | ObjectFile
"""An open recording, on a disk or in a store."""
