"""What a run will do, as a pure function of evidence, settings and model; nothing is decoded."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from forensics.custody.case_folder import RunFolder
from forensics.custody.scope import Scope
from forensics.digests import digest_of
from forensics.errors import IntegrityBroken
from forensics.footage.chunks import Chunk, boundaries, boundaries_by_number, sampled
from forensics.footage.evidence import Evidence, Reader
from forensics.footage.motion_gate import cut_places
from forensics.footage.timeline import PacketIndex
from forensics.models.model_store import Model
from forensics.tables.evidence import load_index
from forensics.tables.files import write_json
from pipelines.custody.case_document import Case
from pipelines.run.footage_scope import scope_in
from pipelines.settings import Settings
from pipelines.versions import libraries

__all__ = ["EvidencePlan", "PlannedChunk", "RunPlan", "keep_boundaries", "make_plan"]

# Measured on parts with a handful of boxes a frame; thumbnails are counted by the frame as well.
_BYTES_PER_FRAME = 400
_BYTES_PER_EVIDENCE = 1 << 20

# One picture a chunk would cost more to hand around than to look at.
_PICTURES_PER_CHUNK = 64


@dataclass(frozen=True, slots=True)
class EvidencePlan:
    """The chunks of one evidence and the name of each chunk's part.

    Attributes:
        evidence: readable evidence.
        chunks: all of them, in order.
        units: the content name of each chunk's part.
        look_digest: of all that decides what is seen in a frame.
        scope: the frames that the case may look at.
        n_looked_at: frames that will be looked at.
        seconds: media time.
    """

    evidence: Evidence
    chunks: tuple[Chunk, ...]
    units: tuple[str, ...]
    look_digest: str
    scope: Scope
    n_looked_at: int
    seconds: float

    @property
    def is_outside(self) -> bool:
        """Whether the case may look at nothing of it."""
        return self.scope.start == self.scope.stop


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """A chunk, the name its part has, and what of it may be looked at."""

    chunk: Chunk
    unit: str
    evidence: Evidence
    scope: Scope

    @property
    def is_outside(self) -> bool:
        """Whether no frame of it may be looked at, so that its footage is not even opened."""
        return self.scope.stop <= self.chunk.start or self.chunk.stop <= self.scope.start


@dataclass(frozen=True, slots=True)
class RunPlan:
    """All that a run will do.

    Attributes:
        folder: the run's folder; its name is a digest of settings, model and libraries.
        settings_digest: of the evidence settings and the model, part of every id.
        evidence: one plan per readable evidence, by id.
        unreadable: rejected evidence.
        is_gated: whether frames may be passed over once they are decoded.
    """

    folder: RunFolder
    settings_digest: str
    evidence: tuple[EvidencePlan, ...]
    unreadable: tuple[Evidence, ...]
    is_gated: bool

    @property
    def n_frames(self) -> int:
        """Frames of all readable evidence."""
        return sum(plan.chunks[-1].stop for plan in self.evidence if plan.chunks)

    @property
    def outside(self) -> dict[str, int]:
        """How many frames the case may not look at, by the reason that `coverage` gives."""
        frames = Counter[str]()
        for plan in self.evidence:
            if plan.scope.reason:
                frames[plan.scope.reason] += plan.chunks[-1].stop - (plan.scope.stop - plan.scope.start)
        return dict(sorted(frames.items()))

    @property
    def n_chunks(self) -> int:
        """Chunks of all readable evidence."""
        return sum(len(plan.chunks) for plan in self.evidence)

    @property
    def bytes_to_write(self) -> int:
        """An estimate of what parts that are not there yet, thumbnails and tables will take."""
        n_frames = sum(each.chunk.n_frames for each in self.chunks_to_do())
        return n_frames * _BYTES_PER_FRAME + len(self.evidence) * _BYTES_PER_EVIDENCE

    def chunks_to_do(self, is_done: Callable[[Path], bool] = Path.exists) -> list[PlannedChunk]:
        """Chunks whose part is not there, or not as it must be if somebody says how."""
        return [
            PlannedChunk(chunk, unit, plan.evidence, plan.scope)
            for plan in self.evidence
            for chunk, unit in zip(plan.chunks, plan.units, strict=True)
            if not is_done(self.folder.part("detect", unit))
        ]


def make_plan(case: Case, evidence: Sequence[Evidence], settings: Settings, model: Model) -> RunPlan:
    """The plan; reads indexes and earlier chunk boundaries, writes nothing."""
    model_digest = model.sha256 or model.name
    settings_digest = settings.digest(model_digest, compares_faces=case.mandate.mode.compares_faces)
    run_id = digest_of({"settings": settings_digest, "libraries": libraries()})
    folder = case.folder.run(run_id)
    readable = [item for item in evidence if item.readable is not None]
    plans = tuple(_plan_evidence(case, folder, item, settings, model_digest) for item in readable)
    rejected = tuple(item for item in evidence if item.readable is None)
    return RunPlan(folder, settings_digest, plans, rejected, settings.is_gated)


def keep_boundaries(plan: RunPlan) -> None:
    """Write the chunk boundaries of evidence that is planned for the first time."""
    for each in plan.evidence:
        path = plan.folder.boundaries(each.evidence.evidence_id)
        if not path.exists():
            write_json(path, [chunk.start for chunk in each.chunks] + [each.chunks[-1].stop])


def _plan_evidence(
    case: Case, folder: RunFolder, evidence: Evidence, settings: Settings, model_digest: str
) -> EvidencePlan:
    index = load_index(case.folder, evidence)
    kept = folder.boundaries(evidence.evidence_id)
    edges = _kept_boundaries(kept, index.n_frames) if kept.exists() else _boundaries(index, evidence, settings)
    chunks = tuple(Chunk(evidence.evidence_id, start, stop) for start, stop in pairwise(edges))
    scope = scope_in(case, evidence, index)
    facts = _detect_facts(evidence, settings, model_digest, scope)
    return EvidencePlan(
        evidence=evidence,
        chunks=chunks,
        units=tuple(digest_of({**facts, "frames": [chunk.start, chunk.stop]}) for chunk in chunks),
        look_digest=digest_of(facts),
        scope=scope,
        n_looked_at=len(scope.inside(sampled(index, settings.detect.frames_per_second))),
        seconds=float(np.ptp(index.media_us)) / 1e6,
    )


def _kept_boundaries(path: Path, n_frames: int) -> list[int]:
    """Those that an earlier command wrote.

    Raises:
        IntegrityBroken: they do not divide the frames into chunks any more.
    """
    try:
        edges = [int(edge) for edge in json.loads(path.read_text())]
    except (ValueError, TypeError) as error:
        edges, fault = [], str(error)
    else:
        fault = f"it reads {edges[:8]}"
    if len(edges) < 2 or edges[0] != 0 or edges[-1] != n_frames or edges != sorted(set(edges)):
        raise IntegrityBroken(
            f"does not divide the frames 0 to {n_frames - 1} into chunks any more ({fault})",
            "restore it from a copy, or move the run's folder away: the run is made again",
            path,
        )
    return edges


def _boundaries(index: PacketIndex, evidence: Evidence, settings: Settings) -> list[int]:
    """By media time; stills, which may lie minutes apart, by number. What is watched is cut where the watch begins."""
    assert evidence.readable is not None
    places = cut_places(index, settings.gate_rules)
    if evidence.readable.footage.reader is Reader.STILLS:
        edges = boundaries_by_number(index, places, _PICTURES_PER_CHUNK)
    else:
        edges = boundaries(index, places, round(settings.chunk.seconds * 1_000_000))
    kept: list[int] = edges.tolist()
    return kept


def _detect_facts(evidence: Evidence, settings: Settings, model_digest: str, scope: Scope) -> dict[str, Any]:
    """Everything that decides what a detect part holds, but for its range."""
    assert evidence.readable is not None
    limits = {"scope": [scope.start, scope.stop, scope.reason, scope.detail]} if scope.reason else {}
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
        "libraries": libraries(),
    }
