"""What became of every evidence of a run, from the parts that are stored and the work that failed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from forensics.footage.chunks import Chunk
from forensics.tables.outcomes import ChunkOutcome, EvidenceOutcome
from pipelines.run.context import RunContext, RunLedger
from pipelines.run.stage_tasks import recognise_works
from pipelines.stages.track import EvidenceWork

__all__ = ["evidence_outcomes"]


def evidence_outcomes(
    context: RunContext,
    ledger: RunLedger,
    tracked: Sequence[EvidenceWork],
    spot_check_parts: Mapping[str, tuple[Path, ...]],
) -> list[EvidenceOutcome]:
    """Return the stored parts and the failures of every evidence."""
    part = context.plan.folder.part
    return [
        EvidenceOutcome(
            evidence=plan.evidence,
            camera=context.case.camera(plan.evidence.camera_id),
            chunks=tuple(
                _chunk_outcome(context, ledger, chunk, unit)
                for chunk, unit in zip(plan.chunks, plan.units, strict=True)
            ),
            track_part=_existing(part("track", work.unit)),
            sight_part=_existing(part("sight", work.unit)),
            recognise_parts=_recognise_parts(context, work),
            spot_check_parts=spot_check_parts.get(plan.evidence.evidence_id, ()),
            section_starts=context.case.section_starts.get(plan.evidence.evidence_id, {}),
        )
        for plan, work in zip(context.plan.evidence, tracked, strict=True)
    ]


def _recognise_parts(context: RunContext, work: EvidenceWork) -> tuple[Path, ...]:
    if context.recognition is None:
        return ()
    works = recognise_works(context, context.recognition, [work])
    paths = (context.plan.folder.part("recognise", each.unit) for each in works)
    return tuple(path for path in paths if path.exists())


def _chunk_outcome(context: RunContext, ledger: RunLedger, chunk: Chunk, unit: str) -> ChunkOutcome:
    part = _existing(context.plan.folder.part("detect", unit))
    if part is not None:
        return ChunkOutcome(chunk, part)
    failure = ledger.failures.get(("detect", unit))
    if failure is not None:
        return ChunkOutcome(chunk, None, failure.error, failure.detail)
    loss = context.footage.lost.get(chunk.evidence_id)
    if loss is not None:
        return ChunkOutcome(chunk, None, loss.reason, loss.detail)
    return ChunkOutcome(chunk, None, "not_done", "")


def _existing(path: Path) -> Path | None:
    return path if path.exists() else None
