"""What `--dry-run` shows of footage: what each file would become, and what is left out."""

from collections.abc import Sequence

from forensics.json_object import JsonObject
from pipelines.cli.output import one_line, table_text
from pipelines.intake.intake_plan import IntakePlan
from pipelines.intake.preview import FootagePreview

__all__ = ["preview_facts", "preview_text"]

_COLUMNS = ("camera", "start", "start from", "frames", "seconds", "sections", "verdict", "path", "remark")


def preview_facts(plan: IntakePlan, previews: Sequence[FootagePreview]) -> JsonObject:
    """Return the preview as JSON."""
    pairs = zip(plan.footage, previews, strict=True)
    return {
        "footage": [
            {
                "path": str(preview.source.path),
                "camera_id": preview.source.camera_id,
                "evidence_id": preview.source.evidence_id,
                "is_known": preview.is_known,
                "verdict": preview.source.verdict.value,
                "reason": preview.source.reason,
                "refusal": preview.refusal,
                "start_utc": planned.start.at,
                "start_source": planned.start.source,
                "start_problem": planned.start.problem,
                "clock_error_ms": planned.start.clock_error_ms,
                "n_frames": preview.n_frames,
                "duration_us": preview.duration_us,
                "n_sections": preview.n_sections,
            }
            for planned, preview in pairs
        ],
        "left_out": [
            {"path": str(each.given), "kind": each.kind, "number": each.number, "example": each.example}
            for each in plan.left_out
        ],
    }


def preview_text(plan: IntakePlan, previews: Sequence[FootagePreview]) -> str:
    """Return the preview as a table for people, in the order of the ingest, and a line for each kind left out."""
    rows = [
        [
            preview.source.camera_id,
            planned.start.at,
            planned.start.source or planned.start.problem or None,
            preview.n_frames,
            preview.duration_us / 1e6,
            preview.n_sections,
            "refused" if preview.refusal else preview.source.verdict.value,
            preview.source.path,
            _remark(preview),
        ]
        for planned, preview in zip(plan.footage, previews, strict=True)
    ]
    return "\n".join([table_text(list(_COLUMNS), rows), *(one_line(str(each)) for each in plan.left_out)])


def _remark(preview: FootagePreview) -> str:
    known = f"evidence {preview.source.evidence_id} already" if preview.is_known else ""
    return "; ".join(filter(None, (known, preview.refusal or preview.source.reason)))
