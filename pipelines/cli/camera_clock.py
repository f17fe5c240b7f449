"""`case clock`: corrects a camera's clock."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from forensics.custody.corrections import Correction
from forensics.errors import UsageError
from forensics.json_object import JsonObject
from forensics.spelling import in_shell
from forensics.tables.evidence import load_evidence
from forensics.wording import counted
from pipelines.cli.corrections import record_corrections
from pipelines.cli.durations import Duration, DurationOrUnknown
from pipelines.cli.known_camera import known_camera
from pipelines.cli.output import (
    StatedTime,
    TimeOrUnknown,
    emit,
    json_option,
    microseconds,
    path_type,
    reason_option,
    say,
)
from pipelines.cli.renamed_option import RenamedOption
from pipelines.custody.case_store import load_case, with_clock, with_section_start
from pipelines.custody.open_session import open_session
from pipelines.custody.recording_sections import find_section
from pipelines.custody.session import Need, Session
from pipelines.intake.corrections import clock_text
from pipelines.intake.moved_clocks import clock_corrections
from pipelines.intake.time_zones import stated_text
from pipelines.intake.unknown import UNKNOWN, Stated, Unknown, stated_now

__all__ = ["clock_command"]


@click.command("clock")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("camera_id", metavar="CAMERA")
@click.option(
    "--offset",
    "offset_ms",
    type=Duration(is_signed=True),
    metavar="DURATION",
    help="What to add to the camera's clock to get UTC, such as -1h, 25m3s or -90000 (milliseconds).",
)
@click.option(
    "--clock-error",
    "error_ms",
    cls=RenamedOption,
    former="--error",
    type=DurationOrUnknown(),
    metavar="DURATION",
    help="Largest error of the corrected time, such as 2s or 500 (milliseconds); or unknown, so that the error stated "
    "with each recording counts.",
)
@click.option(
    "--drift",
    "drift_ppm",
    type=int,
    metavar="PPM",
    help="Microseconds that the clock loses per second; negative if it gains.",
)
@click.option(
    "--drift-from",
    type=StatedTime(),
    help="Time on the camera's clock at which the offset was measured. Needed with --drift.",
)
@click.option(
    "--section",
    metavar="EVIDENCE#N",
    help="A later section of a recording, whose clock jumped; the table sections lists them. Needs --start.",
)
@click.option(
    "--start",
    type=TimeOrUnknown(),
    help="Time of the first frame of that section, by the camera's clock; or unknown, which takes an earlier one back.",
)
@reason_option
@json_option
def clock_command(
    root: Path,
    camera_id: str,
    offset_ms: int | None,
    error_ms: Stated,
    drift_ppm: int | None,
    drift_from: datetime | None,
    section: str | None,
    start: datetime | Unknown | None,
    reason: str,
    as_json: bool,
) -> None:
    """Correct a camera's clock, or set when a section of a recording begins.

    The next `run` publishes the new times; nothing is detected again. The log keeps the old correction. A case that
    compares faces needs a --reason, because the time decides which frames are searched.

    \b
    Example:
      forensics case clock my-case gate --offset -25m3s --clock-error 2s --reason "radio clock, 4 May"
      forensics case clock my-case gate --section 3f2a91c04d77e810#2 --start 2026-05-01T10:03:00Z
    """
    if drift_ppm and drift_from is None:
        raise click.UsageError("--drift needs --drift-from, the time at which the offset was measured")
    given: JsonObject = {
        "offset_ms": offset_ms,
        "error_ms": stated_now(None, error_ms),
        "drift_ppm": drift_ppm,
        "drift_from_utc_us": microseconds(drift_from),
    }
    stated = {name: value for name, value in given.items() if value is not None}
    if error_ms is UNKNOWN:
        stated["error_ms"] = None
    if (section is None) != (start is None):
        raise click.UsageError("--section and --start belong together: which section, and when it begins")
    if not stated and section is None:
        raise click.UsageError("nothing to correct; give --offset, --clock-error, --drift, or --section with --start")
    facts = {"camera": camera_id, **stated}
    if drift_from is not None:
        facts |= {"drift_from_stated": stated_text(drift_from)}
    at = start if isinstance(start, datetime) else None
    if section is not None:
        facts |= {
            "section": section,
            "start_utc_us": microseconds(at),
            "start_stated": None if at is None else stated_text(at),
        }
    _require_reason(root, reason)
    with open_session(root, "case clock", need=Need.CHANGE, reason=reason, facts=facts) as session:
        camera_id = known_camera(session.case, camera_id)
        with session.lock():
            begins = None if section is None else find_section(session.folder, camera_id, section)
            if stated:
                _correct_clock(session, camera_id, stated)
            if begins is not None:
                _start_section(session, *begins, at)
        corrected = session.case.camera(camera_id)
        for line in _without_start(session, camera_id):
            say(line)
    emit(
        {**facts, "offset_ms": corrected.offset_ms, "error_ms": corrected.error_ms},
        f"next: forensics run {in_shell(root)}, which publishes the new times",
        as_json,
    )


def _require_reason(root: Path, reason: str) -> None:
    if load_case(root).mandate.mode.compares_faces and not reason.strip():
        raise UsageError(
            "the time decides which frames are searched, so a correction needs a reason",
            "say how the error was measured, and by whom: --reason TEXT",
            root,
        )


def _correct_clock(session: Session, camera_id: str, stated: JsonObject) -> None:
    before = session.case.camera(camera_id)
    items = (item for item in load_evidence(session.folder) if item.camera_id == camera_id)
    of_recordings = {item.clock_error_ms for item in items if item.start_utc_us is not None}
    changed = clock_corrections(before, replace(before, **stated), of_recordings)
    session.change(
        lambda case: with_clock(case, replace(case.camera(camera_id), **stated)),
        partial(record_corrections, session, changed),
    )


def _start_section(session: Session, evidence_id: str, number: int, start: datetime | None) -> None:
    before, at_us = session.case.section_starts.get(evidence_id, {}).get(number), microseconds(start)
    old, new = None if before is None else clock_text(before), None if start is None else stated_text(start)
    changed = [Correction(f"section {evidence_id}#{number}", "start", old, new)] if before != at_us else []
    session.change(
        lambda case: with_section_start(case, evidence_id, number, at_us), partial(record_corrections, session, changed)
    )


def _without_start(session: Session, camera_id: str) -> list[str]:
    """Return what to know if a corrected clock dates nothing, because nobody stated when recordings start."""
    items = [item for item in load_evidence(session.folder) if item.camera_id == camera_id and item.readable]
    n_unknown = sum(item.start_utc_us is None for item in items)
    if not n_unknown:
        return []
    recordings = counted(n_unknown, "recording", "recordings")
    return [f"{recordings} of {camera_id} without a start stay without time; state it with forensics ingest --start"]
