"""Plan of a run, a pure function of evidence, settings and model: chunks, parts and their names."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from forensics.custody.case_document import Case
from forensics.custody.case_folder import RunFolder
from forensics.custody.scope import Scope
from forensics.digests import digest_of
from forensics.errors import IntegrityBroken
from forensics.footage.chunks import Chunk, boundaries, boundaries_by_frame_count, sampled_frames
from forensics.footage.evidence import Evidence, Reader
from forensics.footage.motion_gate import possible_chunk_starts
from forensics.footage.timeline import PacketIndex
from forensics.json_object import JsonObject, decode_json
from forensics.models.model_store import Model
from forensics.tables.evidence import load_index
from forensics.tables.files import write_json
from forensics.tracking.sparse_footage import is_sparse
from pipelines.run.footage_scope import compute_evidence_scope
from pipelines.settings import Settings
from pipelines.versions import library_versions

__all__ = ["EvidencePlan", "PlannedChunk", "RunPlan", "make_plan", "save_boundaries"]

# Measured on parts with a few boxes per frame; includes thumbnails.
_BYTES_PER_FRAME = 400
_BYTES_PER_EVIDENCE = 1 << 20

# With one picture per chunk, handing out items would take longer than detection.
_PICTURES_PER_CHUNK = 64


@dataclass(frozen=True, slots=True)
class EvidencePlan:
    """The chunks of one evidence and the name of each chunk's part.

    Attributes:
        evidence: readable evidence.
        chunks: all chunks, in order.
        units: the content name of each chunk's part.
        detect_digest: digest of everything that decides the detections of a frame.
        scope: the frames that the case allows to detect.
        n_sampled: number of sampled frames in the scope.
        seconds: duration in media time.
        is_sparse: whether no frame can confirm a detection of another one; see `forensics.tracking.sparse_footage`.
    """

    evidence: Evidence
    chunks: tuple[Chunk, ...]
    units: tuple[str, ...]
    detect_digest: str
    scope: Scope
    n_sampled: int
    seconds: float
    is_sparse: bool

    @property
    def is_outside(self) -> bool:
        """Whether the whole evidence is outside the scope."""
        return not self.scope.n_inside


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """A chunk, the name of its part, and the scope of its evidence."""

    chunk: Chunk
    unit: str
    evidence: Evidence
    scope: Scope

    @property
    def is_outside(self) -> bool:
        """Whether the whole chunk is outside the scope, so that its footage is never opened."""
        return not self.scope.has_any_of(self.chunk.start, self.chunk.stop)


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Everything that a run will do.

    Attributes:
        folder: the run's folder; its name is a digest of settings, model and libraries.
        settings_digest: digest of the evidence settings and the model, part of every id.
        evidence: one plan per readable evidence, by id.
        unreadable: rejected evidence.
        is_gated: whether the motion gate may skip decoded frames.
    """

    folder: RunFolder
    settings_digest: str
    evidence: tuple[EvidencePlan, ...]
    unreadable: tuple[Evidence, ...]
    is_gated: bool

    @property
    def n_frames(self) -> int:
        """Number of frames of all readable evidence."""
        return sum(plan.chunks[-1].stop for plan in self.evidence if plan.chunks)

    @property
    def outside(self) -> dict[str, int]:
        """Number of frames outside the scope, by the reason in `coverage`."""
        frames = Counter[str]()
        for plan in self.evidence:
            frames.update(plan.scope.count_outside(plan.chunks[-1].stop))
        return dict(sorted(frames.items()))

    @property
    def n_chunks(self) -> int:
        """Number of chunks of all readable evidence."""
        return sum(len(plan.chunks) for plan in self.evidence)

    @property
    def n_sparse(self) -> int:
        """Number of recordings in which a single detection is a sighting: stills and time lapse."""
        return sum(plan.is_sparse for plan in self.evidence)

    @property
    def bytes_to_write(self) -> int:
        """Estimated size of the parts that are not yet stored, of thumbnails and of tables."""
        n_frames = sum(each.chunk.n_frames for each in self.chunks_to_do())
        return n_frames * _BYTES_PER_FRAME + len(self.evidence) * _BYTES_PER_EVIDENCE

    def planned_chunks(self) -> list[PlannedChunk]:
        """Return the chunks of all readable evidence."""
        return [
            PlannedChunk(chunk, unit, plan.evidence, plan.scope)
            for plan in self.evidence
            for chunk, unit in zip(plan.chunks, plan.units, strict=True)
        ]

    def chunks_to_do(self, is_done: Callable[[Path], bool] = Path.exists) -> list[PlannedChunk]:
        """Return the chunks whose part is missing; `is_done` may ask more of a part than to exist."""
        return [each for each in self.planned_chunks() if not is_done(self.folder.part("detect", each.unit))]


