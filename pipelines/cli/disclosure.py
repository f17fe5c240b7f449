"""`case disclose` and `case report`: what others are owed."""

import json
from pathlib import Path

import click

from forensics.digests import sha256_of_file
from forensics.errors import ForensicsError
from forensics.tables.files import write_bytes
from pipelines import clock
from pipelines.cli.output import NOT_CLEAN, counted, emit, json_option, path_type, required_reason, say, table_text
from pipelines.custody.case_store import cases_below
from pipelines.custody.open_session import open_session
from pipelines.custody.outputs import output_file
from pipelines.custody.session import Need
from pipelines.proof.disclosure import annual_counts, disclosure

__all__ = ["disclose_command", "report_command"]


@click.command("disclose")
@click.argument("root", metavar="CASE", type=path_type)
@click.option("--output", "-o", type=path_type, required=True, metavar="FILE.json", help="Where to write it.")
@required_reason("For whom, and why; kept in the case's log.")
@json_option
def disclose_command(root: Path, output: Path, reason: str, as_json: bool) -> None:
    """Make the file for the defence: what was searched, with what, every candidate, error rates and limits.

    It holds no picture and no template, and lists rejected candidates and empty results too.

    \b
    Example:
      forensics case disclose my-case -o disclosure.json --reason "request of counsel, 4 May"
    """
    with open_session(root, "case disclose", need=Need.LOOK, reason=reason, facts={"output": str(output)}) as session:
        output_file(session.folder, output)
        told = disclosure(session.case)
        write_bytes(output, json.dumps(told, indent=2, ensure_ascii=False, default=str).encode())
        session.recorded.outputs["sha256"] = sha256_of_file(output)
    facts = {"output": str(output), "candidates": len(told["candidates"]), "evidence": len(told["searched"])}
    pairs = counted(len(told["candidates"]), "compared pair", "compared pairs")
    emit(facts, f"{output}: {pairs}, {counted(len(told['searched']), 'recording', 'recordings')}", as_json)


@click.command("report")
@click.argument("root", metavar="FOLDER", type=path_type)
@click.option("--annual", "year", type=int, required=True, metavar="YEAR", help="Of the cases made in this year.")
@json_option
def report_command(root: Path, year: int, as_json: bool) -> int:
    """Count the cases below a folder by mode, legal basis and outcome, without a name.

    \b
    Example:
      forensics case report /archive/cases --annual 2026
    """
    known, is_clean = [], True
    for case in cases_below(root):
        try:
            with open_session(case, "case report", need=Need.LOOK, reason=f"annual report {year}") as session:
                known.append(session.case)
        except (ForensicsError, OSError) as error:
            is_clean = False
            say(f"{case}: not counted: {error}")
    counts = annual_counts(known, year=year, now=clock.utc_now())
    columns = ["mode", "legal_basis", "outcome", "cases"]
    emit({"year": year, "counts": counts}, table_text(columns, [list(row.values()) for row in counts]), as_json)
    return 0 if is_clean else NOT_CLEAN
