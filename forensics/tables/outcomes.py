"""What a run hands to the committer: every chunk with its part or its loss, every failure."""

from dataclasses import dataclass
from pathlib import Path

from forensics.faces.likelihood_model import LikelihoodModel
from forensics.footage.cameras import Camera
from forensics.footage.chunks import Chunk
from forensics.footage.evidence import Evidence

__all__ = ["ChunkOutcome", "Compared", "EvidenceOutcome", "Failure"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A unit of work that failed.

    Attributes:
        evidence_id: whose.
        stage: ``ingest``, ``detect``, ``track`` or ``sight``.
        unit: which, such as ``frames 0-599``.
        attempts: how often it was tried.
        error: the name of what happened.
        detail: in words.
    """

    evidence_id: str | None
    stage: str
    unit: str
    attempts: int
    error: str
    detail: str


@dataclass(frozen=True, slots=True)
class ChunkOutcome:
    """A chunk with its part, or with what became of it instead.

    Attributes:
        chunk: its frames.
        part: None where the work was lost.
        lost: the reason of the unsettled gap; empty where there is a part.
        detail: in words.
    """

    chunk: Chunk
    part: Path | None
    lost: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceOutcome:
    """Everything that a run made of one evidence.

    Attributes:
        evidence: which.
        camera: whose clock dates it.
        chunks: all chunks, in order.
        track_part, sight_part: None where the evidence has no frames or the stage failed.
        recognise_parts: of its people, in order; none in modes that compare no faces.
        audit_parts: what was seen in frames that the gate had passed over, in order; none without a gate.
    """

    evidence: Evidence
    camera: Camera
    chunks: tuple[ChunkOutcome, ...]
    track_part: Path | None
    sight_part: Path | None
    recognise_parts: tuple[Path, ...] = ()
    audit_parts: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """What holds for all candidates of a run.

    Attributes:
        model_id: of the face models.
        n_entries: of the watch-list.
        threshold: least similarity that counts.
        fmr: false alarm rate of one comparison at that threshold; None where nobody published one.
        calibration: the name of the publication; empty where there is none.
        likelihood: made from the case's own pairs; None where there are none.
        scope: name of the cameras, the time and the clocks under which frames were looked at.
    """

    model_id: str
    n_entries: int
    threshold: float
    fmr: float | None
    calibration: str
    likelihood: LikelihoodModel | None
    scope: str
