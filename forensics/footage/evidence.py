"""What was given and what it is: one immutable file, or one folder of stills, named by its bytes."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

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
]


class Verdict(StrEnum):
    """How much of a source can be read."""

    OK = "ok"
    PARTIAL = "partial"
    REJECTED = "rejected"


class Reader(StrEnum):
    """Which adapter decodes an evidence."""

    PYAV = "pyav"
    DECORD = "decord"
    STILLS = "stills"


class Timing(StrEnum):
    """Where the time of a frame was taken from."""

    CONTAINER = "container"
    ASSUMED = "assumed"
    EXIF = "exif"
    FILE_NAME = "file_name"
    FILE_TIME = "file_time"


@dataclass(frozen=True, slots=True)
class Footage:
    """How a reader opens one evidence.

    Attributes:
        path: the file, folder, zip or object that is decoded: the original, or its working copy.
        reader: the adapter that decodes it.
        stream_index: which stream of the file.
        shift_ticks: what to add to a pts of `path` to get the pts of the index.
    """

    path: Place
    reader: Reader
    stream_index: int
    shift_ticks: int


@dataclass(frozen=True, slots=True)
class Medium:
    """What the container states and what one look at it found.

    Attributes:
        container: the demuxer's name, such as ``mov,mp4,m4a,3gp,3g2,mj2``.
        codec: the decoder's name.
        width_px, height_px: of the upright decoded frame.
        rotation_degrees: clockwise turn that makes the stored picture upright: 0, 90, 180, 270.
        rate_stated: frames per second by the header; None where it states none.
        rate_counted: frames per second by the packets; None for fewer than two frames.
        n_frames_from_header: None where the header does not say.
        timing: where the times of the frames come from.
        other_streams: video streams of the same file that are not read.
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
    """What indexing one file or folder of stills found out.

    Attributes:
        index: every frame's address.
        medium: what the container states.
        footage: how a reader opens it.
        working_copy_sha256: of the remuxed copy in `footage.path`; None where the original is read.
        reader_reason: why this reader was chosen.
        shortfall: what is missing or doubtful, in words; empty for a whole file.
        picture_names: the file of each frame of stills, in the order of the index; empty for video.
    """

    index: PacketIndex
    medium: Medium
    footage: Footage
    working_copy_sha256: str | None
    reader_reason: str
    shortfall: str
    picture_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One immutable file, or one folder of stills, as the case knows it.

    Attributes:
        evidence_id: the first 16 hex digits of `sha256`.
        path: where it was when it was last seen, absolute where it is a path.
        sha256: of the file; of stills, over the sorted names and digests of the pictures.
        size_bytes: of the file, or of all pictures together.
        camera_id: the viewpoint.
        start_utc_us: microseconds since 1970 UTC of media time zero by the camera's own clock;
            None where nobody stated it.
        clock_error_ms: half-width of the interval around `start_utc_us`; None if unknown.
        verdict, reason: how much of it can be read, and why not all.
        readable: how it is read; None for rejected evidence.
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

    @property
    def n_frames(self) -> int:
        """How many frames can be asked for; none of rejected evidence."""
        return self.readable.n_frames if self.readable else 0


@dataclass(frozen=True, slots=True)
class Readable:
    """How the frames of an evidence are read, without the index itself.

    Attributes:
        medium, footage, working_copy_sha256, reader_reason: as in `Indexed`.
        n_frames: rows of the stored packet index.
        time_base: seconds of one tick.
        index_sha256: of the stored packet index.
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
    """A path that was given, whatever became of it.

    Attributes:
        path: as given, made absolute.
        evidence_id: None where it could not be read.
        camera_id: the viewpoint it was given for.
        verdict, reason: as in `Evidence`; a second name of known bytes says so.
    """

    path: Place
    evidence_id: str | None
    camera_id: str
    verdict: Verdict
    reason: str


def evidence_id_of(sha256: str) -> str:
    """The name of evidence: the first 16 hex digits of its digest.

    >>> evidence_id_of("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    'e3b0c44298fc1c14'
    """
    return sha256[:16]
