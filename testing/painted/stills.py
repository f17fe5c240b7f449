"""Grey pictures with EXIF, folders and ZIP archives of them, and what is read of these."""

import os
import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import IntEnum
from io import BytesIO
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from PIL import Image

from forensics.adapters.stills.stills_reader import open_reader
from forensics.footage.evidence import Indexed
from forensics.footage.frames import Frame, Gap, Item, View

__all__ = [
    "AND_ZIP",
    "Pack",
    "Tag",
    "brightest",
    "folder_of",
    "frames",
    "milliseconds",
    "set_file_time",
    "stamp",
    "still",
    "zip_of",
]


class Tag(IntEnum):
    """EXIF fields of times, with the numbers of the standard."""

    ORIGINAL = 0x9003
    DIGITIZED = 0x9004
    CHANGED = 0x0132
    SUBSECOND_ORIGINAL = 0x9291
    SUBSECOND_DIGITIZED = 0x9292
    SUBSECOND = 0x9290
    OFFSET_ORIGINAL = 0x9011
    OFFSET_DIGITIZED = 0x9012
    OFFSET = 0x9010


def still(grey: int, tags: Mapping[int, str] | None = None, kind: str = "JPEG") -> bytes:
    """Return a grey picture with these EXIF tags, as the bytes of its file."""
    exif = Image.Exif()
    for tag, text in (tags or {}).items():
        (exif if tag == Tag.CHANGED else exif.get_ifd(0x8769))[tag] = text
    data = BytesIO()
    # As bytes: TIFFs would leave the times out otherwise.
    Image.new("RGB", (16, 8), (grey, grey, grey)).save(data, kind, **({"exif": exif.tobytes()} if tags else {}))
    return data.getvalue()


def stamp(moment: datetime) -> str:
    """Return a time as EXIF writes it."""
    return f"{moment:%Y:%m:%d %H:%M:%S}"


def milliseconds(moment: datetime) -> int:
    """Return a time without its zone in milliseconds since 1970."""
    return (moment.replace(tzinfo=None) - datetime(1970, 1, 1)) // (datetime.resolution * 1000)


def folder_of(folder: Path, pictures: Mapping[str, bytes]) -> Path:
    """Write files into a folder, by their relative paths."""
    for name, data in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def zip_of(path: Path, pictures: Mapping[str, bytes]) -> Path:
    """Write files into a ZIP archive, all with the time 2021-05-31T08:25:38."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in pictures.items():
            archive.writestr(zipfile.ZipInfo(name, (2021, 5, 31, 8, 25, 38)), data)
    return path


def set_file_time(file: Path, at_ms: int) -> None:
    """Set when a file was written last, in milliseconds since 1970 UTC."""
    os.utime(file, ns=(0, at_ms * 1_000_000))


def frames(indexed: Indexed, view: View | None = None) -> list[Frame | Gap]:
    """Read every picture."""
    reader = open_reader(indexed.footage, indexed.index, view or View())
    return [item for item in reader.read(np.arange(indexed.index.n_frames)) if isinstance(item, Frame | Gap)]


def brightest(read: Iterable[Item]) -> list[int]:
    """Return the largest value of each picture, which is its grey; -1 for a gap."""
    return [int(frame.rgb.max()) if isinstance(frame, Frame) else -1 for frame in read]


Pack: TypeAlias = Callable[[Path, Mapping[str, bytes]], Path]
AND_ZIP: Final[tuple[Pack, Pack]] = (folder_of, zip_of)
