"""Which pictures a folder or a zip holds, and their bytes; nothing is unpacked to disk.

A picture is told by its suffix, so that a broken one keeps its place. Names that begin with ``._``
are left out: Macs write them beside every picture, and they never hold one.
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

from forensics.adapters.store.checked_file import refuse_failing_disk
from forensics.errors import UnreadableFootage

__all__ = [
    "MEMBER_FAULTS",
    "Album",
    "Picture",
    "changes_of",
    "digest_stills",
    "is_stills",
    "leads_out",
    "mark_stills",
    "name_order",
    "open_album",
    "pictures_held",
]

MEMBER_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What a zip says of a member that is damaged, encrypted or packed in an unknown way."""

_PICTURE = re.compile(r"\.(jpe?g|png|bmp|tiff?|webp)\Z", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")
_ZIP_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as the folder or zip lists it.

    Attributes:
        name: relative, with forward slashes.
        size_bytes: of the picture file, unpacked.
        file_time_ms: milliseconds since 1970 of its file time: UTC in a folder, the packer's own
            clock in a zip; None where a zip states an impossible date.
        place: in the order of the listing, which tells members of one name apart.
    """

    name: str
    size_bytes: int
    file_time_ms: int | None
    place: int


@dataclass(frozen=True, slots=True)
class Album:
    """The pictures of one folder or zip.

    Attributes:
        container: ``folder`` or ``zip``.
        pictures: in the order of `name_order`.
        n_refused: members of a zip whose names lead out of it, links of a folder that do.
        open: the bytes of a picture.
    """

    container: str
    pictures: tuple[Picture, ...]
    n_refused: int
    open: Callable[[Picture], IO[bytes]]


def name_order(name: str) -> tuple[list[str | int], str]:
    """A key that sorts names as people count: numbers by value, ties by spelling.

    >>> sorted(["cam/10.jpg", "cam/9.jpg"], key=name_order)
    ['cam/9.jpg', 'cam/10.jpg']
    """
    # At most 18 digits at a time: a zip may name a member with sixty thousand.
    parts: list[str | int] = list(re.split(r"([0-9]{1,18})", name))
    parts[1::2] = map(int, parts[1::2])
    return parts, name


def is_stills(path: Path) -> bool:
    """Whether a folder or zip holds at least one file with a picture's suffix, however deep.

    Raises:
        DecoderLost: the disk does not say so.
    """
    if path.is_dir():
        return any(True for _ in _picture_files(path))
    if not _is_zip(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(_is_picture(member.filename) for member in archive.infolist())
    except (*MEMBER_FAULTS, OSError) as error:
        refuse_failing_disk(path, error)
        return False


def digest_stills(path: Path) -> tuple[str, int]:
    """SHA-256 over the sorted lines "name sha256" of a folder's pictures, and their bytes together.

    Raises:
        UnreadableFootage: a picture cannot be read; without it the evidence has no name.
    """
    try:
        digested = [(_digest_line(path, file), file.stat().st_size) for file in _listed(path)]
    except OSError as error:
        refuse_failing_disk(path, error)
        raise UnreadableFootage(path, "cannot_read", str(error)) from error
    lines = sorted(line for line, _ in digested)
    return hashlib.sha256(b"".join(lines)).hexdigest(), sum(size_bytes for _, size_bytes in digested)


def mark_stills(folder: Path) -> tuple[int, str]:
    """How many pictures a folder holds, and a digest of their paths and `changes_of` each.

    Cheap where `digest_stills` is not: it tells that a picture came, went, was written or moved, not which.

    Raises:
        OSError: the folder cannot be listed.
    """
    states = sorted((str(file), *changes_of(file)) for file in _listed(folder))
    return len(states), hashlib.sha256(repr(states).encode()).hexdigest()


def changes_of(file: Path) -> tuple[int, int, int, int]:
    """Size in bytes, inode, and when its bytes and its inode last changed, in nanoseconds.

    Raises:
        OSError: it is not there.
    """
    state = file.stat()
    return state.st_size, state.st_ino, state.st_mtime_ns, state.st_ctime_ns


@contextmanager
def open_album(path: Path) -> Iterator[Album]:
    """Hold a folder or zip open while its pictures are read.

    Raises:
        UnreadableFootage: it is neither a folder nor a whole zip, or it cannot be listed.
    """
    if path.is_dir():
        yield _folder_album(path)
        return
    try:
        archive = zipfile.ZipFile(path)
    except (*MEMBER_FAULTS, OSError) as error:
        refuse_failing_disk(path, error)
        raise UnreadableFootage(path, "not_media", str(error)) from error
    with archive:
        yield _zip_album(archive)


def pictures_held(path: Path, contents: Collection[bytes]) -> set[bytes]:
    """Those of the contents that are, byte for byte, a picture of this folder or zip; nothing is decoded.

    Only pictures of the size of one of the contents are read. A member of a zip that is damaged is none of them.

    Raises:
        UnreadableFootage: it cannot be listed, or a picture of that size cannot be read.
    """
    sizes, held = {len(content) for content in contents}, set[bytes]()
    with open_album(path) as album:
        for picture in album.pictures:
            if picture.size_bytes in sizes:
                held |= {_content(path, album, picture)}.intersection(contents)
    return held


def _content(path: Path, album: Album, picture: Picture) -> bytes:
    """The picture's bytes; none of a damaged member."""
    try:
        with album.open(picture) as stream:
            return stream.read()
    except MEMBER_FAULTS:
        return b""
    except OSError as error:
        refuse_failing_disk(path, error)
        raise UnreadableFootage(path, "cannot_read", f"{picture.name}: {error}") from error


def _folder_album(path: Path) -> Album:
    try:
        files = _listed(path)
        states = [file.stat() for file in files]
    except OSError as error:
        refuse_failing_disk(path, error)
        raise UnreadableFootage(path, "cannot_read", str(error)) from error
    pictures = (
        Picture(file.relative_to(path).as_posix(), state.st_size, state.st_mtime_ns // 1_000_000, place)
        for place, (file, state) in enumerate(zip(files, states, strict=True))
    )
    return Album(
        "folder", _in_order(pictures), _leading_out(path), lambda picture: path.joinpath(picture.name).open("rb")
    )


def _zip_album(archive: zipfile.ZipFile) -> Album:
    members = [member for member in archive.infolist() if _is_picture(member.filename)]
    pictures = [
        Picture(member.filename, member.file_size, _member_time_ms(member), place)
        for place, member in enumerate(members)
        if not _leads_out(member.filename)
    ]
    # Opened by entry, not by name: a zip may hold two members of one name.
    return Album(
        "zip",
        _in_order(pictures),
        len(members) - len(pictures),
        lambda picture: archive.open(members[picture.place]),
    )


def _in_order(pictures: Iterator[Picture] | list[Picture]) -> tuple[Picture, ...]:
    return tuple(sorted(pictures, key=lambda picture: (name_order(picture.name), picture.place)))


def _picture_files(folder: Path, on_error: Callable[[OSError], None] | None = None) -> Iterator[Path]:
    """Every picture at or below a folder; linked folders are not entered, they may lead back."""
    for parent, _, names in os.walk(folder, onerror=on_error):
        for name in names:
            file = Path(parent, name)
            # A pipe or socket with a picture's name would be waited on for ever.
            if _is_picture(name) and file.is_file() and not leads_out(file, folder):
                yield file


def _leading_out(folder: Path) -> int:
    """How many links of pictures lead out of the folder; they are no part of it, whatever they lead to."""
    names = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names if _is_picture(name))
    return sum(leads_out(file, folder) for file in names)


def leads_out(file: Path, folder: Path) -> bool:
    """Whether a file below a folder is a link to something that does not lie below it."""
    return file.is_symlink() and not file.resolve().is_relative_to(folder.resolve())


def _listed(folder: Path) -> list[Path]:
    """Every picture, or an error: a folder below that cannot be entered may hold more."""
    return list(_picture_files(folder, _refuse))


def _refuse(error: OSError) -> None:
    raise error


def _is_picture(name: str) -> bool:
    return bool(_PICTURE.search(name)) and not name.rpartition("/")[2].startswith("._")


def _is_zip(path: Path) -> bool:
    """Begins like a zip: a video with a zip glued to its end is a video."""
    try:
        with path.open("rb") as file:
            return file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC
    except OSError as error:
        refuse_failing_disk(path, error)
        return False


def _leads_out(name: str) -> bool:
    """Absolute, with a drive or with ``..``, by the rules of any system.

    >>> _leads_out("a/../../b.jpg"), _leads_out("C:/b.jpg"), _leads_out("a..b/c.jpg")
    (True, True, False)
    """
    slashed = name.replace("\\", "/")
    return slashed.startswith("/") or bool(_DRIVE.match(slashed)) or ".." in slashed.split("/")


def _member_time_ms(member: zipfile.ZipInfo) -> int | None:
    """Of a zip's entry: two-second steps; None for a date that is not in the calendar."""
    try:
        return int(datetime(*member.date_time, tzinfo=UTC).timestamp()) * 1000
    except ValueError:
        return None


def _digest_line(folder: Path, file: Path) -> bytes:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return b"%s %s\n" % (os.fsencode(file.relative_to(folder).as_posix()), digest.encode())
