"""Parts, the immutable tables that stages hand to each other: one row per frame, with its boxes."""

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
from forensics.footage.shot_cuts import LUMA_GRID_SIDE, LumaGridArray
from forensics.footage.timeline import BoolArray, Int64Array
from forensics.sampling.refinement import SAMPLED, STATIC, FrameOutcome
from forensics.tables.schemas import AUDIT_PART, DETECT_PART

__all__ = [
    "SPOT_CHECKED",
    "DetectRows",
    "StoredDetections",
    "coverage_of",
    "gate_skipped_frames",
    "read_detections",
    "spot_check_table",
    "spot_checked_frames",
]

SPOT_CHECKED: Final = "audited"
_GATE_REASONS: Final = (STATIC, SAMPLED)

# The content of these frames is known; that of others at most from the frames around them.
_KNOWN_STATES: Final = pa.array([State.DETECTED.value, State.DOUBTFUL.value, State.CARRIED.value])

_NO_FRAMES: Final = np.empty(0, dtype=np.int64)

_Column = npt.NDArray[np.object_]


class DetectRows:
    """Builds the part of one chunk: exactly one row per frame, skipped unless an outcome is set.

    Args:
        chunk: frames of the part.
        scope: frames outside of it are skipped for its reasons, frames inside as sampled.
        wanted: (W,) int64, frames whose outcome must be set before the part can be built.
    """

    def __init__(self, chunk: Chunk, scope: Scope, wanted: Int64Array = _NO_FRAMES) -> None:
        self._chunk = chunk
        self._without_outcome = set(wanted.tolist())
        frames = np.arange(chunk.start, chunk.stop)
        self._states = _filled_column(chunk.n_frames, State.SKIPPED.value)
        self._reasons = _filled_column(chunk.n_frames, SAMPLED)
        self._details = _filled_column(chunk.n_frames, "")
        for is_excluded, reason, detail in scope.exclusions(frames):
            self._reasons[is_excluded], self._details[is_excluded] = reason, detail
        self._changes = np.full(chunk.n_frames, np.nan, dtype=np.float32)
        self._luma_grids = _filled_column(chunk.n_frames, None)
        self._boxes: list[Boxes] = [NO_BOXES] * chunk.n_frames

    def set_luma_grid(self, number: int, luma_grid: LumaGridArray) -> None:
        """Store the luma grid of a frame; every frame that was decoded whole needs one."""
        self._luma_grids[self._row(number)] = luma_grid.tobytes()

    def set_detected(self, number: int, boxes: Boxes) -> None:
        """Store the boxes of a detected frame, maybe none."""
        row = self._start_outcome(number)
        self._boxes[row] = boxes
        if self._states[row] != State.DOUBTFUL.value:
            self._states[row], self._reasons[row] = State.DETECTED.value, ""

    def set_doubt(self, doubt: Gap) -> None:
        """Store that the picture of a frame may be wrong, before its boxes are stored."""
        row = self._row(doubt.number)
        self._states[row], self._reasons[row], self._details[row] = State.DOUBTFUL.value, doubt.reason, doubt.detail

    def set_outcome(self, outcome: FrameOutcome) -> None:
        """Store the outcome of a frame that passed through the gate."""
        gate_result = outcome.gate_result
        row = self._start_outcome(gate_result.number)
        self._states[row], self._reasons[row], self._details[row] = outcome.state.value, outcome.reason, outcome.detail
        self._changes[row] = gate_result.change
        self._luma_grids[row] = gate_result.luma_grid.tobytes()
        self._boxes[row] = outcome.boxes or NO_BOXES

    def set_gap(self, gap: Gap) -> None:
        """Store a frame that could not be decoded."""
        row = self._start_outcome(gap.number)
        self._states[row], self._reasons[row], self._details[row] = State.GAP.value, gap.reason, gap.detail

    def _start_outcome(self, number: int) -> int:
        """Mark a frame as having an outcome, and return its row."""
        row = self._row(number)
        self._without_outcome.discard(number)
        return row

    def _row(self, number: int) -> int:
        if not self._chunk.start <= number < self._chunk.stop:
            raise ValueError(f"frame {number} does not lie in {self._chunk}")
        return number - self._chunk.start

    def table(self, class_names: tuple[str, ...] = ()) -> pa.Table:
        """Build the part, ordered by frame.

        Args:
            class_names: names that the class indices of the boxes refer to.

        Raises:
            ValueError: a wanted frame has no outcome; it must not be stored as one that was skipped.
        """
        if self._without_outcome:
            first, n_frames = min(self._without_outcome), len(self._without_outcome)
            raise ValueError(f"{self._chunk}: nobody said what became of {n_frames} frames, the first is {first}")
        columns = {
            "frame": np.arange(self._chunk.start, self._chunk.stop),
            "state": self._states,
            "reason": self._reasons,
            "detail": self._details,
            "change": pa.array(self._changes, from_pandas=True),
            "glance": pa.array(self._luma_grids, DETECT_PART.field("glance").type),
            "boxes": _boxes_column(self._boxes, class_names),
        }
        return pa.table(columns, schema=DETECT_PART)


