"""What stages hand to each other: immutable parts, one row per frame or per detection."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forensics.chunks import Chunk
from forensics.coverage import State, Stretch, merged
from forensics.detections import Boxes, Detections
from forensics.frames import Gap
from forensics.scope import Scope
from forensics.shots import GLANCE_SIDE, GlanceArray
from forensics.tables.schemas import DETECT_PART
from forensics.timeline import Int64Array

__all__ = ["DetectRows", "Seen", "coverage_of", "seen_in"]

_SAMPLED = "sampled"


class DetectRows:
    """Gathers the part of one chunk: exactly one row per frame, skipped unless something else is said.

    Args:
        chunk: its frames.
        scope: frames outside of it are skipped for its reason, the others as sampled.
    """

    def __init__(self, chunk: Chunk, scope: Scope) -> None:
        self._chunk = chunk
        is_inside = [scope.start <= frame < scope.stop for frame in range(chunk.start, chunk.stop)]
        self._states = [State.SKIPPED.value] * chunk.n_frames
        self._reasons = [_SAMPLED if inside else scope.reason for inside in is_inside]
        self._details = ["" if inside else scope.detail for inside in is_inside]
        self._glances: list[bytes | None] = [None] * chunk.n_frames
        self._boxes: list[list[dict[str, object]]] = [[] for _ in range(chunk.n_frames)]

    def glanced(self, number: int, glance: GlanceArray) -> None:
        """What this frame looks like at a glance; every frame that the detector looks at has one."""
        self._glances[self._row(number)] = glance.tobytes()

    def detected(self, number: int, boxes: Boxes, class_names: tuple[str, ...]) -> None:
        """The detector looked at this frame and saw these boxes, maybe none."""
        row = self._row(number)
        self._states[row], self._reasons[row] = State.DETECTED.value, ""
        columns = zip(boxes.xyxy.tolist(), boxes.score.tolist(), boxes.class_index.tolist(), strict=True)
        self._boxes[row] = [
            {"class_name": class_names[kind], "score": score, "x1": x1, "y1": y1, "x2": x2, "y2": y2}
            for (x1, y1, x2, y2), score, kind in columns
        ]

    def gap(self, gap: Gap) -> None:
        """This frame cannot be handed out."""
        row = self._row(gap.number)
        self._states[row], self._reasons[row], self._details[row] = State.GAP.value, gap.reason, gap.detail

    def _row(self, number: int) -> int:
        if not self._chunk.start <= number < self._chunk.stop:
            raise ValueError(f"frame {number} does not lie in {self._chunk}")
        return number - self._chunk.start

    def table(self) -> pa.Table:
        """The part, ordered by frame."""
        frames = range(self._chunk.start, self._chunk.stop)
        columns = [list(frames), self._states, self._reasons, self._details, self._glances, self._boxes]
        arrays = [pa.array(column, type=kind.type) for column, kind in zip(columns, DETECT_PART, strict=True)]
        return pa.Table.from_arrays(arrays, schema=DETECT_PART)


def coverage_of(part: pa.Table) -> list[Stretch]:
    """The part's frames as stretches of one state."""
    columns = (part[name].to_pylist() for name in ("frame", "state", "reason", "detail"))
    return merged(
        Stretch(frame, frame + 1, State(state), reason, True, detail)
        for frame, state, reason, detail in zip(*columns, strict=True)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the detector saw in one evidence.

    Attributes:
        detections: all boxes, by frame, then as the detector ordered them.
        class_names: sorted; what `detections.class_index` refers to.
        looked_frames: (F,) int64, every frame it looked at.
        glances: (F, 64) uint8, what each of them looks like at a glance.
    """

    detections: Detections
    class_names: tuple[str, ...]
    looked_frames: Int64Array
    glances: GlanceArray


def seen_in(parts: Iterable[pa.Table]) -> Seen:
    """All boxes of one evidence from its parts, given in the order of their chunks."""
    tables = list(parts)
    part = pa.concat_tables(tables) if tables else DETECT_PART.empty_table()
    lists = part["boxes"].combine_chunks()
    flat = pc.list_flatten(lists)
    frame = part["frame"].to_numpy()
    names = flat.field("class_name").to_pylist()
    class_names = tuple(sorted(set(names)))
    number_of = {name: number for number, name in enumerate(class_names)}
    detections = Detections(
        frame=frame[pc.list_parent_indices(lists).to_numpy()].astype(np.int64),
        xyxy=np.stack([_column(flat, name) for name in ("x1", "y1", "x2", "y2")], axis=1),
        score=_column(flat, "score"),
        class_index=np.array([number_of[name] for name in names], dtype=np.int64),
    )
    looked = pc.equal(part["state"], State.DETECTED.value).to_numpy()
    return Seen(detections, class_names, frame[looked].astype(np.int64), _glances(part.filter(looked)))


def _glances(looked: pa.Table) -> GlanceArray:
    stored = b"".join(looked["glance"].to_pylist())
    return np.frombuffer(stored, dtype=np.uint8).reshape(-1, GLANCE_SIDE**2)


def _column(boxes: pa.StructArray, name: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.asarray(boxes.field(name).to_numpy(zero_copy_only=False), dtype=np.float32)
