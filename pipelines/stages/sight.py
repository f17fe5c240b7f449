"""Stage `sight`: summarise each track of one evidence, with a thumbnail of its best detection."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from forensics.adapters.libraries.opencv import load_opencv
from forensics.adapters.pictures.thumbnails import thumbnail_jpeg
from forensics.custody.case_folder import CaseFolder
from forensics.custody.sealer import Sealer
from forensics.decoding.child import DecodingChild, Limits
from forensics.decoding.decoder_crashes import read_past_crashes
from forensics.detection.detections import FloatArray
from forensics.footage.evidence import Evidence, frame_sizes
from forensics.footage.frames import Frame, Item, View
from forensics.footage.timeline import Int64Array
from forensics.tables.evidence import load_index
from forensics.tables.files import read_table
from forensics.tables.parts import StoredDetections
from forensics.tables.schemas import SIGHT_PART, TRACK_PART
from forensics.tables.sighting_rows import seal_thumbnails
from forensics.tracking.sightings import Tracks, summarise_tracks
from pipelines.stages.track import EvidenceWork

__all__ = ["Sight", "SightWork", "sight_evidence"]


@dataclass(frozen=True, slots=True)
class SightWork:
    """The detections of one evidence and their tracks."""

    tracked: EvidenceWork
    track_part: Path
    unit: str

    @property
    def evidence(self) -> Evidence:
        """The evidence of the tracks."""
        return self.tracked.evidence


@dataclass(frozen=True, slots=True)
class Sight:
    """Summarises the tracks of one evidence and makes a thumbnail of each.

    Attributes:
        case: the case folder, for packet indexes.
        limits: limits of time and memory of a decoding child.
        seals_thumbnails: whether thumbnails are sealed with the key of the case, because it compares faces.
        thumbnails: ``all``, or ``none`` if no picture is stored, also none of people.
    """

    case: CaseFolder
    limits: Limits
    seals_thumbnails: bool
    thumbnails: Literal["all", "none"] = "all"
    name: ClassVar[str] = "sight"

    @property
    def uses_key(self) -> bool:
        """Whether thumbnails are sealed."""
        return self.seals_thumbnails

    def frames_in(self, item: SightWork) -> int:
        """Return the number of frames of the evidence, which is the upper bound."""
        return item.evidence.n_frames

    def open(self) -> Callable[[SightWork], pa.Table]:
        """Start a decoding child, once per worker."""
        return _OpenedSight(self, None)

    def open_with_key(self, key: Sealer) -> Callable[[SightWork], pa.Table]:
        """Start a decoding child, once per worker; thumbnails leave it sealed."""
        return _OpenedSight(self, key)


class _OpenedSight:
    """Summarises tracks in one worker."""

    def __init__(self, stage: Sight, key: Sealer | None) -> None:
        self._key = key
        load_opencv().setNumThreads(1)
        self._case = stage.case
        self._thumbnails = stage.thumbnails
        self._child = DecodingChild(stage.limits)
        self._child.start()

    def __call__(self, work: SightWork) -> pa.Table:
        evidence = work.evidence
        readable = evidence.readable
        assert readable is not None
        index = load_index(self._case, evidence)
        numbers = read_table(work.track_part, TRACK_PART)["track_number"].to_numpy()
        stored = work.tracked.load_detections()
        view = View(shows_damaged=bool(stored.is_doubtful.any()))

        def read(wanted: Int64Array) -> Iterator[Item]:
            if self._thumbnails == "none":
                return iter(())
            return read_past_crashes(self._child, readable.footage, index, view, wanted)

        sizes = frame_sizes(index, readable.medium)[stored.detections.frame]
        table = sight_evidence(stored, numbers, size_px=sizes, read=read)
        return table if self._key is None else seal_thumbnails(table, self._key)

    def close(self) -> None:
        """End the decoding child."""
        self._child.close()


def sight_evidence(
    stored: StoredDetections,
    track_numbers: Int64Array,
    *,
    size_px: npt.NDArray[np.int32],
    read: Callable[[Int64Array], Iterator[Item]],
) -> pa.Table:
    """Return one row per track, ordered by track number; the thumbnail is null if `read` yields no picture of it.

    Args:
        stored: the detections of one evidence.
        track_numbers: (N,) int64, track of each detection, -1 without one.
        size_px: (N, 2) int32, width and height of the frame of each detection.
        read: yields the frames with these numbers; a gap, or nothing, for a frame without a picture.
    """
    tracks = summarise_tracks(stored.detections, track_numbers, is_doubtful=stored.is_doubtful, size_px=size_px)
    frame, xyxy = stored.detections.frame, stored.detections.xyxy
    columns = {
        "track_number": np.arange(len(tracks)),
        "class_name": [stored.class_names[number] for number in tracks.class_index.tolist()],
        "first_frame": frame[tracks.first_row],
        "last_frame": frame[tracks.last_row],
        "n_detections": tracks.n_detections,
        "n_doubtful": tracks.n_doubtful,
        "mean_score": tracks.mean_score,
        **_box_columns("first", xyxy[tracks.first_row]),
        "best_frame": frame[tracks.best_row],
        **_box_columns("best", xyxy[tracks.best_row]),
        "jpeg": _thumbnails(tracks, frame, xyxy, read),
    }
    return pa.table(columns, schema=SIGHT_PART)


def _box_columns(prefix: str, xyxy: FloatArray) -> dict[str, FloatArray]:
    return {f"{prefix}_{name}": xyxy[:, place] for place, name in enumerate(("x1", "y1", "x2", "y2"))}


def _thumbnails(
    tracks: Tracks, frame: Int64Array, xyxy: FloatArray, read: Callable[[Int64Array], Iterator[Item]]
) -> list[bytes | None]:
    """Return a JPEG of each track's best box; decodes each frame once."""
    best = frame[tracks.best_row]
    pictures: list[bytes | None] = [None] * len(tracks)
    for item in read(np.unique(best)):
        if isinstance(item, Frame):
            for number in np.flatnonzero(best == item.number).tolist():
                pictures[number] = thumbnail_jpeg(item.rgb, xyxy[tracks.best_row[number]])
    return pictures
