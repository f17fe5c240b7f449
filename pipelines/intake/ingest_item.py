"""One path to ingest, with what the user states about it."""

from dataclasses import dataclass
from fractions import Fraction

from forensics.footage.evidence import Reader
from forensics.place import Place
from pipelines.intake.unknown import Stated

__all__ = ["IngestItem"]


@dataclass(frozen=True, slots=True)
class IngestItem:
    """One path to ingest, with what the user states about it.

    Attributes:
        path: a file, a folder of stills, a zip of stills or an object.
        camera_id: id of the camera.
        camera_is_stated: False if the id was made from the name of the file; then the same bytes under another name
            keep the camera that they were first ingested for.
        start_utc_us: time of media time zero by the camera's clock, microseconds since 1970 UTC; `UNKNOWN` takes an
            earlier statement back; None states nothing.
        start_stated: the same time as it was stated, in ISO 8601 with its offset from UTC; None if no time is stated.
        clock_error_ms: largest error of that time; `UNKNOWN` takes an earlier statement back; None states nothing.
        assumed_rate: frames per second if the container has no times; None if not given.
        stream_index: video stream to read; None for the default stream, or the largest if there is no default.
        reader: `Reader.DECORD` to read with decord if it is proven exact on this file.
        line: number of the line of a list that names it, from 1; None without a list.
    """

    path: Place
    camera_id: str
    camera_is_stated: bool = True
    start_utc_us: Stated = None
    start_stated: str | None = None
    clock_error_ms: Stated = None
    assumed_rate: Fraction | None = None
    stream_index: int | None = None
    reader: Reader = Reader.PYAV
    line: int | None = None

    def __str__(self) -> str:
        return str(self.path) if self.line is None else f"line {self.line} ({self.path})"
