"""`case init`: makes a case; in a terminal it asks for what is missing."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from forensics.custody.authority import PENDING, Authority, is_pending_text
from forensics.custody.mandate import Mandate, Mode
from forensics.custody.missing_report import MissingReport
from forensics.spelling import in_shell
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
from pipelines.cli.case_facts import case_facts
from pipelines.cli.output import (
    emit,
    json_option,
    new_camera_option,
    parse_day_or_time,
    parse_last_day,
    parse_utc,
    path_type,
    say,
)
from pipelines.cli.policy import keep_results_option
from pipelines.cli.text_types import TEXT
from pipelines.custody.case_store import make_case, refuse_records_of_other_modes
from pipelines.custody.earlier_denials import describe_denials
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.intake.camera_spelling import spell_stated_cameras

__all__ = ["init_command"]

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


@click.command("init")
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
@new_camera_option
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
def init_command(
    root: Path,
    mode: str,
    is_pending: bool,
    authority_options: AuthorityOptions,
    report_options: ReportOptions,
    keep_results: int | None,
    is_new_camera: bool,
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
    mandate = replace(
        mandate, cameras=tuple(dict.fromkeys(spell_stated_cameras(mandate.cameras, [], is_new=is_new_camera)))
    )
    made = make_case(root, mandate, now=clock.utc_now(), keep_results_days=keep_results)
    with open_session(root, "case init", need=Need.CHANGE, facts=case_facts(made)):
        for line in describe_denials(made):
            say(line)
        emit(
            case_facts(made),
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
