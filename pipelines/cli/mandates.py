"""`case authorise`, `case deny`, `case hold` and `case sweep`: changes of a mandate."""

from pathlib import Path
from typing import Final

import click

from forensics.custody.authority import Authority
from forensics.custody.case_document import Case
from forensics.custody.mandate import Mode
from forensics.custody.stated_facts import day_or_time_text
from forensics.errors import UsageError
from forensics.spelling import in_shell
from pipelines.cli.authority_options import (
    AuthorityOptions,
    refuse_free_text,
    stated_authority,
    with_authority_options,
)
from pipelines.cli.output import (
    NOT_CLEAN,
    emit,
    json_option,
    path_type,
    reason_option,
    refuse_blank,
    required_reason,
    say,
    table_text,
)
from pipelines.custody.case_store import find_cases, with_authority, with_hold
from pipelines.custody.denial import deny, deny_damaged_case
from pipelines.custody.denial_memory import denials_file, forget_lapse
from pipelines.custody.erasure import certificate_facts, release
from pipelines.custody.mandate_text import authority_text, record_facts
from pipelines.custody.open_session import open_session
from pipelines.custody.retention import enforce_retention, is_due
from pipelines.custody.session import Need

__all__ = ["authorise_command", "deny_command", "hold_command", "sweep_command"]


@click.command("authorise")
@click.argument("root", metavar="CASE", type=path_type)
@click.option("--authority", "is_pending", callback=refuse_free_text, hidden=True, help="Only --authority pending.")
@with_authority_options
@reason_option
@json_option
def authorise_command(
    root: Path, is_pending: bool, authority_options: AuthorityOptions, reason: str, as_json: bool
) -> None:
    """Enter the authority that was pending; withheld results become readable again.

    What `case init` recorded of the request need not be given again.

    \b
    Example:
      forensics case authorise my --decided-by Weber --authority-reference 1/26 --granted 2026-05-02
    """
    if is_pending:
        raise UsageError("a pending authority cannot be entered", "enter it once it is granted, see --help")
    granted = stated_authority(Mode.SEARCH, authority_options, is_pending=False) or Authority()
    facts = {"authority": granted.describe()}
    with (
        open_session(root, "case authorise", need=Need.CHANGE, reason=reason, facts=facts) as session,
        session.lock(),
    ):
        before = session.case.mandate.authority
        session.change(lambda case: with_authority(case, granted, session.now))
        forget_lapse(session.case, session.now)
        were_withheld = session.keyring.withheld.exists()
        release(session.case)
        entered = {"authority": record_facts(session.case.mandate)["authority"], "released": were_withheld}
        session.record.outputs |= {**entered, "before": before and before.describe()}
        lines = [f"authority {authority_text(session.case.mandate, session.now)}", *_corrections(session.case, before)]
    lines += ["withheld results are readable again"] if were_withheld else []
    emit(entered, "\n".join([*lines, f"next: forensics run {in_shell(root)}"]), as_json)


def _corrections(case: Case, before: Authority | None) -> list[str]:
    """Return a line for each fact of the request that differs from what was recorded of it before."""
    now = case.mandate.authority
    if before is None or now is None:
        return []
    lines = []
    if before.body and before.body != now.body:
        lines.append(f"the request was recorded as made to {before.body}; the log keeps that")
    if before.requested_utc and before.requested_utc != now.requested_utc:
        day = day_or_time_text(before.requested_utc)
        lines.append(f"the request was recorded as made on {day}; the log keeps that")
    return lines


@click.command("deny")
@click.argument("root", metavar="CASE", type=path_type)
@click.option(
    "--reason",
    required=True,
    metavar="TEXT",
    callback=refuse_blank,
    help="Who refused the authority, and why. Kept in the case.",
)
@json_option
def deny_command(root: Path, reason: str, as_json: bool) -> None:
    """End a case whose authority was refused: stop its runs, destroy templates, candidates and verdicts.

    Evidence and the log are kept, sightings as long as the retention of the case states. A certificate lists what was
    destroyed. This cannot be undone.

    \b
    Example:
      forensics case deny my-case --reason "refused by the district court, 3 May"
    """
    try:
        with open_session(root, "case deny", need=Need.CHANGE, reason=reason) as session:
            certificate = deny(session, reason)
            is_kept = session.record.outputs["remembered"]
            session.record.outputs["certificate"] = None if certificate is None else certificate_facts(certificate)
    except Exception:  # whatever is wrong with the case, its key must go
        deny_damaged_case(root, reason)
        raise
    if certificate is None:
        text = "denied; the case is on hold, so results are withheld and nothing is destroyed until the hold is lifted"
    else:
        text = f"denied; biometric data was destroyed, see {certificate}"
    if not is_kept:
        say(f"this denial could not be stored in {denials_file()}, so later cases will not be asked about it")
    shown = None if certificate is None else str(certificate)
    emit({"certificate": shown, "remembered": is_kept}, text, as_json)


@click.command("hold")
@click.argument("root", metavar="CASE", type=path_type)
@click.option("--lift", is_flag=True, help="Allow deletion again.")
@required_reason("Why deletion is stopped, or allowed again.")
@json_option
def hold_command(root: Path, lift: bool, reason: str, as_json: bool) -> None:
    """Stop all deletion in the case, even after its mandate ends; or allow it again with --lift.

    \b
    Example:
      forensics case hold my-case --reason "trial on 3 September, order of the court"
    """
    with open_session(root, "case hold", need=Need.HOLD, reason=reason, facts={"lift": lift}) as session:
        with session.lock():
            if not lift:
                session.keyring.mark_hold(is_held=True)
            session.change(lambda case: with_hold(case, "" if lift else reason))
            if lift:
                session.keyring.mark_hold(is_held=False)
        enforce_retention(session)
        done = session.retention_actions
    emit(
        {"hold": session.case.mandate.hold, "done": done},
        "\n".join(["hold lifted" if lift else "on hold", *done]),
        as_json,
    )


_BUSY: Final = "not done: another command holds the case, and something is due; sweep again when it has ended"


@click.command("sweep")
@click.argument("root", metavar="FOLDER", type=path_type)
@json_option
def sweep_command(root: Path, as_json: bool) -> int:
    """Enforce the dates of every case in a folder and its subfolders: withhold, end, destroy. Run it from cron.

    What was done to each case is in the column done, and in the case's log.

    \b
    Example:
      forensics case sweep /archive/cases
    """
    rows, is_clean = [], True
    for case in find_cases(root):
        try:
            with open_session(case, "case sweep", need=Need.CHANGE, reason="dates") as session:
                left = [_BUSY] if is_due(session) else []
                is_clean = is_clean and not left
                rows.append([str(case), session.mandate_status.value, "; ".join([*session.retention_actions, *left])])
        except Exception as error:  # whatever is wrong with one case, the dates of the others count
            is_clean = False
            rows.append([str(case), "failed", str(error)])
    facts = [dict(zip(("case", "standing", "done"), row, strict=True)) for row in rows]
    emit({"cases": facts}, table_text(["case", "standing", "done"], rows), as_json)
    return 0 if is_clean else NOT_CLEAN
