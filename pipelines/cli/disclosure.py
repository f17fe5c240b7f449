"""`case disclose` and `case report`: documents for the defence and of the deployer, and yearly counts of cases."""

import json
from pathlib import Path

import click

from forensics.errors import UsageError
from forensics.wording import counted
from pipelines import clock
from pipelines.cli.output import (
    NOT_CLEAN,
    emit,
    json_option,
    path_type,
    reason_option,
    required_reason,
    say,
    table_text,
)
from pipelines.cli.output_options import OutputOptions, with_output_options, with_recipient_required
from pipelines.custody.case_store import find_cases
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.proof.disclosure import annual_counts, annual_uses, build_disclosure
from pipelines.proof.report import Template, render_report
from pipelines.proof.report_facts import report_facts
from pipelines.proof.uses import FEW

__all__ = ["disclose_command", "report_command"]


@click.command("disclose")
@click.argument("root", metavar="CASE", type=path_type)
@click.option("--output", "-o", type=path_type, required=True, metavar="FILE.json", help="File to write.")
@with_recipient_required
@required_reason("Why the file is given. Kept in the case's log.")
@json_option
def disclose_command(root: Path, output: Path, reason: str, as_json: bool, output_options: OutputOptions) -> None:
    """Write the file for the defence: footage searched, models, all candidates, error rates and limits.

    It includes rejected candidates, empty results, and every file that was written outside of the case before, with its
    recipient. It contains no picture and no template.

    \b
    Example:
      forensics case disclose my-case -o defence.json --recipient "B. Bold, counsel" --reason "4 May"
    """
    asked = {"output": str(output), **output_options.facts}
    with open_session(root, "case disclose", need=Need.READ, reason=reason, facts=asked) as session:
        outputs = output_options.outputs_of(session)
        outputs.check(output)
        document = build_disclosure(session.case)
        outputs.write(output, json.dumps(document, indent=2, ensure_ascii=False, default=str).encode())
    names = ("candidates", "searched", "not_searched")
    n_pairs, n_searched, n_others = (len(document[name]) for name in names)
    facts = {"output": str(output), "candidates": n_pairs, "evidence": n_searched, "not_searched": n_others}
    recordings = counted(n_searched, "recording that was searched", "recordings that were searched")
    others = f", {counted(n_others, 'source', 'sources')} not searched" if n_others else ""
    emit(facts, f"{output}: {counted(n_pairs, 'compared pair', 'compared pairs')}, {recordings}{others}", as_json)


@click.command("report")
@click.argument("root", metavar="CASE|FOLDER", type=path_type)
@click.option("--annual", "year", type=int, metavar="YEAR", help="Count the cases of a folder: year of the report.")
@click.option(
    "--template",
    type=click.Choice([template.value for template in Template]),
    help="Write a document about one case, with facts filled in and the rest marked as blanks.",
)
@click.option("--output", "-o", type=path_type, metavar="FILE.md", help="File to write. Needed with --template.")
@with_output_options
@reason_option
@json_option
def report_command(
    root: Path,
    year: int | None,
    template: str | None,
    output: Path | None,
    reason: str,
    as_json: bool,
    output_options: OutputOptions,
) -> int:
    """Count the cases of a folder for a year, or write a document that the deployer of a case owes.

    With --annual: the cases in a folder and its subfolders by mode, legal basis and outcome, and what was done in that
    year. With --template: impact-assessment (EU AI Act Art. 27, GDPR Art. 35, LED Art. 27), registration (Art. 49),
    record-of-use (Art. 26(10) and 14(5)) or data-subject-request (LED Art. 13 to 16), as Markdown; needs a --reason.

    No name is in either, and numbers of people and uses below five are not stated.

    \b
    Example:
      forensics case report /archive/cases --annual 2026
      forensics case report my-case --template registration -o use.md --reason "new use"
    """
    if year is not None and template is None:
        if output is not None:
            raise UsageError("-o belongs to --template", "redirect the counts to a file: ... > annual.txt")
        return _report_year(root, year, as_json)
    if year is not None or template is None:
        raise UsageError("give either --annual or --template", "--annual counts a folder, --template writes a document")
    if output is None:
        raise UsageError("--template needs the file to write", "give it with -o FILE.md")
    if not reason.strip():
        raise UsageError("a document about a case needs a reason", "give for whom and why with --reason TEXT")
    _write_report(root, Template(template), output, output_options, reason=reason, as_json=as_json)
    return 0


def _write_report(
    root: Path, template: Template, output: Path, options: OutputOptions, *, reason: str, as_json: bool
) -> None:
    facts = {"output": str(output), "template": template.value, **options.facts}
    with open_session(root, "case report", need=Need.READ, reason=reason, facts=facts) as session:
        outputs = options.outputs_of(session)
        outputs.check(output)
        report = render_report(template, report_facts(session.case, session.now))
        outputs.write(output, report.text.encode())
    blanks = counted(len(report.blanks), "blank to fill", "blanks to fill")
    emit({**facts, "blanks": report.blanks}, f"{output}: {blanks}, listed at its end", as_json)


def _report_year(root: Path, year: int, as_json: bool) -> int:
    known, is_clean = [], True
    for case in find_cases(root):
        try:
            with open_session(case, "case report", need=Need.READ, reason=f"annual report {year}") as session:
                known.append(session.case)
        except Exception as error:  # whatever is wrong with one case, the others are counted
            is_clean = False
            say(f"{case}: not counted: {error}")
    counts, uses = annual_counts(known, year=year, now=clock.utc_now()), annual_uses(known, year=year)
    text = "\n\n".join(
        table_text(columns, [[FEW if value is None else value for value in row.values()] for row in rows])
        for columns, rows in ((["mode", "legal_basis", "outcome", "cases"], counts), (["mode", "use", "times"], uses))
    )
    emit({"year": year, "counts": counts, "uses": uses}, text, as_json)
    return 0 if is_clean else NOT_CLEAN