def _filled_column(n_rows: int, value: object) -> _Column:
    """Return (N,) objects, all the same."""
    column = np.empty(n_rows, dtype=np.object_)
    column[:] = value
    return column


def _boxes_column(boxes: Sequence[Boxes], class_names: tuple[str, ...]) -> pa.ListArray:
    """Return the column of lists of boxes, one list per row."""
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


def coverage_of(part: pa.Table, spot_checks: Mapping[int, str] | None = None) -> list[CoverageRange]:
    """Return the frames of a part as ranges of one state, reason and detail.

    Args:
        part: of one chunk.
        spot_checks: from spot-checked frame to the text that describes its result.
    """
    if not len(part):
        return []
    part = _with_spot_checks(part.combine_chunks(), spot_checks or {})
    # (4, N) codes; a range ends where any of them changes
    codes = np.stack([_encode_texts(part[name]) for name in ("state", "reason", "detail")] + [part["frame"].to_numpy()])
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


def _with_spot_checks(part: pa.Table, spot_checks: Mapping[int, str]) -> pa.Table:
    """Set the reason of spot-checked frames to ``audited``; their detail names the old reason and the result."""
    frames = part["frame"].to_numpy()
    rows = [row for row, frame in enumerate(frames.tolist()) if frame in spot_checks] if spot_checks else []
    if not rows:
        return part
    columns = {}
    for name in ("reason", "detail"):
        column: _Column = part[name].to_numpy().copy()
        columns[name] = column
    for row in rows:
        reason, detail = columns["reason"][row], columns["detail"][row]
        columns["detail"][row] = f"{reason}{detail and f' ({detail})'}; {spot_checks[int(frames[row])]}"
        columns["reason"][row] = SPOT_CHECKED
    for name, column in columns.items():
        part = part.set_column(
            part.schema.get_field_index(name), DETECT_PART.field(name), pa.array(column, pa.string())
        )
    return part


def gate_skipped_frames(part: pa.Table) -> Int64Array:
    """Return the frames that the gate skipped: (P,) int64, increasing."""
    is_skipped = np.isin(part["reason"].to_numpy(), _GATE_REASONS) & part["change"].is_valid().to_numpy()
    frames: Int64Array = part["frame"].to_numpy()[is_skipped].astype(np.int64)
    return frames


def spot_check_table(boxes_of: Sequence[tuple[int, Boxes | None]], class_names: tuple[str, ...]) -> pa.Table:
    """Build the part of a spot check.

    Args:
        boxes_of: frames with their boxes; None for a frame that could not be decoded.
        class_names: names that the class indices of the boxes refer to.
    """
    columns = {
        "frame": [frame for frame, _ in boxes_of],
        "state": [(State.GAP if boxes is None else State.DETECTED).value for _, boxes in boxes_of],
        "boxes": _boxes_column([boxes or NO_BOXES for _, boxes in boxes_of], class_names),
    }
    return pa.table(columns, schema=AUDIT_PART)