def make_plan(
    case: Case, evidence: Sequence[Evidence], settings: Settings, model: Model, faces_sha256: str = ""
) -> RunPlan:
    """Make the plan of a run; reads packet indexes and stored chunk boundaries, writes nothing.

    Args:
        case: the case.
        evidence: its evidence.
        settings: all settings of the run.
        model: the detector's model.
        faces_sha256: digest of face detector and embedder; empty in runs of earlier versions and without faces.
    """
    model_digest = model.sha256 or model.name
    settings_digest = settings.digest(
        model_digest, compares_faces=case.mandate.mode.compares_faces, faces_sha256=faces_sha256
    )
    run_id = digest_of({"settings": settings_digest, "libraries": library_versions()})
    folder = case.folder.run(run_id)
    readable = [item for item in evidence if item.readable is not None]
    plans = tuple(_plan_evidence(case, folder, item, settings, model_digest) for item in readable)
    rejected = tuple(item for item in evidence if item.readable is None)
    return RunPlan(folder, settings_digest, plans, rejected, settings.is_gated)


def save_boundaries(plan: RunPlan) -> None:
    """Write the chunk boundaries of evidence that is planned for the first time in this run."""
    for each in plan.evidence:
        path = plan.folder.boundaries(each.evidence.evidence_id)
        if not path.exists():
            write_json(path, [chunk.start for chunk in each.chunks] + [each.chunks[-1].stop])


def _plan_evidence(
    case: Case, folder: RunFolder, evidence: Evidence, settings: Settings, model_digest: str
) -> EvidencePlan:
    index = load_index(case.folder, evidence)
    stored = folder.boundaries(evidence.evidence_id)
    if stored.exists():
        edges = _load_boundaries(stored, index.n_frames)
    else:
        edges = _compute_boundaries(index, evidence, settings)
    chunks = tuple(Chunk(evidence.evidence_id, start, stop) for start, stop in pairwise(edges))
    scope = compute_evidence_scope(case, evidence, index)
    facts = _detect_facts(evidence, settings, model_digest, scope)
    sampled = scope.select(sampled_frames(index, settings.detect.frames_per_second))
    return EvidencePlan(
        evidence=evidence,
        chunks=chunks,
        units=tuple(digest_of({**facts, "frames": [chunk.start, chunk.stop]}) for chunk in chunks),
        detect_digest=digest_of(facts),
        scope=scope,
        n_sampled=len(sampled),
        seconds=float(np.ptp(index.media_us)) / 1e6,
        is_sparse=is_sparse(evidence, index.media_us[sampled], settings.track.buffer_ms),
    )


def _load_boundaries(path: Path, n_frames: int) -> list[int]:
    """Read the chunk boundaries that an earlier command wrote.

    Raises:
        IntegrityBroken: they do not divide the frames into chunks.
    """
    try:
        edges = [int(edge) for edge in decode_json(path.read_text())]
    except (ValueError, TypeError) as error:
        edges, fault = [], str(error)
    else:
        fault = f"found {edges[:8]}"
    if len(edges) < 2 or edges[0] != 0 or edges[-1] != n_frames or edges != sorted(set(edges)):
        raise IntegrityBroken(
            f"the chunk boundaries do not divide the frames 0 to {n_frames - 1} into chunks ({fault})",
            "restore the file from a backup, or move the run's folder to another place and run again",
            path,
        )
    return edges


def _compute_boundaries(index: PacketIndex, evidence: Evidence, settings: Settings) -> list[int]:
    """Cut an evidence into chunks: video by media time, stills by number because they may lie minutes apart.

    Chunks start at keyframes; behind the motion gate, at the start of one of its windows.
    """
    assert evidence.readable is not None
    places = possible_chunk_starts(index, settings.gate_rules)
    if evidence.readable.footage.reader is Reader.STILLS:
        edges = boundaries_by_frame_count(index, places, _PICTURES_PER_CHUNK)
    else:
        edges = boundaries(index, places, round(settings.chunk.seconds * 1_000_000))
    numbers: list[int] = edges.tolist()
    return numbers


def _detect_facts(evidence: Evidence, settings: Settings, model_digest: str, scope: Scope) -> JsonObject:
    """Return everything that decides the content of a detect part, except its frames."""
    assert evidence.readable is not None
    limits = {"scope": _scope_facts(scope)} if scope.reason or scope.undated else {}
    rules, methods = settings.gate_rules, settings.methods(compares_faces=False)
    return {
        **limits,
        "evidence": evidence.evidence_id,
        "index": evidence.readable.index_sha256,
        "reader": evidence.readable.footage.reader.value,
        "detect": settings.evidence_settings()["detect"],
        "method": methods["detect"],
        **({"gate": {**asdict(rules), "method": methods["gate"]}} if rules else {}),
        "model": model_digest,
        "libraries": library_versions(),
    }


def _scope_facts(scope: Scope) -> list[object] | JsonObject:
    """Return a scope as it stands in the names of parts; one range as before versions knew several."""
    if len(scope.ranges) == 1 and not scope.undated:
        return [*scope.ranges[0], scope.reason, scope.detail]
    return asdict(scope)
