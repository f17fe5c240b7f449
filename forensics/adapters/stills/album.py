"""Pictures of a folder or ZIP archive: their list and their bytes, without unpacking to disk.

Companions that macOS writes beside pictures (``._IMG_0001.JPG``) are left out. Pictures of formats that are not read
are counted, and are no part of the album and its digest.
"""

import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

from forensics.adapters.stills.picture_formats import START_BYTES, Recognise, is_picture, is_unread_picture, read_start
from forensics.adapters.store.checked_file import raise_if_disk_failed
from forensics.errors import UnreadableFootage

__all__ = [
    "MEMBER_FAULTS",
    "Album",
    "Picture",
    "escape_name",
    "is_outside_link",
    "is_stills",
    "list_picture_files",
    "natural_sort_key",
    "open_album",
    "read_picture",
]

MEMBER_FAULTS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError)
"""Exceptions of `zipfile` for a member that is damaged, encrypted or compressed in an unknown way."""

_DRIVE = re.compile(r"[A-Za-z]:")
_ZIP_MAGIC = b"PK\x03\x04"
_PICTURES = (is_picture, is_unread_picture)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as the folder or ZIP archive lists it.

    Attributes:
        name: relative path, with forward slashes.
        size_bytes: of the picture file, unpacked.
        file_time_ms: file time in milliseconds since 1970: UTC in a folder, local time of the packing machine in a ZIP;
            None if the ZIP holds an impossible date.
        place: index in the listing of the folder or ZIP archive; tells members of equal name apart.
    """

    name: str
    size_bytes: int
    file_time_ms: int | None
    place: int


@dataclass(frozen=True, slots=True)
class Album:
    """The pictures of one folder or ZIP archive.

    Attributes:
        container: ``folder`` or ``zip``.
        pictures: in the order of `natural_sort_key`.
        n_refused: pictures left out because they lead outside: members of a ZIP by their name, files of a folder by a
            link.
        unread: names of pictures in formats that are not read.
        open: opens a picture to read its bytes.
    """

    container: str
    pictures: tuple[Picture, ...]
    n_refused: int
    unread: tuple[str, ...]
    open: Callable[[Picture], IO[bytes]]


def natural_sort_key(name: str) -> tuple[list[str | int], str]:
    """Return a key that sorts names in natural order: numbers by value, ties by spelling.

    >>> sorted(["cam/10.jpg", "cam/9.jpg"], key=natural_sort_key)
    ['cam/9.jpg', 'cam/10.jpg']
    """
    # At most 18 digits at a time: the name of a ZIP member may hold sixty thousand, too many for int().
    parts: list[str | int] = list(re.split(r"([0-9]{1,18})", name))
    parts[1::2] = map(int, parts[1::2])
    return parts, name


def escape_name(name: str) -> str:
    r"""Return a name as valid text: bytes that are not UTF-8, as names from other systems may hold, become escapes.

    >>> escape_name("caf\udce9.jpg")
    'caf\\xe9.jpg'
    """
    return os.fsencode(name).decode(errors="backslashreplace")


def is_stills(path: Path) -> bool:
    """Whether a folder or ZIP archive holds at least one file with a picture's suffix, at any depth.

    For a ZIP archive the suffix may be that of a format that is not read: no other reader could say what it holds.

    Raises:
        DecoderLost: the disk fails.
    """
    if path.is_dir():
        return any(True for _ in _iter_files(path, is_picture))
    if not _is_zip(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(_is_wanted(archive, one, kind) for one in archive.infolist() for kind in _PICTURES)
    except (*MEMBER_FAULTS, OSError) as error:
        raise_if_disk_failed(path, error)
        return False


@contextmanager
def open_album(path: Path, is_member: Recognise = is_picture) -> Iterator[Album]:
    """Open a folder or ZIP archive and keep it open while its pictures are read.

    Args:
        path: the folder or ZIP archive.
        is_member: which of its files are pictures of the album; versions 0.1 and 0.2 chose others.

    Raises:
        UnreadableFootage: it is neither a folder nor a complete ZIP archive, or it cannot be listed.
    """
    if path.is_dir():
        yield _list_folder(path, is_member)
        return
    try:
        archive = zipfile.ZipFile(path)
    except (*MEMBER_FAULTS, OSError) as error:
        raise_if_disk_failed(path, error)
        raise UnreadableFootage(path, "not_media", str(error)) from error
    with archive:
        yield _list_zip(archive, is_member)


def read_picture(album: Album, picture: Picture) -> bytes:
    """Read the whole file of a picture, so that a ZIP archive checks its CRC.

    Raises:
        One of `MEMBER_FAULTS`: the member of a ZIP archive is damaged.
        OSError: the disk cannot be read, or the file is gone.
    """
    try:
        with album.open(picture) as stream:
            return stream.read()
    except OSError as error:
        if error.errno is not None:
            raise
        raise zipfile.BadZipFile(f"{picture.name}: {error}") from error  # bzip2 has no error of its own


def list_picture_files(folder: Path, is_member: Recognise = is_picture) -> list[Path]:
    """Return every picture at or below a folder, in no order.

    Raises:
        OSError: a subfolder cannot be entered, and it may hold more.
    """
    return list(_iter_files(folder, is_member, _raise_error))


def is_outside_link(file: Path, folder: Path) -> bool:
    """Whether a file below a folder is a link to something outside the folder."""
    return file.is_symlink() and not file.resolve().is_relative_to(folder.resolve())


def _list_folder(path: Path, is_member: Recognise) -> Album:
    """List the pictures of a folder."""
    try:
        files = list_picture_files(path, is_member)
        states = [file.stat() for file in files]
    except OSError as error:
        raise_if_disk_failed(path, error)
        raise UnreadableFootage(path, "cannot_read", str(error)) from error
    pictures = (
        Picture(file.relative_to(path).as_posix(), state.st_size, state.st_mtime_ns // 1_000_000, place)
        for place, (file, state) in enumerate(zip(files, states, strict=True))
    )
    return Album(
        "folder",
        _sort_pictures(pictures),
        _count_outside_links(path, is_member),
        tuple(file.relative_to(path).as_posix() for file in _iter_files(path, is_unread_picture)),
        lambda picture: path.joinpath(picture.name).open("rb"),
    )


def _list_zip(archive: zipfile.ZipFile, is_member: Recognise) -> Album:
    """List the pictures of an open ZIP archive."""
    members = archive.infolist()
    found = [(place, one) for place, one in enumerate(members) if _is_wanted(archive, one, is_member)]
    pictures = [
        Picture(member.filename, member.file_size, _member_time_ms(member), place)
        for place, member in found
        if not _has_unsafe_path(member.filename)
    ]
    # Opened by entry, not by name: a ZIP may hold two members of one name.
    return Album(
        "zip",
        _sort_pictures(pictures),
        len(found) - len(pictures),
        tuple(one.filename for one in members if _is_wanted(archive, one, is_unread_picture)),
        lambda picture: archive.open(members[picture.place]),
    )


def _is_wanted(archive: zipfile.ZipFile, member: zipfile.ZipInfo, is_wanted: Recognise) -> bool:
    """Whether a member of a ZIP archive is of the wanted kind."""
    return is_wanted(member.filename, partial(_read_member_start, archive, member))


def _read_member_start(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Return the first bytes of a member of a ZIP archive; none if it cannot be read."""
    try:
        with archive.open(member) as stream:
            return stream.read(START_BYTES)
    except (*MEMBER_FAULTS, OSError):
        return b""


