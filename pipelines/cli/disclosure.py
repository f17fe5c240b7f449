"""`case disclose` and `case report`: the document for the defence, and yearly counts of cases."""

import json
from pathlib import Path
from typing import Final

import click

from forensics.errors import ForensicsError
from forensics.wording import counted
from pipelines import clock
from pipelines.cli.output import NOT_CLEAN, emit, force_option, json_option, path_type, required_reason, say, table_text
from pipelines.custody.case_store import find_cases
from pipelines.custody.open_session import open_session
from pipelines.custody.outputs import Outputs
from pipelines.custody.session import Need
from pipelines.proof.disclosure import annual_counts, annual_uses, build_disclosure

__all__ = ["disclose_command", "report_command"]


_FEW: Final = "fewer than 5"


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
@click.option("--annual", "year", type=int, required=True, metavar="YEAR", help="Year of the report.")
@json_option
def report_command(root: Path, year: int, as_json: bool) -> int:
    """Count the cases in a folder and its subfolders by mode, legal basis and outcome, and what was done in that year.

    No name is in it, and numbers below five are not stated.

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
    counts, uses = annual_counts(known, year=year, now=clock.utc_now()), annual_uses(known, year=year)
    text = "\n\n".join(
        table_text(columns, [[_FEW if value is None else value for value in row.values()] for row in rows])
        for columns, rows in ((["mode", "legal_basis", "outcome", "cases"], counts), (["mode", "use", "times"], uses))
    )
    emit({"year": year, "counts": counts, "uses": uses}, text, as_json)
    return 0 if is_clean else NOT_CLEAN
