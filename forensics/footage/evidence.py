"""Evidence and its sources: an immutable file or a folder of stills, named by the digest of its bytes."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from forensics.footage.pictures import Timing
from forensics.footage.timeline import PacketIndex
from forensics.place import Place

__all__ = [
    "Evidence",
    "Footage",
    "Indexed",
    "Medium",
    "Readable",
    "Reader",
    "Source",
    "Timing",
    "Verdict",
    "evidence_id_of",
    "frame_sizes",
]


class Verdict(StrEnum):
    """How much of a source can be read."""

    OK = "ok"
    PARTIAL = "partial"
    REJECTED = "rejected"


class Reader(StrEnum):
    """Adapter that decodes an evidence."""

    PYAV = "pyav"
    DECORD = "decord"
    STILLS = "stills"


@dataclass(frozen=True, slots=True)
class Footage:
    """How a reader opens one evidence.

    Attributes:
        path: the file, folder, zip or object that is decoded: the original, or its working copy.
        reader: the adapter that decodes it.
        stream_index: index of the video stream in the file.
        shift_ticks: added to a pts of `path` to get the pts of the index.
    """

    path: Place
    reader: Reader
    stream_index: int
    shift_ticks: int


@dataclass(frozen=True, slots=True)
class Medium:
    """Properties of the container and its video stream, as stated and as measured while indexing.

    Attributes:
        container: the demuxer's name, such as ``mov,mp4,m4a,3gp,3g2,mj2``.
        codec: the decoder's name.
        width_px, height_px: size of the upright decoded frame; of stills, the most common size.
        rotation_degrees: clockwise turn that makes the stored picture upright, after a mirroring if the container
            states one: 0, 90, 180, 270.
        rate_stated: frames per second by the header; None if it states none.
        rate_counted: frames per second by the packets; None for fewer than two frames.
        n_frames_from_header: frame count by the header; None if it states none.
        timing: origin of the frame times; of stills, that of most pictures.
        other_streams: indices of the other video streams of the file, which are not read.
    """

    container: str
    codec: str
    width_px: int
    height_px: int
    rotation_degrees: int
    rate_stated: Fraction | None
    rate_counted: Fraction | None
    n_frames_from_header: int | None
    timing: Timing
    other_streams: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Indexed:
    """Result of indexing one file or one folder of stills.

    Attributes:
        index: address of every frame.
        medium: properties of the container.
        footage: how a reader opens it.
        working_copy_sha256: SHA-256 of the remuxed copy in `footage.path`; None if the original is read.
        reader_reason: why this reader was chosen.
        shortfall: description of missing or doubtful frames; empty for a complete file.
        remark: what people should know about a complete file, such as a clock that jumps; empty if nothing.
        picture_names: file name of each frame of stills, in the order of the index; empty for video.
    """

    index: PacketIndex
    medium: Medium
    footage: Footage
    working_copy_sha256: str | None
    reader_reason: str
    shortfall: str
    remark: str = ""
    picture_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One immutable file or one folder of stills, as registered in the case.

    Attributes:
        evidence_id: the first 16 hex digits of `sha256`.
        path: last known location; absolute if it is a file path.
        sha256: digest of the file; for stills, digest over the sorted names and digests of the pictures.
        size_bytes: size of the file, or of all pictures together.
        camera_id: the viewpoint.
        start_utc_us: media time zero by the camera's own clock, which is not corrected here, in microseconds since
            1970 UTC; None if unknown.
        clock_error_ms: half-width of the interval around `start_utc_us`; None if unknown.
        verdict, reason: how much of it can be read, and why not all.
        readable: how it is read; None for rejected evidence.
        first_camera_id: the camera that was stated first, if it was corrected since; empty if not.
        start_stated: the same start as it was stated, in ISO 8601 with its offset from UTC; None if unknown, and for
            evidence of versions that kept only `start_utc_us`.
    """

    evidence_id: str
    path: Place
    sha256: str
    size_bytes: int
    camera_id: str
    start_utc_us: int | None
    clock_error_ms: int | None
    verdict: Verdict
    reason: str
    readable: "Readable | None"
    first_camera_id: str = ""
    start_stated: str | None = None

    @property
    def id_camera(self) -> str:
        """Camera in the ids of sightings: the first one, so that ids and verdicts survive a correction."""
        return self.first_camera_id or self.camera_id

    @property
    def n_frames(self) -> int:
        """Number of frames that can be read; 0 for rejected evidence."""
        return self.readable.n_frames if self.readable else 0


@dataclass(frozen=True, slots=True)
class Readable:
    """How the frames of an evidence are read, without the packet index itself.

    Attributes:
        medium, footage, working_copy_sha256, reader_reason: as in `Indexed`.
        n_frames: number of rows of the stored packet index.
        time_base: seconds of one tick.
        index_sha256: SHA-256 of the stored packet index.
    """

    medium: Medium
    footage: Footage
    working_copy_sha256: str | None
    reader_reason: str
    n_frames: int
    time_base: Fraction
    index_sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """A path given to `ingest`, readable or not.

    Attributes:
        path: the given path, made absolute.
        evidence_id: id of the evidence; None if the path could not be read.
        camera_id: the viewpoint that the path was given for.
        verdict, reason: as in `Evidence`; the reason tells if the same bytes are known under another path.
    """

    path: Place
    evidence_id: str | None
    camera_id: str
    verdict: Verdict
    reason: str


def frame_sizes(index: PacketIndex, medium: Medium) -> npt.NDArray[np.int32]:
    """Return the width and height of each upright frame, (F, 2) int32; that of the medium where no other is known."""
    of_medium = np.array([medium.width_px, medium.height_px], dtype=np.int32)
    if index.pictures is None:
        return np.tile(of_medium, (index.n_frames, 1))
    return np.where(index.pictures.size_px > 0, index.pictures.size_px, of_medium)


def evidence_id_of(sha256: str) -> str:
    """Return the id of an evidence: the first 16 hex digits of its SHA-256.

    >>> evidence_id_of("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    'e3b0c44298fc1c14'
    """
    return sha256[:16]
