"""Erases a case on an ext4 file system in an image, and searches the raw image for what the case knew about people.

Root is needed to mount the image. The keys lie in the same image, which is worse than what docs/threats.md recommends.
"""

import contextlib
import os
import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final
from unittest.mock import patch

from forensics.digests import sha256_of_bytes
from testing.commands import RedirectingCall
from testing.face_case import FaceCase

__all__ = ["CannotMount", "Remains", "erase_on_a_disk"]

_IMAGE_BYTES: Final = 512 << 20
_CHUNK_BYTES: Final = 16 << 20
_CONTROL: Final = b"written in clear, then deleted: "
_NAME: Final = "marked-man"
_BASIS: Final = "warrant against the owner of the red van"
_NOTE: Final = "a scar like no other"

Remains = Mapping[str, int]
"""How often each thing that an attacker looks for is in the raw image."""


class CannotMount(Exception):
    """This machine does not let this user mount an image."""


def erase_on_a_disk(folder: Path) -> tuple[Remains, Remains]:
    """Search a case in an image, erase it, and return what is in the raw image before and after.

    Args:
        folder: empty; the image and the footage go there.

    Raises:
        CannotMount: mounting is refused.
    """
    image, disk = folder / "disk.img", folder / "disk"
    disk.mkdir()
    with image.open("wb") as file:
        file.truncate(_IMAGE_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True, capture_output=True)
    with _mounted(image, disk):
        wanted, erase = _search_on(disk, folder)
        before = _count(image, wanted)
        erase()
    return before, _count(image, wanted)


@contextlib.contextmanager
def _mounted(image: Path, disk: Path) -> Iterator[None]:
    mounted = subprocess.run(["mount", "-o", "loop", image, disk], check=False, capture_output=True, text=True)
    if mounted.returncode:
        raise CannotMount(mounted.stderr.strip())
    keys = {"FORENSICS_KEYS": str(disk / "keys"), "FORENSICS_REVIEWER_KEYS": str(disk / "reviewers")}
    try:
        with patch.dict(os.environ, keys):
            yield
    finally:
        subprocess.run(["umount", disk], check=True)


def _search_on(disk: Path, folder: Path) -> tuple[dict[str, bytes], Callable[[], None]]:
    """Make a case with candidates, a verdict and a removed entry; return what to look for, and the erasure."""
    (disk / "control").write_bytes(_CONTROL * 1000)
    os.sync()
    (disk / "control").unlink()
    footage = folder / "footage"
    footage.mkdir()
    call = RedirectingCall()
    case = FaceCase.make(footage, call, root=disk / "case")
    case.enrol("gone-home", 1, footage)
    case.run()
    case.do("watchlist remove", "gone-home", "--reason", "found")
    case.enrol(_NAME, 0, footage, basis=_BASIS)
    case.run()
    case.reviewer("B. Becker")
    (row,) = [row for row in case.candidates() if row["decision"] == "candidate"]
    candidate = f"{row['sighting_id']}:{row['entry_id']}"
    assert case.decide("B. Becker", candidate, "undecided", "--note", _NOTE).code == 0
    similarity = row["similarity"]
    assert isinstance(similarity, float)
    picture = (footage / f"{_NAME}.png").read_bytes()
    wanted = {
        "control": _CONTROL,
        "name of an entry": _NAME.encode(),
        "name of a removed entry": b"gone-home",
        "basis": _BASIS.encode(),
        "note": _NOTE.encode(),
        "verdict": b'"undecided"',
        "candidate": candidate.encode(),
        "similarity": struct.pack("<d", similarity),
        "similarity in words": repr(similarity).encode(),
        "digest of a reference picture": sha256_of_bytes(picture).encode(),
        "reference picture": picture[200:264],
        "head of a JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF",
        "key of the case": case.key.expose(),
        "template": case.faces.vectors[0].tobytes()[:64],
    }
    return wanted, lambda: _erase(case)


def _erase(case: FaceCase) -> None:
    case.do("case deny", "--reason", "refused by the court")


def _count(image: Path, wanted: Mapping[str, bytes]) -> Remains:
    """Return how often each of the byte strings is in the image, after everything was written to it."""
    os.sync()
    longest = max(map(len, wanted.values()))
    found = dict.fromkeys(wanted, 0)
    with image.open("rb") as file:
        tail = b""
        while data := file.read(_CHUNK_BYTES):
            window = tail + data
            for name, needle in wanted.items():
                found[name] += window.count(needle) - tail.count(needle)
            tail = window[-(longest - 1) :]
    return found
