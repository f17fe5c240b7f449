"""Pictures of known people: read, judged, and refused where they cannot be compared or were taken from the evidence."""

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from forensics.adapters.faces.face_quality import quality_of
from forensics.adapters.stills.pixels import PICTURE_FAULTS, TooLarge, read_pixels
from forensics.custody.case_folder import CaseFolder
from forensics.digests import sha256_of_bytes
from forensics.errors import NotAuthorised, UnfitPicture, UsageError
from forensics.faces.face import Face, FaceDetector, FaceEmbedder, Quality, QualityLimits, shortcomings
from forensics.footage.frames import RgbArray, View
from pipelines.search.case_pictures import case_pictures_among

__all__ = ["Picture", "ReferencePicture", "measure_again", "measure_picture", "read_pictures"]

_LARGEST_PICTURE_BYTES: Final = 64 << 20
_WHAT_IS_WRONG: Final = {
    "small": "the face is too small",
    "blurred": "the face is blurred",
    "turned_away": "the face is turned away",
    "doubtful": "the face is hard to make out",
}


@dataclass(frozen=True, slots=True, eq=False)
class ReferencePicture:
    """One picture of one face.

    Attributes:
        name: of the picture, for messages.
        data: the file's bytes.
        rgb: (h, w, 3) uint8.
        face: where.
        quality: how good the face is.
    """

    name: str
    data: bytes
    rgb: RgbArray
    face: Face
    quality: Quality

    @property
    def sha256(self) -> str:
        """Of the file."""
        return sha256_of_bytes(self.data)

    def described(self) -> dict[str, Any]:
        """What may be read of it: its digest and its quality."""
        return {
            "sha256": self.sha256,
            "eyes_px": round(self.quality.eyes_px, 1),
            "sharpness": round(self.quality.sharpness, 1),
            "yaw_degrees": round(self.quality.yaw_degrees, 1),
            "score": round(self.quality.score, 3),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture that was given, not yet looked at.

    Attributes:
        name: for messages: its path, or where else it comes from.
        data: its bytes.
    """

    name: str
    data: bytes


def read_pictures(folder: CaseFolder, paths: Sequence[Path]) -> list[Picture]:
    """The pictures in these files, each content once.

    Raises:
        UsageError: a file is too large or cannot be read.
        NotAuthorised: one was taken from the case's own footage: who is in it is for reviewers to say.
    """
    given = {path: _read(path) for path in paths}
    for path in case_pictures_among(folder, given):
        raise NotAuthorised(
            "was taken from the case's own footage",
            "nobody is looked for by a picture of an unknown person; have two reviewers confirm who it is and say "
            "--from-sighting, or give a picture of a person who is known",
            path,
        )
    by_content: dict[bytes, Path] = {}
    for path, data in given.items():
        by_content.setdefault(data, path)
    return [Picture(str(path), data) for data, path in by_content.items()]


def _read(path: Path) -> bytes:
    """The bytes of a regular file: a pipe would be waited on for ever, and a device never ends."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError("not a file", "name a picture file", path)
        with path.open("rb") as file:
            data = file.read(_LARGEST_PICTURE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{error.strerror}", "name a picture file that can be read", path) from error
    if len(data) > _LARGEST_PICTURE_BYTES:
        raise UsageError(f"larger than {_LARGEST_PICTURE_BYTES >> 20} MiB", "give a smaller picture", path)
    return data


def measure_picture(
    picture: Picture, detector: FaceDetector, embedder: FaceEmbedder, limits: QualityLimits
) -> ReferencePicture:
    """The picture, if it shows one face that is good enough.

    Raises:
        UnfitPicture: it does not, and what is wrong.
    """
    try:
        rgb, _ = read_pixels(picture.data, View())
    except (TooLarge, *PICTURE_FAULTS) as error:
        problem = f"not a picture that can be read ({error})"
        raise UnfitPicture(problem, "give a JPEG or PNG file", picture.name, ("unreadable",)) from error
    faces = detector.faces(rgb)
    if len(faces) != 1:
        word, found = ("several", f"{len(faces)} faces were found") if faces else ("none", "no face was found")
        raise UnfitPicture(found, "give a picture that shows one face, large and from the front", picture.name, (word,))
    portrait = _judged(picture, rgb, faces[0], embedder)
    wrong = shortcomings(portrait.quality, limits)
    if wrong:
        problem = " and ".join(_WHAT_IS_WRONG[word] for word in wrong)
        raise UnfitPicture(
            f"{problem} ({_measured(portrait.quality, limits)})",
            "give a picture that shows one face, large, sharp and from the front",
            picture.name,
            wrong,
        )
    return portrait


def measure_again(data: bytes, detector: FaceDetector, embedder: FaceEmbedder) -> ReferencePicture:
    """A picture that was found good enough before, perhaps by another detector: its largest face."""
    rgb, _ = read_pixels(data, View())
    faces = detector.faces(rgb)
    if not faces:
        raise UsageError(
            f"{detector.model_id} finds no face in a reference picture", "use the detector the entry was added with"
        )
    largest = max(faces, key=lambda each: each.eye_distance_px)
    return _judged(Picture("a reference picture", data), rgb, largest, embedder)


def _judged(picture: Picture, rgb: RgbArray, face: Face, embedder: FaceEmbedder) -> ReferencePicture:
    return ReferencePicture(picture.name, picture.data, rgb, face, quality_of(rgb, face, embedder.aligned(rgb, face)))


def _measured(quality: Quality, limits: QualityLimits) -> str:
    return (
        f"eyes {quality.eyes_px:.0f} px apart, at least {limits.eyes_px:.0f}; sharpness {quality.sharpness:.0f}, "
        f"at least {limits.sharpness:.0f}; turned {quality.yaw_degrees:.0f} degrees, at most {limits.yaw_degrees:.0f}; "
        f"score {quality.score:.2f}, at least {limits.score:.2f}"
    )
