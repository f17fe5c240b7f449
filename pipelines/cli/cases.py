"""`case`: who may look for what, on which footage, until when."""

from pathlib import Path

import click

from forensics.custody.corrections import recorded_corrections
from forensics.custody.log import read_chain
from forensics.tables.evidence import load_evidence
from pipelines.cli.amend import amend_command
from pipelines.cli.camera_clock import clock_command
from pipelines.cli.case_facts import CAMERA_COLUMNS, camera_rows, case_facts, case_texts, denials_text
from pipelines.cli.case_init import init_command
from pipelines.cli.checkpoints import checkpoint_command
from pipelines.cli.corrections import corrections_text
from pipelines.cli.disclosure import disclose_command, report_command
from pipelines.cli.groups import Group
from pipelines.cli.mandates import authorise_command, deny_command, hold_command, sweep_command
from pipelines.cli.output import (
    emit,
    json_option,
    path_type,
    table_text,
)
from pipelines.cli.policy import policy_command
from pipelines.custody.earlier_denials import denial_facts
from pipelines.custody.open_session import open_session
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
        corrections = recorded_corrections(read_chain(session.folder.audit_file).lines)
        facts["corrections"] = [each.facts for each in corrections]
        names = {item.evidence_id: item.path.name for item in load_evidence(session.folder)}
        lines += ["", table_text(list(CAMERA_COLUMNS), camera_rows(facts)), *corrections_text(corrections, names)]
        emit(facts, "\n".join(lines), as_json)


for _command in (
    *(
        init_command,
        amend_command,
        clock_command,
        policy_command,
        authorise_command,
        deny_command,
        hold_command,
        sweep_command,
    ),
    *(disclose_command, report_command, checkpoint_command),
):
    case.add_command(_command)
