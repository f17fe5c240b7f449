"""Outcomes of a run, as input of `forensics.tables.publish`: chunks with their parts or losses, and failures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forensics.faces.likelihood_model import LikelihoodModel
from forensics.footage.cameras import Camera
from forensics.footage.chunks import Chunk
from forensics.footage.evidence import Evidence

__all__ = ["ChunkOutcome", "ComparisonSetup", "EvidenceOutcome", "Failure"]


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed unit of work, a row of the table `failures`.

    Attributes:
        evidence_id: id of its evidence.
        stage: ``ingest``, ``detect``, ``track`` or ``sight``.
        unit: the unit of work, such as ``frames 0-599``.
        attempts: number of attempts.
        error: name of the error.
        detail: message of the error.
    """

    evidence_id: str | None
    stage: str
    unit: str
    attempts: int
    error: str
    detail: str


@dataclass(frozen=True, slots=True)
class ChunkOutcome:
    """One chunk with its part, or with the reason why it has none.

    Attributes:
        chunk: frames of the chunk.
        part: file of the part; None if the work was lost.
        lost: reason of the unsettled gap; empty if there is a part.
        detail: message for people.
    """

    chunk: Chunk
    part: Path | None
    lost: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceOutcome:
    """All parts that a run made of one evidence.

    Attributes:
        evidence: the evidence.
        camera: camera whose clock dates the frames.
        chunks: all chunks, in order.
        track_part, sight_part: None if the evidence has no frames or the stage failed.
        recognise_parts: parts of compared faces, in order; empty in modes that compare no faces.
        spot_check_parts: parts of the spot check, in order; empty without a gate.
        section_starts: instants at which later sections begin, by the number of the section, see `frame_clock`.
    """

    evidence: Evidence
    camera: Camera
    chunks: tuple[ChunkOutcome, ...]
    track_part: Path | None
    sight_part: Path | None
    recognise_parts: tuple[Path, ...] = ()
    spot_check_parts: tuple[Path, ...] = ()
    section_starts: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ComparisonSetup:
    """Conditions under which a run compared faces; they hold for all its candidates.

    Attributes:
        model_id: id of the face models.
        n_entries: number of entries of the watch-list.
        threshold: threshold of the similarity.
        fmr: false alarm rate of one comparison at that threshold; None if none is published.
        calibration: name of the publication; empty if there is none.
        likelihood: likelihood model fitted to the case's own pairs; None if there is none.
    """

    model_id: str
    n_entries: int
    threshold: float
    fmr: float | None
    calibration: str
    likelihood: LikelihoodModel | None
