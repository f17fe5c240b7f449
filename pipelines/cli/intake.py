"""What `ingest` and `scan` share with their dry runs: the plan of an ingest, its items, and what is printed of them."""

from forensics.decoding.child import Limits
from forensics.footage.evidence import Source
from forensics.json_object import JsonObject
from forensics.place import Place
from pipelines.cli.output import one_line, say
from pipelines.cli.run_options import IngestOptions
from pipelines.custody.session import Session
from pipelines.intake.ingest import IngestItem
from pipelines.intake.intake_plan import IntakePlan, plan_intake
from pipelines.settings import Settings

__all__ = ["decoding_limits", "ingest_items", "plan_footage", "print_source", "start_facts"]


def plan_footage(
    session: Session, footage: tuple[Place, ...], camera: str | None, options: IngestOptions
) -> IntakePlan:
    """Return what the ingest will do, and print what people should know before."""
    plan = plan_intake(footage, camera, options.start_rule, session.case)
    for line in plan.remarks:
        say(one_line(line))
    return plan


def ingest_items(plan: IntakePlan, options: IngestOptions, *, is_stated: bool) -> list[IngestItem]:
    """Return what is to be ingested, in order; `is_stated` says whether the user named the camera."""
    return [
        IngestItem(
            path=each.place,
            camera_id=each.camera_id,
            camera_is_stated=is_stated,
            start_utc_us=each.start.utc_us,
            clock_error_ms=each.start.clock_error_ms,
            assumed_rate=options.assumed_rate,
            stream_index=options.stream_index,
            reader=options.reader,
        )
        for each in plan.footage
    ]


def decoding_limits(settings: Settings) -> Limits:
    """Return the limits of the decoding child that reads footage."""
    run = settings.run
    return Limits(run.index_stall_s, settings.detect.hang_s, run.decoder_memory_bytes, run.cache_bytes)


def start_facts(plan: IntakePlan) -> JsonObject:
    """Return the start times with their sources, by path; nothing if none was looked up."""
    found = {str(each.place): each.start for each in plan.footage if each.start.source or each.start.problem}
    starts = {
        path: {"start_utc": start.at and start.at.isoformat(), "source": start.source or start.problem}
        for path, start in found.items()
    }
    return {"starts": starts} if starts else {}


def print_source(source: Source) -> None:
    """Print what became of one path, for people."""
    reason = f" ({source.reason})" if source.reason else ""
    say(f"{source.verdict.value:>8}  {one_line(source.path.name + reason)}")
