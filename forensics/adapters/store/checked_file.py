"""One recording, opened for a library that does not tell a failing disk from the end of a file.

Demuxers take what they got before a read failed for all there is, guess on, or look for the next thing they know: a
frame could be missing, or hidden, and nobody would say so. Here the first read that fails ends all reading, and is
raised where the library is called.
"""

import errno
import os
from pathlib import Path
from typing import Final

from forensics.adapters.store.object_store import ObjectFile, size_of_object
from forensics.errors import DecoderLost, UnreadableFootage
from forensics.place import Place, StoreObject

__all__ = ["FootageFile", "disk_failed", "footage_file", "on_disk", "refuse_failing_disk", "size_of_footage"]

_OF_A_DISK: Final = {
    *(errno.EIO, errno.ENXIO, errno.ENODEV, errno.EBADMSG, errno.EUCLEAN, errno.ENOMEM),
    *(errno.ESTALE, errno.ETIMEDOUT, errno.EREMOTEIO, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENOTCONN),
}
"""Errors of a disk, or of a network that brings its bytes, and of none of what can be wrong with the bytes."""


def disk_failed(path: Place, error: OSError) -> DecoderLost:
    """What is raised where a disk or network failed, which is not the footage's fault and settles nothing."""
    return DecoderLost(path, "unreadable", error.strerror or str(error))


def refuse_failing_disk(path: Place, error: BaseException) -> None:
    """Return only if what went wrong says something about the footage.

    Raises:
        DecoderLost: the disk failed.
    """
    if isinstance(error, OSError) and error.errno in _OF_A_DISK:
        raise disk_failed(path, error) from error


def footage_file(place: Place) -> "FootageFile | ObjectFile":
    """One recording, opened wherever it lies; closed when nobody holds it any more.

    Raises:
        OSError: a path cannot be opened.
        UnreadableFootage: there is no such object, or it may not be read.
        DecoderLost: the store cannot be reached, or holds other bytes than those that were ingested.
    """
    return ObjectFile(place) if isinstance(place, StoreObject) else FootageFile(place)


def size_of_footage(place: Place) -> int:
    """Its bytes; raises what `footage_file` does."""
    return size_of_object(place) if isinstance(place, StoreObject) else place.stat().st_size


def on_disk(place: Place) -> Path:
    """The path of footage that only a disk can hold for its reader.

    Raises:
        UnreadableFootage: it lies in an object store.
    """
    if isinstance(place, StoreObject):
        raise UnreadableFootage(place, "in_a_store", "this kind of footage is read from a disk; copy it there")
    return place


class FootageFile:
    """What PyAV asks of a file it reads; closed when nobody holds it any more.

    Attributes:
        name: with its protocol, so that names such as ``concat:a|b`` or ``-`` stay plain file names.
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
        """At most so many bytes; none at the end of the file, and after a failure.

        Raises:
            DecoderLost: the disk does not give them.
        """
        if self._has_failed:
            return b""
        try:
            return os.read(self._descriptor, n_bytes)
        except OSError as error:
            self._has_failed = True
            raise disk_failed(self._path, error) from error

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go there; returns the place, or a negative error number where none can be, which is the library's affair."""
        try:
            return os.lseek(self._descriptor, offset, whence)
        except OSError as error:
            return -(error.errno or errno.EINVAL)

    def tell(self) -> int:
        """Bytes from the start of the file."""
        return os.lseek(self._descriptor, 0, os.SEEK_CUR)
