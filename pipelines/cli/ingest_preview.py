"""Dry run of an ingest: what each file would become, and what is left out; `ingest` and `scan` show it alike."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from forensics.footage.evidence import Verdict
from forensics.json_object import JsonObject
from forensics.temporary import temporary_folder
from pipelines.cli.corrections import print_planned
from pipelines.cli.ingest_preview_text import outcome_of, preview_text
from pipelines.cli.intake import decoding_limits, ingest_items, plan_footage, show_progress
from pipelines.cli.output import NOT_CLEAN, emit
from pipelines.cli.run_options import IngestOptions
from pipelines.custody.session import Need, Session, require_allowed
from pipelines.intake.corrections import Corrector
from pipelines.intake.evidence_lists import EvidenceLists
from pipelines.intake.intake_plan import IntakePlan, IntakeRequest, refuse_unclear_starts
from pipelines.intake.overlaps import describe_overlaps
from pipelines.intake.preview import FootagePreview, open_lists, preview_footage
from pipelines.intake.unknown_clocks import describe_unknown_clocks
from pipelines.settings import Settings

__all__ = ["IntakePreview", "emit_preview", "open_preview", "preview_facts"]


@dataclass(frozen=True, slots=True)
class IntakePreview:
    """What an ingest would do.

    Attributes:
        plan: what was planned before any footage was read.
        footage: what each planned path would become.
        lists: evidence and sources as they would be; packet indexes of new evidence are in a temporary folder.
        warnings: unknown clocks and recordings of the same time, one line each.
    """

    plan: IntakePlan
    footage: tuple[FootagePreview, ...]
    lists: EvidenceLists
    warnings: tuple[str, ...]

    @property
    def is_refused(self) -> bool:
        """Whether the ingest would be refused as long as some footage or start time is stated like this."""
        return any(each.start.is_refused for each in self.plan.footage) or any(each.refusal for each in self.footage)

    def refuse(self) -> None:
        """Raise the error with which the ingest would be refused, if it would.

        Raises:
            UsageError: a start time is not clear, or footage is stated otherwise than before.
        """
        refuse_unclear_starts(self.plan)
        errors = [each.error for each in self.footage if each.error is not None]
        if errors:
            raise errors[0]

    @property
    def exit_code(self) -> int:
        """Exit code of an ingest that is not refused."""
        return 0 if all(each.source.verdict is Verdict.OK for each in self.footage) else NOT_CLEAN


@contextmanager
def open_preview(
    session: Session,
    request: IntakeRequest,
    settings: Settings,
    options: IngestOptions,
    *,
    may_correct: bool,
    is_quiet: bool = False,
) -> Iterator[IntakePreview]:
    """Read footage as an ingest does, and yield what it would become; the case is only read.

    Args:
        session: of the command, which needs only to read.
        request: footage given by the user.
        settings: limits of the decoding child.
        options: how the footage is read.
        may_correct: whether another start than before may be stated for known footage.
        is_quiet: whether no progress is shown.

    Raises:
        NotAuthorised: the mandate does not allow to ingest.
    """
    require_allowed(replace(session, need=Need.WORK))
    plan = plan_footage(session, request, options)
    items = ingest_items(plan, options, is_stated=request.states_cameras)
    with open_lists(session.folder, temporary_folder()) as lists:
        previews = list[FootagePreview]()
        corrector = Corrector(print_planned, may_replace=may_correct)
        with show_progress(len(items), is_quiet=is_quiet) as progress:
            for preview in preview_footage(lists, items, limits=decoding_limits(settings), corrector=corrector):
                progress.advance(1)
                previews.append(preview)
        evidence = [lists.evidence[each] for each in sorted(lists.evidence)]
        cameras = {each.source.camera_id for each in previews}
        warnings = (*describe_unknown_clocks(session.case, evidence), *describe_overlaps(evidence, cameras))
        yield IntakePreview(plan, tuple(previews), lists, warnings)


def emit_preview(preview: IntakePreview, as_json: bool) -> None:
    """Print the preview: one JSON object, or text for people."""
    emit(preview_facts(preview), preview_text(preview.plan, preview.footage, preview.warnings), as_json)


def preview_facts(preview: IntakePreview) -> JsonObject:
    """Return the preview as JSON."""
    plan, pairs = preview.plan, zip(preview.plan.footage, preview.footage, strict=True)
    return {
        "footage": [
            {
                "path": str(found.source.path),
                "camera_id": found.source.camera_id,
                "evidence_id": found.source.evidence_id,
                "becomes": outcome_of(found),
                "is_known": found.is_known,
                "verdict": found.source.verdict.value,
                "reason": found.source.reason,
                "refusal": found.refusal,
                "start_utc": planned.start.at,
                "start_stated": planned.start.text,
                "start_source": planned.start.source,
                "start_problem": planned.start.problem,
                "name_text": planned.start.name_text,
                "name_pattern": planned.start.name_pattern,
                "clock_error_ms": planned.start.clock_error_ms,
                "n_frames": found.n_frames,
                "duration_us": found.duration_us,
                "n_sections": found.n_sections,
            }
            for planned, found in pairs
        ],
        "left_out": [
            {
                "path": str(each.given),
                "kind": each.kind,
                "number": each.number,
                "example": each.names[0],
                "names": list(each.names),
            }
            for each in plan.left_out
        ],
        "remarks": list(plan.remarks),
        "warnings": list(preview.warnings),
    }