def spot_checked_frames(part: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Yield each detected frame of a spot check's part with the table of its boxes."""
    kind = pa.schema(list(AUDIT_PART.field("boxes").type.value_type))
    for row in part.filter(pc.equal(part["state"], State.DETECTED.value)).to_pylist():
        yield row["frame"], pa.Table.from_pylist(row["boxes"], schema=kind)


def _encode_texts(column: pa.ChunkedArray) -> Int64Array:
    """Return (N,) int64 codes, equal for equal texts."""
    return np.asarray(column.combine_chunks().dictionary_encode().indices, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class StoredDetections:
    """Detections of one evidence, as its parts hold them.

    Attributes:
        detections: all boxes, by frame, then in the order of the detector.
        class_names: sorted; `detections.class_index` refers to them.
        known_frames: (F,) int64, increasing, all detected, doubtful and carried frames.
        is_carried: (N,) bool, whether a detection is carried over from an earlier frame.
        is_doubtful: (N,) bool, whether the picture of a detection may be wrong.
        decoded_frames: (G,) int64, increasing, all frames that were decoded whole.
        luma_grids: (G, 64) uint8, luma grid of each of these frames.
    """

    detections: Detections
    class_names: tuple[str, ...]
    known_frames: Int64Array
    is_carried: BoolArray
    is_doubtful: BoolArray
    decoded_frames: Int64Array
    luma_grids: LumaGridArray


def read_detections(parts: Iterable[pa.Table]) -> StoredDetections:
    """Read all boxes of one evidence from its parts, given in the order of their chunks."""
    tables = list(parts)
    part = pa.concat_tables(tables) if tables else DETECT_PART.empty_table()
    lists = part["boxes"].combine_chunks()
    flat = pc.list_flatten(lists)
    frame = part["frame"].to_numpy()
    row = pc.list_parent_indices(lists).to_numpy()
    class_names, class_index = _number_classes(flat.field("class_name"))
    detections = Detections(
        frame=frame[row].astype(np.int64),
        xyxy=np.stack([_floats(flat, name) for name in ("x1", "y1", "x2", "y2")], axis=1),
        score=_floats(flat, "score"),
        class_index=class_index,
    )
    is_known, has_luma_grid = pc.is_in(part["state"], _KNOWN_STATES).to_numpy(), part["glance"].is_valid()
    return StoredDetections(
        detections,
        class_names,
        known_frames=frame[is_known].astype(np.int64),
        is_carried=pc.equal(part["state"], State.CARRIED.value).to_numpy()[row],
        is_doubtful=pc.equal(part["state"], State.DOUBTFUL.value).to_numpy()[row],
        decoded_frames=frame[has_luma_grid.to_numpy()].astype(np.int64),
        luma_grids=_stack_luma_grids(part["glance"].filter(has_luma_grid)),
    )


def _number_classes(names: pa.Array) -> tuple[tuple[str, ...], Int64Array]:
    """Return the distinct names, sorted, and for each name its (N,) int64 index among them."""
    encoded = names.dictionary_encode()
    distinct: list[str] = encoded.dictionary.to_pylist()
    sorted_index = np.argsort(np.argsort(distinct)).astype(np.int64) if distinct else np.empty(0, dtype=np.int64)
    return tuple(sorted(distinct)), sorted_index[np.asarray(encoded.indices, dtype=np.int64)]


def _stack_luma_grids(stored: pa.ChunkedArray) -> LumaGridArray:
    """Return the stored luma grids as (G, 64) uint8."""
    size = LUMA_GRID_SIDE**2
    rows = [
        np.frombuffer(chunk.buffers()[1], dtype=np.uint8)[chunk.offset * size : (chunk.offset + len(chunk)) * size]
        for chunk in stored.chunks
        if len(chunk)
    ]
    return np.concatenate(rows).reshape(-1, size) if rows else np.empty((0, size), dtype=np.uint8)


def _floats(boxes: pa.StructArray, name: str) -> FloatArray:
    return np.asarray(boxes.field(name).to_numpy(zero_copy_only=False), dtype=np.float32)
