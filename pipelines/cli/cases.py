"""`case`: who may look for what, on which footage, until when."""

import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from forensics.custody.authority import PENDING, Authority, is_pending_text
from forensics.custody.case_document import Case
from forensics.custody.mandate import Mandate, MandateStatus, Mode, mandate_status
from forensics.custody.missing_report import MissingReport
from forensics.errors import UsageError
from forensics.json_object import JsonObject
from forensics.spelling import in_shell, spelled_as_known
from forensics.tables.evidence import load_evidence
from pipelines import clock
from pipelines.cli.authority_options import (
    AuthorityOptions,
    ReportOptions,
    refuse_free_text,
    stated_authority,
    stated_report,
    with_authority_options,
    with_report_options,
)
from pipelines.cli.checkpoints import checkpoint_command
from pipelines.cli.disclosure import disclose_command, report_command
from pipelines.cli.groups import Group
from pipelines.cli.mandates import authorise_command, deny_command, hold_command, sweep_command
from pipelines.cli.output import (
    emit,
    json_option,
    microseconds,
    parse_day_or_time,
    parse_last_day,
    parse_utc,
    path_type,
    reason_option,
    table_text,
)
from pipelines.cli.policy import keep_results_option, policy_command
from pipelines.cli.text_types import TEXT
from pipelines.custody.case_store import make_case, refuse_records_of_other_modes, with_clock, with_section_start
from pipelines.custody.mandate_text import authority_text, last_day_text, record_facts, report_text
from pipelines.custody.open_session import open_session
from pipelines.custody.recording_sections import find_section
from pipelines.custody.retention_text import removal_text, retention_facts, retention_text
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


_QUESTIONS = {
    "title": "Title, one line",
    "purpose": "Purpose: why is this footage examined?",
    "legal_basis": "Legal basis",
    "reference": "Reference of the offence or of the missing person",
    "operator": "Operator: who is responsible?",
    "authority": "File number of the authority, or pending",
}
_QUESTIONS_OF_RECORDS: Any = {
    "decided-by": ("authority", "decided_by", "Who decided: name or office", TEXT),
    "authority-body": ("authority", "body", "Court or authority", TEXT),
    "authority-reference": ("authority", "reference", "File number of the authority", TEXT),
    "requested": ("authority", "requested_utc", "Requested on (2026-05-01, or a time)", parse_day_or_time()),
    "granted": ("authority", "granted_utc", "Granted on (2026-05-01, or a time)", parse_day_or_time()),
    "report-body": ("report", "body", "Body that keeps the report of the missing person", TEXT),
    "reported": ("report", "reported_utc", "Reported missing on (2026-05-01, or a time)", parse_day_or_time()),
}


_INSTANTS = {
    "from": ("Start (2026-05-01T09:00:00Z)", parse_utc()),
    "to": ("End (2026-05-01T21:00:00Z)", parse_utc()),
    "expires": ("Last day of the mandate (2027-05-31)", parse_last_day()),
}


