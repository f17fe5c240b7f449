"""Reads pictures of known people, measures their faces, and refuses unusable pictures and those from the footage."""

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from forensics.adapters.faces.face_quality import quality_of
from forensics.adapters.stills.pixels import PICTURE_FAULTS, TooLarge, read_pixels
from forensics.custody.case_folder import CaseFolder
from forensics.custody.sealer import Sealer
from forensics.digests import sha256_of_bytes
from forensics.errors import NotAuthorised, Unfit, UsageError
from forensics.faces.face import Face, FaceDetector, FaceEmbedder, Quality, QualityLimits, quality_problems
from forensics.faces.single_faces import SingleFaces
from forensics.footage.frames import RgbArray, View
from forensics.json_object import JsonObject
from pipelines.search.case_pictures import find_case_pictures

__all__ = [
    "Picture",
    "ReferencePicture",
    "embed_references",
    "measure_picture",
    "measure_stored_picture",
    "read_pictures",
]

_LARGEST_PICTURE_BYTES: Final = 64 << 20
_PROBLEM_TEXT: Final = {
    "small": "the face is too small",
    "blurred": "the face is blurred",
    "turned_away": "the face is turned away",
    "doubtful": "the detector is unsure of the face",
}


@dataclass(frozen=True, slots=True, eq=False)
class ReferencePicture:
    """One picture with exactly one usable face.

    Attributes:
        name: name of the picture, for messages.
        data: bytes of the file.
        rgb: (h, w, 3) uint8.
        face: the face, in pixels of the picture.
        quality: quality of the face.
    """

    name: str
    data: bytes
    rgb: RgbArray
    face: Face
    quality: Quality

    @property
    def sha256(self) -> str:
        """SHA-256 of the file, in hex."""
        return sha256_of_bytes(self.data)

    def describe(self) -> JsonObject:
        """Return the digest and the quality, which are stored without encryption."""
        return {
            "sha256": self.sha256,
            "eyes_px": round(self.quality.eyes_px, 1),
            "sharpness": round(self.quality.sharpness, 1),
            "yaw_degrees": round(self.quality.yaw_degrees, 1),
            "score": round(self.quality.score, 3),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A given picture, not yet decoded.

    Attributes:
        name: name for messages: its path, or the candidate and the number of the face.
        data: bytes of the file.
    """

    name: str
    data: bytes


def read_pictures(folder: CaseFolder, key: Sealer, paths: Sequence[Path]) -> list[Picture]:
    """Read picture files; of files with the same content only the first is kept.

    Raises:
        UsageError: a file is too large or cannot be read.
        NotAuthorised: a picture was taken from the case's own footage. Two reviewers must confirm such a face first.
    """
    given = {path: _read_file(path) for path in paths}
    for path in find_case_pictures(folder, key, given):
        raise NotAuthorised(
            "was taken from the case's own footage",
            "let two reviewers confirm the candidate, then use --from-sighting SIGHTING:ENTRY; or give a picture from "
            "another source",
            path,
        )
    by_content: dict[bytes, Path] = {}
    for path, data in given.items():
        by_content.setdefault(data, path)
    return [Picture(str(path), data) for data, path in by_content.items()]


def _read_file(path: Path) -> bytes:
    """Read a regular file; refuse others, because reading a pipe may block for ever and a device may never end."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError("not a file", "give a picture file", path)
        with path.open("rb") as file:
            data = file.read(_LARGEST_PICTURE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{error.strerror}", "give a readable picture file", path) from error
    if len(data) > _LARGEST_PICTURE_BYTES:
        raise UsageError(f"larger than {_LARGEST_PICTURE_BYTES >> 20} MiB", "give a smaller picture", path)
    return data


def measure_picture(picture: Picture, detector: FaceDetector, limits: QualityLimits) -> ReferencePicture:
    """Detect and measure the face in a picture.

    Raises:
        Unfit: the picture is unreadable, does not show exactly one face, or the face is outside the limits.
    """
    try:
        rgb, _ = read_pixels(picture.data, View())
    except (TooLarge, *PICTURE_FAULTS) as error:
        problem = "not a picture that can be read"
        raise Unfit(problem, "give a JPEG or PNG file", picture.name, ("unreadable",)) from error
    faces = detector.faces(rgb)
    if len(faces) != 1:
        word, found = ("several", f"{len(faces)} faces were found") if faces else ("none", "no face was found")
        raise Unfit(found, "give a picture that shows one face, large and from the front", picture.name, (word,))
    reference = _measure_face(picture, rgb, faces[0])
    problems = quality_problems(reference.quality, limits)
    if problems:
        problem = " and ".join(_PROBLEM_TEXT[word] for word in problems)
        raise Unfit(
            f"{problem}: {_quality_text(reference.quality, limits)}",
            "give a picture that shows one face, large, sharp and from the front",
            picture.name,
            problems,
        )
    return reference


def measure_stored_picture(data: bytes, detector: FaceDetector) -> ReferencePicture:
    """Measure the largest face in a stored reference picture, without limits.

    The picture passed the limits when it was added, perhaps with another detector.

    Raises:
        UsageError: this detector finds no face in it.
    """
    rgb, _ = read_pixels(data, View())
    faces = detector.faces(rgb)
    if not faces:
        raise UsageError(
            f"{detector.model_id} finds no face in a reference picture",
            "use the face detector with which the entry was added: --set recognise.detector=NAME",
        )
    largest = max(faces, key=lambda each: each.eye_distance_px)
    return _measure_face(Picture("a reference picture", data), rgb, largest)


def embed_references(
    references: Sequence[ReferencePicture], detector: FaceDetector, embedder: FaceEmbedder
) -> SingleFaces:
    """Return the face of each picture, then that of the mirror image of each."""
    own = [embedder.align(each.rgb, each.face) for each in references]
    return SingleFaces.embedded([*own, *(_mirrored(each, detector, embedder) for each in references)], embedder)


def _mirrored(reference: ReferencePicture, detector: FaceDetector, embedder: FaceEmbedder) -> RgbArray:
    """Return the aligned face of the mirror image; where none is found there, the mirrored face."""
    rgb = np.ascontiguousarray(reference.rgb[:, ::-1])
    faces = detector.faces(rgb)
    if not faces:
        return embedder.align(reference.rgb, reference.face)[:, ::-1]
    return embedder.align(rgb, max(faces, key=lambda each: each.eye_distance_px))


def _measure_face(picture: Picture, rgb: RgbArray, face: Face) -> ReferencePicture:
    return ReferencePicture(picture.name, picture.data, rgb, face, quality_of(rgb, face))


def _quality_text(quality: Quality, limits: QualityLimits) -> str:
    return (
        f"eyes {quality.eyes_px:.0f} px apart (at least {limits.eyes_px:.0f}), "
        f"sharpness {quality.sharpness:.0f} (at least {limits.sharpness:.0f}), "
        f"turned {quality.yaw_degrees:.0f} degrees (at most {limits.yaw_degrees:.0f}), "
        f"score {quality.score:.2f} (at least {limits.score:.2f})"
    )