def _sort_pictures(pictures: Iterator[Picture] | list[Picture]) -> tuple[Picture, ...]:
    """Sort pictures in natural order of their names, ties by place."""
    return tuple(sorted(pictures, key=lambda picture: (natural_sort_key(picture.name), picture.place)))


def _iter_files(
    folder: Path, is_wanted: Recognise, on_error: Callable[[OSError], None] | None = None
) -> Iterator[Path]:
    """Yield every file of the wanted kind at or below a folder."""
    for file in _walk(folder, on_error):
        if is_wanted(file.name, partial(_read_start, file, folder)) and _is_inside(file, folder):
            yield file


def _walk(folder: Path, on_error: Callable[[OSError], None] | None = None) -> Iterator[Path]:
    """Yield everything at or below a folder but folders. Linked folders are not entered: they may form a loop."""
    for parent, _, names in os.walk(folder, onerror=on_error):
        yield from (Path(parent, name) for name in names)


def _count_outside_links(folder: Path, is_member: Recognise) -> int:
    """Count the pictures that are links out of the folder; they are never part of it, and are not opened."""
    links = (file for file in _walk(folder) if is_outside_link(file, folder))
    return sum(is_member(file.name, partial(_read_start, file, folder)) for file in links)


def _read_start(file: Path, folder: Path) -> bytes:
    """Return the first bytes of a file; none of a link out of the folder."""
    return b"" if is_outside_link(file, folder) else read_start(file)


def _is_inside(file: Path, folder: Path) -> bool:
    """Whether it is a plain file within the folder. Reading a pipe or socket would block for ever."""
    return file.is_file() and not is_outside_link(file, folder)


def _raise_error(error: OSError) -> None:
    """Raise the error; for `os.walk`, which otherwise ignores it."""
    raise error


def _is_zip(path: Path) -> bool:
    """Whether a file begins like a ZIP archive. A video with an appended ZIP is a video."""
    try:
        with path.open("rb") as file:
            return file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC
    except OSError as error:
        raise_if_disk_failed(path, error)
        return False


def _has_unsafe_path(name: str) -> bool:
    """Whether a name is absolute, has a drive or contains ``..``, by the rules of any system.

    >>> _has_unsafe_path("a/../../b.jpg"), _has_unsafe_path("C:/b.jpg"), _has_unsafe_path("a..b/c.jpg")
    (True, True, False)
    """
    slashed = name.replace("\\", "/")
    return slashed.startswith("/") or bool(_DRIVE.match(slashed)) or ".." in slashed.split("/")


def _member_time_ms(member: zipfile.ZipInfo) -> int | None:
    """Return the file time of a ZIP member, in steps of two seconds; None for an impossible date."""
    try:
        return int(datetime(*member.date_time, tzinfo=UTC).timestamp()) * 1000
    except ValueError:
        return None
