"""`case amend`: corrects what the mandate of a case states."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from forensics.custody.corrections import Correction
from forensics.spelling import in_shell
from forensics.tables.evidence import load_evidence
from pipelines.cli.authority_options import (
    AuthorityOptions,
    ReportOptions,
    stated_authority,
    stated_report,
    with_authority_options,
    with_report_options,
)
from pipelines.cli.corrections import record_corrections
from pipelines.cli.output import (
    emit,
    json_option,
    new_camera_option,
    parse_last_day,
    parse_utc,
    path_type,
    required_reason,
    say,
)
from pipelines.custody.amendments import amend, find_corrections
from pipelines.custody.case_store import load_case
from pipelines.custody.open_session import open_session
from pipelines.custody.retention import enforce_retention
from pipelines.custody.session import Need
from pipelines.intake.camera_spelling import describe_cameras_without_footage, known_cameras, spell_stated_cameras

__all__ = ["amend_command"]


@click.command("amend")
@click.argument("root", metavar="CASE", type=path_type)
@click.option("--title", help="Title, one line.")
@click.option("--purpose", help="Why this footage is examined.")
@click.option("--legal-basis", help="Law that permits it.")
@click.option("--reference", help="Reference of the offence or of the missing person.")
@click.option("--operator", help="Who is responsible. Not in a case that compares faces.")
@click.option("--camera", "cameras", multiple=True, help="Only this camera. Can be given several times; give all.")
@new_camera_option
@click.option("--from", "from_utc", type=parse_utc(), help="Only from this time.")
@click.option("--to", "to_utc", type=parse_utc(), help="Only until this time.")
@click.option("--expires", "expires_utc", type=parse_last_day(), help="Last day of the mandate.")
@with_authority_options
@with_report_options
@required_reason("Why the mandate is amended.")
@json_option
def amend_command(
    root: Path,
    authority_options: AuthorityOptions,
    report_options: ReportOptions,
    is_new_camera: bool,
    reason: str,
    as_json: bool,
    **given: Any,
) -> None:
    """Correct the mandate: its texts, or which cameras, hours and days it covers.

    The log keeps the old values, and `case show` displays old and new. A case that compares faces can be narrowed; more
    cameras, more hours or a later last day need the record of the authority that permits them (mode search), or of the
    report (mode missing). Other modes can be widened too. A file that was ingested for another camera than it shows is
    corrected with `evidence camera`.

    \b
    Example:
      forensics case amend my-case --legal-basis "StPO 100h" --reason "the paragraph was mistyped"
    """
    changes = {name: value for name, value in given.items() if value not in (None, ())}
    mode = load_case(root).mandate.mode
    authority = stated_authority(mode, authority_options, is_pending=False)
    report = stated_report(mode, report_options, authority_options.document)
    with open_session(root, "case amend", need=Need.WORK, reason=reason) as session:
        with session.lock():
            before, footage = session.case.mandate, load_evidence(session.folder)
            if "cameras" in changes:
                known = known_cameras(session.case, footage)
                spelled = spell_stated_cameras(changes["cameras"], known, is_new=is_new_camera)
                changes["cameras"] = tuple(dict.fromkeys(spelled))
            amended = amend(session.case, changes, authority, report, now=session.now)
            corrections = find_corrections(before, amended.mandate, session.now)
            session.change(
                lambda case: amend(case, changes, authority, report, now=session.now),
                partial(record_corrections, session, corrections),
            )
            if "cameras" in changes:
                for line in describe_cameras_without_footage(amended.mandate.cameras, footage):
                    say(line)
        enforce_retention(session)
    emit({"amended": _by_name(corrections)}, f"next: forensics case show {in_shell(root)}", as_json)


def _by_name(corrections: list[Correction]) -> dict[str, dict[str, str | None]]:
    return {each.name: {"before": each.before, "after": each.after} for each in corrections}
