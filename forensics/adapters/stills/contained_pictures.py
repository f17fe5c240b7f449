"""Search of a folder or ZIP archive for pictures whose bytes are known."""

from collections.abc import Collection
from pathlib import Path

from forensics.adapters.stills.album import MEMBER_FAULTS, Album, Picture, open_album, read_picture
from forensics.adapters.store.checked_file import raise_if_disk_failed
from forensics.errors import UnreadableFootage

__all__ = ["find_contained"]


def find_contained(path: Path, contents: Collection[bytes]) -> set[bytes]:
    """Return those contents that are, byte for byte, a picture of this folder or ZIP archive; nothing is decoded.

    Only pictures as large as one of the contents are read. A damaged member of a ZIP equals none of them.

    Raises:
        UnreadableFootage: the pictures cannot be listed, or one of that size cannot be read.
    """
    sizes, found = {len(content) for content in contents}, set[bytes]()
    with open_album(path) as album:
        for picture in album.pictures:
            if picture.size_bytes in sizes:
                found |= {_read_content(path, album, picture)}.intersection(contents)
    return found


def _read_content(path: Path, album: Album, picture: Picture) -> bytes:
    """Return the bytes of a picture; no bytes for a damaged member."""
    try:
        return read_picture(album, picture)
    except MEMBER_FAULTS:
        return b""
    except OSError as error:
        raise_if_disk_failed(path, error)
        raise UnreadableFootage(path, "cannot_read", f"{picture.name}: {error}") from error
