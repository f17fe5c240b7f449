"""What stages hand to each other: immutable parts, one row per frame or per detection."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forensics.custody.scope import Scope
from forensics.detection.detections import NO_BOXES, Boxes, Detections, FloatArray
from forensics.footage.chunks import Chunk
from forensics.footage.coverage import CoverageRange, State
from forensics.footage.frames import Gap
from forensics.footage.shot_cuts import GLANCE_SIDE, GlanceArray
from forensics.footage.timeline import BoolArray, Int64Array
from forensics.sampling.refinement import SAMPLED, STATIC, FrameOutcome
from forensics.tables.schemas import AUDIT_PART, DETECT_PART

__all__ = [
    "SPOT_CHECKED",
    "DetectRows",
    "StoredDetections",
    "coverage_of",
    "passed_over",
    "read_detections",
    "spot_check_table",
    "spot_checked_frames",
]

SPOT_CHECKED: Final = "audited"
_PASSED: Final = (STATIC, SAMPLED)

# What is there is known of these; of the others at most from what lies around them.
_KNOWN: Final = pa.array([State.DETECTED.value, State.CARRIED.value])

_NONE: Final = np.empty(0, dtype=np.int64)

_Column = npt.NDArray[np.object_]


class DetectRows:
    """Gathers the part of one chunk: exactly one row per frame, skipped unless something else is said.

    Args:
        chunk: its frames.
        scope: frames outside of it are skipped for its reason, the others as sampled.
        wanted: (W,) int64, the frames of which something must be said before there is a part.
    """

    def __init__(self, chunk: Chunk, scope: Scope, wanted: Int64Array = _NONE) -> None:
        self._chunk = chunk
        self._untold = set(wanted.tolist())
        frames = np.arange(chunk.start, chunk.stop)
        is_inside = (scope.start <= frames) & (frames < scope.stop)
        self._states = _column(chunk.n_frames, State.SKIPPED.value)
        self._reasons: _Column = np.where(is_inside, SAMPLED, scope.reason).astype(np.object_)
        self._details: _Column = np.where(is_inside, "", scope.detail).astype(np.object_)
        self._changes = np.full(chunk.n_frames, np.nan, dtype=np.float32)
        self._glances = _column(chunk.n_frames, None)
        self._boxes: list[Boxes] = [NO_BOXES] * chunk.n_frames

    def glanced(self, number: int, glance: GlanceArray) -> None:
        """What this frame looks like at a glance; every frame that is decoded has one."""
        self._glances[self._place(number)] = glance.tobytes()

    def detected(self, number: int, boxes: Boxes) -> None:
        """The detector looked at this frame and saw these boxes, maybe none."""
        row = self._row(number)
        self._states[row], self._reasons[row], self._boxes[row] = State.DETECTED.value, "", boxes

    def found(self, finding: FrameOutcome) -> None:
        """What became of this frame behind the gate."""
        glimpse = finding.glimpse
        row = self._row(glimpse.number)
        self._states[row], self._reasons[row], self._details[row] = finding.state.value, finding.reason, finding.detail
        self._changes[row] = glimpse.change
        self._glances[row] = glimpse.glance.tobytes()
        self._boxes[row] = finding.boxes or NO_BOXES

    def gap(self, gap: Gap) -> None:
        """This frame cannot be handed out."""
        row = self._row(gap.number)
        self._states[row], self._reasons[row], self._details[row] = State.GAP.value, gap.reason, gap.detail

    def _row(self, number: int) -> int:
        """Where this frame stands, which is told of now."""
        row = self._place(number)
        self._untold.discard(number)
        return row

    def _place(self, number: int) -> int:
        if not self._chunk.start <= number < self._chunk.stop:
            raise ValueError(f"frame {number} does not lie in {self._chunk}")
        return number - self._chunk.start

    def table(self, class_names: tuple[str, ...] = ()) -> pa.Table:
        """The part, ordered by frame; `class_names` is what the boxes' classes refer to.

        Raises:
            ValueError: nobody said what became of a wanted frame; it must not pass for one that was not wanted.
        """
        if self._untold:
            first, n_untold = min(self._untold), len(self._untold)
            raise ValueError(f"{self._chunk}: nobody said what became of {n_untold} frames, the first is {first}")
        columns = {
            "frame": np.arange(self._chunk.start, self._chunk.stop),
            "state": self._states,
            "reason": self._reasons,
            "detail": self._details,
            "change": pa.array(self._changes, from_pandas=True),
            "glance": pa.array(self._glances, DETECT_PART.field("glance").type),
            "boxes": _boxes_column(self._boxes, class_names),
        }
        return pa.table(columns, schema=DETECT_PART)


def _column(n_rows: int, value: object) -> _Column:
    """(N,) objects, all of them this one."""
    column = np.empty(n_rows, dtype=np.object_)
    column[:] = value
    return column


def _boxes_column(boxes: Sequence[Boxes], class_names: tuple[str, ...]) -> pa.ListArray:
    """The boxes of each row, as parts hold them."""
    kind = DETECT_PART.field("boxes").type
    xyxy = np.concatenate([NO_BOXES.xyxy, *(each.xyxy for each in boxes)])  # (N, 4)
    score = np.concatenate([NO_BOXES.score, *(each.score for each in boxes)])
    class_index = np.concatenate([NO_BOXES.class_index, *(each.class_index for each in boxes)])
    columns = [pa.array(class_names, pa.string()).take(pa.array(class_index)), score, *xyxy.T]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, kind.value_type, strict=True)]
    offsets = np.cumsum([0, *(len(each) for each in boxes)], dtype=np.int32)
    return pa.ListArray.from_arrays(
        offsets, pa.StructArray.from_arrays(arrays, fields=list(kind.value_type)), type=kind
    )


def coverage_of(part: pa.Table, audited: Mapping[int, str] | None = None) -> list[CoverageRange]:
    """The part's frames as stretches of one state.

    Args:
        part: of one chunk.
        audited: what was found in frames that the gate had passed over, by frame.
    """
    if not len(part):
        return []
    part = _told_of(part.combine_chunks(), audited or {})
    # (4, N) numbers that differ where neighbours differ
    codes = np.stack([_codes(part[name]) for name in ("state", "reason", "detail")] + [part["frame"].to_numpy()])
    codes[-1] -= np.arange(len(part))
    starts = np.concatenate([[0], np.flatnonzero(np.any(np.diff(codes, axis=1), axis=0)) + 1])
    change = np.fmax.reduceat(part["change"].to_numpy(zero_copy_only=False).astype(np.float64), starts)
    firsts = part.take(pa.array(starts))
    lengths = np.diff([*starts, len(part)])
    columns = (firsts[name].to_pylist() for name in ("frame", "state", "reason", "detail"))
    return [
        CoverageRange(
            frame, frame + n_frames, State(state), reason, True, detail, None if np.isnan(largest) else largest
        )
        for frame, state, reason, detail, n_frames, largest in zip(
            *columns, lengths.tolist(), change.tolist(), strict=True
        )
    ]


def _told_of(part: pa.Table, audited: Mapping[int, str]) -> pa.Table:
    """The part with what the audit found of its frames: the reason becomes ``audited``, the detail says both."""
    frames = part["frame"].to_numpy()
    rows = [row for row, frame in enumerate(frames.tolist()) if frame in audited] if audited else []
    if not rows:
        return part
    columns = {}
    for name in ("reason", "detail"):
        column: _Column = part[name].to_numpy().copy()
        columns[name] = column
    for row in rows:
        reason, detail = columns["reason"][row], columns["detail"][row]
        columns["detail"][row] = f"{reason}{detail and f' ({detail})'}; {audited[int(frames[row])]}"
        columns["reason"][row] = SPOT_CHECKED
    for name, column in columns.items():
        part = part.set_column(
            part.schema.get_field_index(name), DETECT_PART.field(name), pa.array(column, pa.string())
        )
    return part


def passed_over(part: pa.Table) -> Int64Array:
    """(P,) int64, increasing: the frames that the gate did not have looked at."""
    is_passed = np.isin(part["reason"].to_numpy(), _PASSED) & part["change"].is_valid().to_numpy()
    frames: Int64Array = part["frame"].to_numpy()[is_passed].astype(np.int64)
    return frames


def spot_check_table(seen: Sequence[tuple[int, Boxes | None]], class_names: tuple[str, ...]) -> pa.Table:
    """The part of some frames that were looked at afterwards; None stands for one that could not be read."""
    columns = {
        "frame": [frame for frame, _ in seen],
        "state": [(State.GAP if boxes is None else State.DETECTED).value for _, boxes in seen],
        "boxes": _boxes_column([boxes or NO_BOXES for _, boxes in seen], class_names),
    }
    return pa.table(columns, schema=AUDIT_PART)


def spot_checked_frames(part: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Each frame of an audit's part that could be read, with its boxes."""
    kind = pa.schema(list(AUDIT_PART.field("boxes").type.value_type))
    for row in part.filter(pc.equal(part["state"], State.DETECTED.value)).to_pylist():
        yield row["frame"], pa.Table.from_pylist(row["boxes"], schema=kind)


