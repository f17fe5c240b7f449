"""One recording, opened for a library that does not tell a failing disk from the end of a file.

Demuxers take what they got before a read failed for all there is, guess on, or look for the next thing they know: a
frame could be missing, or hidden, and nobody would say so. Here the first read that fails ends all reading, and is
raised where the library is called.
"""

import errno
import os
from pathlib import Path
from typing import Final

from forensics.errors import DecoderLost

__all__ = ["FootageFile", "disk_failed", "refuse_failing_disk"]

_OF_A_DISK: Final = {
    *(errno.EIO, errno.ENXIO, errno.ENODEV, errno.EBADMSG, errno.EUCLEAN, errno.ENOMEM),
    *(errno.ESTALE, errno.ETIMEDOUT, errno.EREMOTEIO, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENOTCONN),
}
"""Errors of a disk, or of a network that brings its bytes, and of none of what can be wrong with the bytes."""


def disk_failed(path: Path, error: OSError) -> DecoderLost:
    """What is raised where a disk or network failed, which is not the footage's fault and settles nothing."""
    return DecoderLost(path, "unreadable", error.strerror or str(error))


def refuse_failing_disk(path: Path, error: BaseException) -> None:
    """Return only if what went wrong says something about the footage.

    Raises:
        DecoderLost: the disk failed.
    """
    if isinstance(error, OSError) and error.errno in _OF_A_DISK:
        raise disk_failed(path, error) from error


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
