"""Builders of pictures with EXIF, and of folders and ZIP archives of them."""

import os
import zipfile
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from forensics.adapters.stills.stills_reader import open_reader
from forensics.footage.evidence import Indexed
from forensics.footage.frames import Frame, Gap, View

ORIGINAL, DIGITIZED, CHANGED = 0x9003, 0x9004, 0x0132
SUBSECOND_ORIGINAL, SUBSECOND_DIGITIZED, SUBSECOND = 0x9291, 0x9292, 0x9290
OFFSET_ORIGINAL, OFFSET_DIGITIZED, OFFSET = 0x9011, 0x9012, 0x9010


def still(grey: int, tags: Mapping[int, str] | None = None, kind: str = "JPEG") -> bytes:
    """A grey picture with these EXIF tags."""
    exif = Image.Exif()
    for tag, text in (tags or {}).items():
        (exif if tag == CHANGED else exif.get_ifd(0x8769))[tag] = text
    data = BytesIO()
    # As bytes: TIFFs would leave the times out otherwise.
    Image.new("RGB", (16, 8), (grey, grey, grey)).save(data, kind, **({"exif": exif.tobytes()} if tags else {}))
    return data.getvalue()


def stamp(moment: datetime) -> str:
    return f"{moment:%Y:%m:%d %H:%M:%S}"


def milliseconds(moment: datetime) -> int:
    return (moment.replace(tzinfo=None) - datetime(1970, 1, 1)) // (datetime.resolution * 1000)


def folder_of(folder: Path, pictures: Mapping[str, bytes]) -> Path:
    for name, data in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def zip_of(path: Path, pictures: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in pictures.items():
            archive.writestr(zipfile.ZipInfo(name, (2021, 5, 31, 8, 25, 38)), data)
    return path


def set_file_time(file: Path, at_ms: int) -> None:
    os.utime(file, ns=(0, at_ms * 1_000_000))


def frames(indexed: Indexed, view: View | None = None) -> list[Frame | Gap]:
    reader = open_reader(indexed.footage, indexed.index, view or View())
    return [item for item in reader.read(np.arange(indexed.index.n_frames)) if isinstance(item, Frame | Gap)]


def brightest(read: list[Frame | Gap]) -> list[int]:
    return [int(frame.rgb.max()) if isinstance(frame, Frame) else -1 for frame in read]
