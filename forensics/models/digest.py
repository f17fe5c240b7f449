"""SHA-256 digest of a model, which is one file or a folder of files."""

from collections.abc import Iterable
from pathlib import Path
from stat import S_ISREG

from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.errors import IntegrityBroken

__all__ = ["digest_of", "digest_of_lines"]


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files below a folder with their relative paths.

    A folder with an added file is another model.

    Raises:
        IntegrityBroken: neither a file nor a folder, such as a pipe, which would never end.
        OSError: there is nothing, or it cannot be read.
    """
    if path.is_dir():
        inside = (file for file in path.rglob("*") if file.is_file())
        return digest_of_lines((file.relative_to(path).as_posix(), sha256_of_file(file)) for file in inside)
    if not S_ISREG(path.stat().st_mode):
        raise IntegrityBroken("is no regular file", "remove it, or move it away, and run again", path)
    return sha256_of_file(path)


def digest_of_lines(files: Iterable[tuple[str, str]]) -> str:
    r"""Return the SHA-256 over the sorted lines ``name sha256``, each with a line feed.

    >>> digest_of_lines([("b", "2"), ("a", "1")]) == sha256_of_bytes(b"a 1\nb 2\n")
    True
    """
    lines = sorted(f"{name} {sha256}\n" for name, sha256 in files)
    return sha256_of_bytes("".join(lines).encode())
