"""Pictures of a folder or ZIP archive: their list, their bytes and their digest, without unpacking to disk.

A picture is recognised by its suffix, so that a damaged one keeps its place. Names that begin with ``._`` are left
out: macOS writes such files beside pictures, and they hold none. Pictures of formats that are not read are counted, and
are no part of the album and its digest.
"""

import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from forensics.adapters.store.checked_file import raise_if_disk_failed
from forensics.errors import UnreadableFootage

__all__ = [
    "MEMBER_FAULTS",
    "Album",
    "Picture",
    "digest_stills",
    "escape_name",
    "file_state",
    "find_contained",
    "fingerprint_stills",
    "is_outside_link",
    "is_stills",
    "natural_sort_key",
    "open_album",
]

MEMBER_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""Exceptions of `zipfile` for a member that is damaged, encrypted or compressed in an unknown way."""

_PICTURE = re.compile(r"\.(jpe?g|png|bmp|tiff?|webp)\Z", re.IGNORECASE)
# Of phones and cameras, among them raw formats and other spellings of formats that are read.
_UNREAD = re.compile(
    r"\.(hei[cf]s?|hif|avifs?|jxl|jp2|j2k|jpx|jpe|jfif|mpo|apng|3fr|arw|cr[23w]|dng|erf|iiq|kdc|mrw|nef|nrw|orf|pef|raf"
    r"|rw2|sr[2fw]|x3f)\Z",
    re.IGNORECASE,
)
_DRIVE = re.compile(r"[A-Za-z]:")
_ZIP_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as the folder or ZIP archive lists it.

    Attributes:
        name: relative path, with forward slashes.
        size_bytes: of the picture file, unpacked.
        file_time_ms: file time in milliseconds since 1970: UTC in a folder, local time of the packing machine in a ZIP;
            None if the ZIP holds an impossible date.
        place: index in the listing; tells members of equal name apart.
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
        return any(True for _ in _iter_picture_files(path))
    if not _is_zip(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(_is_picture(one.filename) or _is_unread(one.filename) for one in archive.infolist())
    except (*MEMBER_FAULTS, OSError) as error:
        raise_if_disk_failed(path, error)
        return False


def digest_stills(path: Path) -> tuple[str, int]:
    """Return the SHA-256 over the sorted lines "name sha256" of a folder's pictures, and their total size in bytes.

    Raises:
        UnreadableFootage: a picture cannot be read; the evidence has no id without it.
    """
    try:
        digested = [(_digest_line(path, file), file.stat().st_size) for file in _list_picture_files(path)]
    except OSError as error:
        raise_if_disk_failed(path, error)
        raise UnreadableFootage(path, "cannot_read", str(error)) from error
    lines = sorted(line for line, _ in digested)
    return hashlib.sha256(b"".join(lines)).hexdigest(), sum(size_bytes for _, size_bytes in digested)


def fingerprint_stills(folder: Path) -> tuple[int, str]:
    """Return the number of pictures in a folder, and a digest of their paths and `file_state`, without reading them.

    Much cheaper than `digest_stills`. The digest changes if a picture is added, removed, written or moved; it does not
    tell which.

    Raises:
        OSError: the folder cannot be listed.
    """
    states = sorted((str(file), *file_state(file)) for file in _list_picture_files(folder))
    return len(states), hashlib.sha256(repr(states).encode()).hexdigest()


def file_state(file: Path) -> tuple[int, int, int, int]:
    """Return size in bytes, inode, mtime and ctime in nanoseconds.

    Raises:
        OSError: the file does not exist.
    """
    state = file.stat()
    return state.st_size, state.st_ino, state.st_mtime_ns, state.st_ctime_ns


@contextmanager
def open_album(path: Path) -> Iterator[Album]:
    """Open a folder or ZIP archive and keep it open while its pictures are read.

    Raises:
        UnreadableFootage: it is neither a folder nor a complete ZIP archive, or it cannot be listed.
    """
    if path.is_dir():
        yield _list_folder(path)
        return
    try:
        archive = zipfile.ZipFile(path)
    except (*MEMBER_FAULTS, OSError) as error:
        raise_if_disk_failed(path, error)
        raise UnreadableFootage(path, "not_media", str(error)) from error
    with archive:
        yield _list_zip(archive)


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
        with album.open(picture) as stream:
            return stream.read()
    except MEMBER_FAULTS:
        return b""
    except OSError as error:
        raise_if_disk_failed(path, error)
        raise UnreadableFootage(path, "cannot_read", f"{picture.name}: {error}") from error


def _list_folder(path: Path) -> Album:
    """List the pictures of a folder."""
    try:
        files = _list_picture_files(path)
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
        _count_outside_links(path),
        tuple(_list_unread(path)),
        lambda picture: path.joinpath(picture.name).open("rb"),
    )


def _list_zip(archive: zipfile.ZipFile) -> Album:
    """List the pictures of an open ZIP archive."""
    members = [member for member in archive.infolist() if _is_picture(member.filename)]
    pictures = [
        Picture(member.filename, member.file_size, _member_time_ms(member), place)
        for place, member in enumerate(members)
        if not _has_unsafe_path(member.filename)
    ]
    # Opened by entry, not by name: a ZIP may hold two members of one name.
    return Album(
        "zip",
        _sort_pictures(pictures),
        len(members) - len(pictures),
        tuple(filter(_is_unread, archive.namelist())),
        lambda picture: archive.open(members[picture.place]),
    )


def _sort_pictures(pictures: Iterator[Picture] | list[Picture]) -> tuple[Picture, ...]:
    """Sort pictures in natural order of their names, ties by place."""
    return tuple(sorted(pictures, key=lambda picture: (natural_sort_key(picture.name), picture.place)))


def _iter_picture_files(folder: Path, on_error: Callable[[OSError], None] | None = None) -> Iterator[Path]:
    """Yield every picture at or below a folder. Linked folders are not entered: they may form a loop."""
    for parent, _, names in os.walk(folder, onerror=on_error):
        for name in names:
            file = Path(parent, name)
            # Reading a pipe or socket would block for ever.
            if _is_picture(name) and file.is_file() and not is_outside_link(file, folder):
                yield file


def _count_outside_links(folder: Path) -> int:
    """Count the pictures that are links out of the folder; they are never part of it."""
    names = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names if _is_picture(name))
    return sum(is_outside_link(file, folder) for file in names)


def _list_unread(folder: Path) -> Iterator[str]:
    """Yield the names of the pictures in formats that are not read, but for links out of the folder."""
    for parent, _, names in os.walk(folder):
        for file in (Path(parent, name) for name in names if _is_unread(name)):
            if file.is_file() and not is_outside_link(file, folder):
                yield file.relative_to(folder).as_posix()


def is_outside_link(file: Path, folder: Path) -> bool:
    """Whether a file below a folder is a link to something outside the folder."""
    return file.is_symlink() and not file.resolve().is_relative_to(folder.resolve())


def _list_picture_files(folder: Path) -> list[Path]:
    """List every picture; raise if a subfolder cannot be entered, because it may hold more."""
    return list(_iter_picture_files(folder, _raise_error))


def _raise_error(error: OSError) -> None:
    """Raise the error; for `os.walk`, which otherwise ignores it."""
    raise error


def _is_picture(name: str) -> bool:
    """Whether a name has a picture's suffix and is not one of macOS's ``._`` files."""
    return bool(_PICTURE.search(name)) and not _is_shadow(name)


def _is_unread(name: str) -> bool:
    """Whether a name has the suffix of a picture format that is not read and is not one of macOS's ``._`` files."""
    return bool(_UNREAD.search(name)) and not _is_shadow(name)


def _is_shadow(name: str) -> bool:
    """Whether a name is that of a file which macOS writes beside another one."""
    return name.rpartition("/")[2].startswith("._")


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


def _digest_line(folder: Path, file: Path) -> bytes:
    """Return the line "name sha256" of one picture."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return b"%s %s\n" % (os.fsencode(file.relative_to(folder).as_posix()), digest.encode())
