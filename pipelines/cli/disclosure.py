"""`case disclose` and `case report`: the document for the defence, and yearly counts of cases."""

import json
from pathlib import Path

import click

from forensics.errors import ForensicsError
from forensics.wording import counted
from pipelines import clock
from pipelines.cli.output import NOT_CLEAN, emit, force_option, json_option, path_type, required_reason, say, table_text
from pipelines.custody.case_store import find_cases
from pipelines.custody.open_session import open_session
from pipelines.custody.outputs import Outputs
from pipelines.custody.session import Need
from pipelines.proof.disclosure import annual_counts, build_disclosure

__all__ = ["disclose_command", "report_command"]


@click.command("disclose")
@click.argument("root", metavar="CASE", type=path_type)
@click.option("--output", "-o", type=path_type, required=True, metavar="FILE.json", help="File to write.")
@force_option
@required_reason("For whom, and why. Kept in the case's log.")
@json_option
def disclose_command(root: Path, output: Path, force: bool, reason: str, as_json: bool) -> None:
    """Write the file for the defence: footage searched, models, all candidates, error rates and limits.

    It includes rejected candidates and empty results, and contains no picture and no template.

    \b
    Example:
      forensics case disclose my-case -o disclosure.json --reason "request of counsel, 4 May"
    """
    with open_session(root, "case disclose", need=Need.READ, reason=reason, facts={"output": str(output)}) as session:
        outputs = Outputs(session, replaces_own=force)
        outputs.check(output)
        document = build_disclosure(session.case)
        outputs.write(output, json.dumps(document, indent=2, ensure_ascii=False, default=str).encode())
    facts = {"output": str(output), "candidates": len(document["candidates"]), "evidence": len(document["searched"])}
    pairs = counted(len(document["candidates"]), "compared pair", "compared pairs")
    emit(facts, f"{output}: {pairs}, {counted(len(document['searched']), 'recording', 'recordings')}", as_json)


@click.command("report")
@click.argument("root", metavar="FOLDER", type=path_type)
@click.option("--annual", "year", type=int, required=True, metavar="YEAR", help="Year in which the cases were made.")
@json_option
def report_command(root: Path, year: int, as_json: bool) -> int:
    """Count the cases in a folder and its subfolders by mode, legal basis and outcome, without names.

    \b
    Example:
      forensics case report /archive/cases --annual 2026
    """
    known, is_clean = [], True
    for case in find_cases(root):
        try:
            with open_session(case, "case report", need=Need.READ, reason=f"annual report {year}") as session:
                known.append(session.case)
        except (ForensicsError, OSError) as error:
            is_clean = False
            say(f"{case}: not counted: {error}")
    counts = annual_counts(known, year=year, now=clock.utc_now())
    columns = ["mode", "legal_basis", "outcome", "cases"]
    emit({"year": year, "counts": counts}, table_text(columns, [list(row.values()) for row in counts]), as_json)
    return 0 if is_clean else NOT_CLEAN