def _codes(column: pa.ChunkedArray) -> Int64Array:
    """(N,) a number for every text, equal for equal texts."""
    return np.asarray(column.combine_chunks().dictionary_encode().indices, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class StoredDetections:
    """What the detector saw in one evidence.

    Attributes:
        detections: all boxes, by frame, then as the detector ordered them.
        class_names: sorted; what `detections.class_index` refers to.
        known_frames: (F,) int64, every frame of which it is known what is there: looked at, or carried.
        is_carried: (N,) bool, which detections are inherited from the look before.
        glanced_frames: (G,) int64, every frame that was decoded.
        glances: (G, 64) uint8, what each of them looks like at a glance.
    """

    detections: Detections
    class_names: tuple[str, ...]
    known_frames: Int64Array
    is_carried: BoolArray
    glanced_frames: Int64Array
    glances: GlanceArray


def read_detections(parts: Iterable[pa.Table]) -> StoredDetections:
    """All boxes of one evidence from its parts, given in the order of their chunks."""
    tables = list(parts)
    part = pa.concat_tables(tables) if tables else DETECT_PART.empty_table()
    lists = part["boxes"].combine_chunks()
    flat = pc.list_flatten(lists)
    frame = part["frame"].to_numpy()
    row = pc.list_parent_indices(lists).to_numpy()
    class_names, class_index = _numbered(flat.field("class_name"))
    detections = Detections(
        frame=frame[row].astype(np.int64),
        xyxy=np.stack([_floats(flat, name) for name in ("x1", "y1", "x2", "y2")], axis=1),
        score=_floats(flat, "score"),
        class_index=class_index,
    )
    is_known, has_glance = pc.is_in(part["state"], _KNOWN).to_numpy(), part["glance"].is_valid()
    return StoredDetections(
        detections,
        class_names,
        known_frames=frame[is_known].astype(np.int64),
        is_carried=pc.equal(part["state"], State.CARRIED.value).to_numpy()[row],
        glanced_frames=frame[has_glance.to_numpy()].astype(np.int64),
        glances=_glances(part["glance"].filter(has_glance)),
    )


def _numbered(names: pa.Array) -> tuple[tuple[str, ...], Int64Array]:
    """The different names, sorted, and (N,) int64 the place of each in them."""
    encoded = names.dictionary_encode()
    met: list[str] = encoded.dictionary.to_pylist()
    place = np.argsort(np.argsort(met)).astype(np.int64) if met else np.empty(0, dtype=np.int64)
    return tuple(sorted(met)), place[np.asarray(encoded.indices, dtype=np.int64)]


def _glances(stored: pa.ChunkedArray) -> GlanceArray:
    """(G, 64) uint8, one after the other."""
    side = GLANCE_SIDE**2
    rows = [
        np.frombuffer(chunk.buffers()[1], dtype=np.uint8)[chunk.offset * side : (chunk.offset + len(chunk)) * side]
        for chunk in stored.chunks
        if len(chunk)
    ]
    return np.concatenate(rows).reshape(-1, side) if rows else np.empty((0, side), dtype=np.uint8)


def _floats(boxes: pa.StructArray, name: str) -> FloatArray:
    return np.asarray(boxes.field(name).to_numpy(zero_copy_only=False), dtype=np.float32)
