"""Dry run of an ingest: what each file would become, and what is left out; `ingest` and `scan` show it alike."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from forensics.errors import UsageError
from forensics.footage.evidence import Verdict
from forensics.json_object import JsonObject
from forensics.place import Place
from forensics.temporary import temporary_folder
from pipelines.cli.corrections import print_corrections
from pipelines.cli.intake import decoding_limits, ingest_items, plan_footage, print_source
from pipelines.cli.output import NOT_CLEAN, emit, one_line, table_text
from pipelines.cli.run_options import IngestOptions
from pipelines.custody.session import Need, Session, require_allowed
from pipelines.intake.evidence_lists import EvidenceLists
from pipelines.intake.intake_plan import IntakePlan
from pipelines.intake.preview import FootagePreview, open_lists, preview_footage
from pipelines.settings import Settings

__all__ = ["IntakePreview", "emit_preview", "open_preview", "preview_facts", "preview_text"]

_COLUMNS = ("camera", "start", "start from", "frames", "seconds", "sections", "verdict", "path", "remark")


@dataclass(frozen=True, slots=True)
class IntakePreview:
    """What an ingest would do.

    Attributes:
        plan: what was planned before any footage was read.
        footage: what each planned path would become.
        lists: evidence and sources as they would be; packet indexes of new evidence are in a temporary folder.
    """

    plan: IntakePlan
    footage: tuple[FootagePreview, ...]
    lists: EvidenceLists

    @property
    def is_refused(self) -> bool:
        """Whether the ingest would be refused as long as some footage or start time is stated like this."""
        return any(each.start.is_refused for each in self.plan.footage) or any(each.refusal for each in self.footage)

    @property
    def exit_code(self) -> int:
        """Exit code that the ingest would have."""
        if self.is_refused:
            return UsageError.exit_code
        return 0 if all(each.source.verdict is Verdict.OK for each in self.footage) else NOT_CLEAN


@contextmanager
def open_preview(
    session: Session,
    footage: tuple[Place, ...],
    camera: str | None,
    settings: Settings,
    options: IngestOptions,
    *,
    may_correct: bool,
) -> Iterator[IntakePreview]:
    """Read footage as an ingest does, print each file, and yield what it would become; the case is only read.

    Args:
        session: of the command, which needs only to read.
        footage: files, folders, objects and prefixes of a store.
        camera: of all of it; None makes names from files and folders.
        settings: limits of the decoding child.
        options: how the footage is read.
        may_correct: whether another start than before may be stated for known footage.

    Raises:
        NotAuthorised: the mandate does not allow to ingest.
    """
    require_allowed(replace(session, need=Need.WORK))
    plan = plan_footage(session, footage, camera, options)
    items = ingest_items(plan, options, is_stated=camera is not None)
    with open_lists(session.folder, temporary_folder()) as lists:
        previews = []
        correct = print_corrections if may_correct else None
        for preview in preview_footage(lists, items, limits=decoding_limits(settings), correct=correct):
            print_source(preview.source)
            previews.append(preview)
        yield IntakePreview(plan, tuple(previews), lists)


def emit_preview(preview: IntakePreview, as_json: bool) -> None:
    """Print the preview: one JSON object, or text for people."""
    emit(preview_facts(preview), preview_text(preview), as_json)


def preview_facts(preview: IntakePreview) -> JsonObject:
    """Return the preview as JSON."""
    plan, pairs = preview.plan, zip(preview.plan.footage, preview.footage, strict=True)
    return {
        "footage": [
            {
                "path": str(found.source.path),
                "camera_id": found.source.camera_id,
                "evidence_id": found.source.evidence_id,
                "is_known": found.is_known,
                "verdict": found.source.verdict.value,
                "reason": found.source.reason,
                "refusal": found.refusal,
                "start_utc": planned.start.at,
                "start_source": planned.start.source,
                "start_problem": planned.start.problem,
                "clock_error_ms": planned.start.clock_error_ms,
                "n_frames": found.n_frames,
                "duration_us": found.duration_us,
                "n_sections": found.n_sections,
            }
            for planned, found in pairs
        ],
        "left_out": [
            {"path": str(each.given), "kind": each.kind, "number": each.number, "example": each.example}
            for each in plan.left_out
        ],
    }


def preview_text(preview: IntakePreview) -> str:
    """Return the preview as a table for people, in the order of the ingest, and a line for each kind left out."""
    rows = [
        [
            found.source.camera_id,
            planned.start.at,
            planned.start.source or planned.start.problem or None,
            found.n_frames,
            found.duration_us / 1e6,
            found.n_sections,
            "refused" if found.refusal else found.source.verdict.value,
            found.source.path,
            _remark(found),
        ]
        for planned, found in zip(preview.plan.footage, preview.footage, strict=True)
    ]
    return "\n".join([table_text(list(_COLUMNS), rows), *(one_line(str(each)) for each in preview.plan.left_out)])


def _remark(preview: FootagePreview) -> str:
    known = f"evidence {preview.source.evidence_id} already" if preview.is_known else ""
    return "; ".join(filter(None, (known, preview.refusal or preview.source.reason)))