@case.command("init")
@click.argument("root", metavar="DIR", type=path_type)
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.SCENE.value,
    show_default=True,
    help="scene: people and objects, compares no faces; search: a known person, needs an authority; "
    "missing: a missing or trafficked person; wildlife: animals, otherwise as scene. In scene and wildlife "
    "people are detected like every other class, and pictures show them uncovered.",
)
@click.option("--title", default="", help="Title, one line.")
@click.option("--purpose", default="", help="Why this footage is examined.")
@click.option("--legal-basis", default="", help="Law that permits it.")
@click.option("--reference", default="", help="Reference of the offence or of the missing person.")
@click.option("--operator", default="", help="Who is responsible.")
@click.option("--camera", "cameras", multiple=True, help="Only this camera. Can be given several times.")
@click.option("--from", "from_utc", type=parse_utc(), help="Only from this time.")
@click.option("--to", "to_utc", type=parse_utc(), help="Only until this time.")
@click.option("--expires", "expires_utc", type=parse_last_day(), help="Last day of the mandate.")
@click.option(
    "--authority",
    "is_pending",
    metavar=PENDING,
    callback=refuse_free_text,
    help="The authority was asked for and not granted yet, which allows 48 hours. Mode search only.",
)
@keep_results_option
@with_authority_options
@with_report_options
@json_option
def init(
    root: Path,
    mode: str,
    is_pending: bool,
    authority_options: AuthorityOptions,
    report_options: ReportOptions,
    keep_results: int | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Make a case in a new or empty folder; in a terminal it asks for missing fields.

    Modes search and missing compare faces with a watch-list. Both need every field; search also needs an authority,
    missing the report of the missing person. Their results are removed seven days after the mandate's end, those of
    other modes never, unless --keep-results is given.

    \b
    Example:
      forensics case init my-case --purpose "stolen bicycle, 1 May" --operator "A. Ahmed"
      forensics case init robbery --mode search --authority pending --requested 2026-05-01
      forensics case init lost-child --mode missing --reference MP-118 --report-body "City police"
    """
    title = given.pop("title") or ("" if Mode(mode).compares_faces else root.name)
    authority = stated_authority(Mode(mode), authority_options, is_pending=is_pending)
    report = stated_report(Mode(mode), report_options, authority_options.document)
    mandate = Mandate(Mode(mode), title=title, authority=authority, report=report, **given)
    refuse_records_of_other_modes(mandate)
    mandate = _ask_missing(mandate)
    made = make_case(root, mandate, now=clock.utc_now(), keep_results_days=keep_results)
    with open_session(root, "case init", need=Need.CHANGE, facts=_facts(made)):
        emit(
            _facts(made),
            f"made {made.folder.root}\nnext: forensics ingest {in_shell(root)} FOOTAGE... --camera ID",
            as_json,
        )


def _ask_missing(mandate: Mandate) -> Mandate:
    """Return the mandate with its missing fields as a person answers them; unchanged without a terminal."""
    while sys.stdin.isatty() and mandate.missing_at_creation:
        mandate = _ask(mandate, mandate.missing_at_creation[0])
    return mandate


def _ask(mandate: Mandate, name: str) -> Mandate:
    """Ask for the field that is missing under this name."""
    if name == "camera":
        cameras = click.prompt("Cameras, separated by commas", type=TEXT, err=True).split(",")
        return replace(mandate, cameras=tuple(camera.strip() for camera in cameras))
    if name in _INSTANTS:
        question, kind = _INSTANTS[name]
        instant: Any = click.prompt(question, type=kind, err=True)
        return replace(mandate, **{f"{name}_utc": instant})
    if name in _QUESTIONS_OF_RECORDS:
        return _ask_of_record(mandate, *_QUESTIONS_OF_RECORDS[name])
    field = name.replace("-", "_")
    answer: Any = click.prompt(_QUESTIONS[field], type=TEXT, err=True)
    if name == "authority":
        answer = Authority(is_pending=True) if is_pending_text(answer) else Authority(reference=answer.strip())
    return replace(mandate, **{field: answer})


def _ask_of_record(mandate: Mandate, record: str, field: str, question: str, kind: Any) -> Mandate:
    """Ask for one field of the authority or of the report."""
    answer: Any = click.prompt(question, type=kind, err=True)
    known: Any = getattr(mandate, record) or MissingReport()
    return replace(mandate, **{record: replace(known, **{field: answer})})


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
        facts = {**_facts(session.case), "standing": session.mandate_status.value}
        shown = {**facts, **_texts(session.case, session.now)}
        lines = [
            f"{name.replace('_', ' '):>15}  {value}" for name, value in shown.items() if name != "cameras" and value
        ]
        rows = [[name, *known.values()] for name, known in facts["cameras"].items()]
        columns = ["camera", "offset_ms", "error_ms", "drift_ppm", "files"]
        emit(facts, "\n".join([*lines, "", table_text(columns, rows)]), as_json)


def _texts(case: Case, now: datetime) -> dict[str, str]:
    """Return the facts that people read as text, by name; empty ones are part of another."""
    mandate = case.mandate
    days = {} if mandate.expires_utc is None else {"expires_utc": f"{last_day_text(mandate.expires_utc)} (last day)"}
    return {
        "authority": authority_text(mandate, now),
        "report": report_text(mandate),
        "authority_ends_utc": "",
        **days,
        **dict.fromkeys(retention_facts(case), ""),
        "retention": retention_text(case),
        "removed": removal_text(case, may_run=mandate_status(mandate, now) is MandateStatus.ACTIVE),
    }


def _facts(shown: Case) -> JsonObject:
    files = [item.camera_id for item in load_evidence(shown.folder)]
    cameras = {name: shown.camera(name) for name in sorted({*files, *shown.cameras})}
    mandate = shown.mandate
    return {
        "case": str(shown.folder.root),
        "case_id": shown.case_id,
        "mode": mandate.mode.value,
        "title": mandate.title,
        "purpose": mandate.purpose,
        "legal_basis": mandate.legal_basis,
        "reference": mandate.reference,
        "operator": mandate.operator,
        **record_facts(mandate),
        "authority_ends_utc": _instant(mandate.authority_ends),
        "only_cameras": ", ".join(mandate.cameras),
        **{
            name: _instant(getattr(mandate, name))
            for name in ("from_utc", "to_utc", "expires_utc", "first_run_utc", "denied_utc", "erased_utc")
        },
        "hold": mandate.hold,
        "watchlist_limit": shown.watchlist_limit,
        "allows_one_account": shown.allows_one_account,
        "created_utc": _instant(shown.created_utc),
        **retention_facts(shown),
        "cameras": {
            name: {
                "offset_ms": camera.offset_ms,
                "error_ms": camera.error_ms,
                "drift_ppm": camera.drift_ppm,
                "files": files.count(name),
            }
            for name, camera in cameras.items()
        },
    }


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="seconds")


@case.command("clock")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("camera_id", metavar="CAMERA")
@click.option(
    "--offset", "offset_ms", type=int, metavar="MS", help="Milliseconds to add to the camera's clock to get UTC."
)
@click.option(
    "--error",
    "error_ms",
    type=click.IntRange(0),
    metavar="MS",
    help="Largest error of the corrected time, in milliseconds.",
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
      forensics case clock my-case gate --offset -90000 --error 500
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
        raise click.UsageError("nothing to correct; give --offset, --error, --drift, or --section with --start")
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
    begins = f", section {section} begins at {_instant(start)}" if section is not None else ""
    emit(
        {**facts, "offset_ms": corrected.offset_ms, "error_ms": corrected.error_ms},
        f"{camera_id}: offset {corrected.offset_ms} ms{begins}\n"
        f"next: forensics run {in_shell(root)}, which publishes the new times",
        as_json,
    )


for _command in (
    *(authorise_command, deny_command, hold_command, sweep_command),
    *(disclose_command, report_command, checkpoint_command, policy_command),
):
    case.add_command(_command)
