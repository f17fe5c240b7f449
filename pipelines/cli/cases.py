"""`case`: who may look for what, on which footage, until when."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from forensics.errors import UsageError
from forensics.json_object import JsonObject
from forensics.spelling import in_shell, spelled_as_known
from forensics.tables.evidence import load_evidence
from pipelines.cli.case_facts import case_facts, case_texts, denials_text, iso_text
from pipelines.cli.case_init import init_command
from pipelines.cli.checkpoints import checkpoint_command
from pipelines.cli.disclosure import disclose_command, report_command
from pipelines.cli.durations import Duration
from pipelines.cli.groups import Group
from pipelines.cli.mandates import authorise_command, deny_command, hold_command, sweep_command
from pipelines.cli.output import (
    emit,
    json_option,
    microseconds,
    parse_utc,
    path_type,
    reason_option,
    table_text,
)
from pipelines.cli.policy import policy_command
from pipelines.custody.case_store import with_clock, with_section_start
from pipelines.custody.earlier_denials import denial_facts
from pipelines.custody.open_session import open_session
from pipelines.custody.recording_sections import find_section
from pipelines.custody.session import Need

__all__ = ["case"]


@click.group(cls=Group)
def case() -> None:
    """Manage a case: who may search for what, in which footage, until when.

    \b
    Example:
      forensics case init my-case --purpose "stolen bicycle, 1 May" --operator "A. Ahmed"
      forensics case show my-case
    """


@case.command("show")
@click.argument("root", metavar="CASE", type=path_type)
@json_option
def show(root: Path, as_json: bool) -> None:
    """Show the mandate of a case, and its cameras with their clocks.

    \b
    Example:
      forensics case show my-case
    """
    with open_session(root, "case show", need=Need.READ) as session:
        denials = denial_facts(session.case)
        facts = {**case_facts(session.case), **denials, "standing": session.mandate_status.value}
        shown = {**facts, **case_texts(session.case, session.now), "denials": denials_text(denials)}
        lines = [
            f"{name.replace('_', ' '):>15}  {value}" for name, value in shown.items() if name != "cameras" and value
        ]
        rows = [[name, *known.values()] for name, known in facts["cameras"].items()]
        columns = ["camera", "offset_ms", "error_ms", "drift_ppm", "files"]
        emit(facts, "\n".join([*lines, "", table_text(columns, rows)]), as_json)


@case.command("clock")
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
    "--error",
    "error_ms",
    type=Duration(is_signed=False),
    metavar="DURATION",
    help="Largest error of the corrected time, such as 2s or 500 (milliseconds).",
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
    type=parse_utc(),
    help="Time on the camera's clock at which the offset was measured. Needed with --drift.",
)
@click.option(
    "--section",
    metavar="EVIDENCE#N",
    help="A later section of a recording, whose clock jumped; the table sections lists them. Needs --start.",
)
@click.option("--start", type=parse_utc(), help="Time of the first frame of that section, by the camera's clock.")
@reason_option
@json_option
def clock_command(
    root: Path,
    camera_id: str,
    offset_ms: int | None,
    error_ms: int | None,
    drift_ppm: int | None,
    drift_from: datetime | None,
    section: str | None,
    start: datetime | None,
    reason: str,
    as_json: bool,
) -> None:
    """Correct a camera's clock, or set when a section of a recording begins.

    The next `run` publishes the new times; nothing is detected again.

    \b
    Example:
      forensics case clock my-case gate --offset -25m3s --clock-error 2s
      forensics case clock my-case gate --section 3f2a91c04d77e810#2 --start 2026-05-01T10:03:00Z
    """
    if drift_ppm and drift_from is None:
        raise click.UsageError("--drift needs --drift-from, the time at which the offset was measured")
    given: JsonObject = {
        "offset_ms": offset_ms,
        "error_ms": error_ms,
        "drift_ppm": drift_ppm,
        "drift_from_utc_us": microseconds(drift_from),
    }
    stated = {name: value for name, value in given.items() if value is not None}
    if (section is None) != (start is None):
        raise click.UsageError("--section and --start belong together: which section, and when it begins")
    if not stated and section is None:
        raise click.UsageError("nothing to correct; give --offset, --clock-error, --drift, or --section with --start")
    facts = {"camera": camera_id, **stated}
    if section is not None:
        facts |= {"section": section, "start_utc_us": microseconds(start)}
    with open_session(root, "case clock", need=Need.CHANGE, reason=reason, facts=facts) as session:
        known = {item.camera_id for item in load_evidence(session.folder)} | set(session.case.cameras)
        camera_id = spelled_as_known(camera_id, known)
        if camera_id not in known:
            raise UsageError(
                f"the case has no camera {camera_id!r}", f"`forensics case show {in_shell(root)}` lists them"
            )
        with session.lock():
            if stated:
                session.change(lambda case: with_clock(case, replace(case.camera(camera_id), **stated)))
            if section is not None and start is not None:
                evidence_id, number = find_section(session.folder, camera_id, section)
                at_us = microseconds(start) or 0
                session.change(lambda case: with_section_start(case, evidence_id, number, at_us))
        corrected = session.case.camera(camera_id)
    begins = f", section {section} begins at {iso_text(start)}" if section is not None else ""
    emit(
        {**facts, "offset_ms": corrected.offset_ms, "error_ms": corrected.error_ms},
        f"{camera_id}: offset {corrected.offset_ms} ms{begins}\n"
        f"next: forensics run {in_shell(root)}, which publishes the new times",
        as_json,
    )


for _command in (
    *(init_command, policy_command, authorise_command, deny_command, hold_command, sweep_command),
    *(disclose_command, report_command, checkpoint_command),
):
    case.add_command(_command)
