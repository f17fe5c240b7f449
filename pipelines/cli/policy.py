"""`case policy`: changes of the rules of a case, on record."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import click

from forensics.custody.case_document import Case
from forensics.custody.corrections import RULES, Correction
from forensics.custody.result_retention import LONGEST_DAYS
from forensics.errors import UsageError
from forensics.json_object import JsonObject
from pipelines.cli.corrections import record_corrections
from pipelines.cli.output import emit, json_option, path_type, required_reason, say, table_text
from pipelines.custody.case_store import with_kept_results
from pipelines.custody.earlier_denials import acknowledge_denials
from pipelines.custody.open_session import open_session
from pipelines.custody.retention import enforce_retention
from pipelines.custody.retention_text import retention_text
from pipelines.custody.session import Need, Session

__all__ = ["keep_results_option", "policy_command"]

_KEEP_RESULTS: Final = "keep_results"

keep_results_option = click.option(
    "--keep-results",
    _KEEP_RESULTS,
    type=click.IntRange(1, LONGEST_DAYS),
    metavar="DAYS",
    help="Days after their last publication for which tables, parts and thumbnails are kept.",
)


@click.command("policy")
@click.argument("root", metavar="CASE", type=path_type)
@click.option("--watchlist-limit", type=click.IntRange(1), help="Most entries that may ever be added.")
@click.option(
    "--one-account/--two-accounts",
    "allows_one_account",
    default=None,
    help="Whether both reviewers may work under one account of the system.",
)
@keep_results_option
@click.option(
    "--after-denial",
    is_flag=True,
    help="Go on although a case about the same footage, person or reference was denied.",
)
@required_reason("Why the rule is changed.")
@json_option
def policy_command(
    root: Path,
    watchlist_limit: int | None,
    allows_one_account: bool | None,
    keep_results: int | None,
    after_denial: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Change a rule of the case; the log records it.

    Two reviewers work under two accounts of the system, unless --one-account allows otherwise. A face that was
    confirmed under one account is never taken as a reference. --keep-results may remove results at once; after the end
    of the mandate it can only shorten the time. --after-denial acknowledges the denials that `case show` names now; a
    later denial needs another acknowledgement.

    \b
    Example:
      forensics case policy my-case --watchlist-limit 8 --reason "eight people missing from one boat"
      forensics case policy my-case --keep-results 30 --reason "data protection officer, 4 May"
    """
    given = {"watchlist_limit": watchlist_limit, "allows_one_account": allows_one_account, _KEEP_RESULTS: keep_results}
    changes: JsonObject = {name: value for name, value in given.items() if value is not None}
    if not changes and not after_denial:
        rules = "--watchlist-limit, --one-account, --two-accounts, --keep-results or --after-denial"
        raise UsageError("no rule is given", f"give {rules}")
    need = Need.CHANGE if changes.keys() == {_KEEP_RESULTS} and not after_denial else Need.WORK
    facts = {**changes, "after_denial": True} if after_denial else changes
    with open_session(root, "case policy", need=need, reason=reason, facts=facts) as session:
        with session.lock():
            if after_denial:
                acknowledged = _acknowledged(acknowledge_denials(session.case), session.case)
                changes |= acknowledged
                session.record.outputs |= acknowledged
            before = {name: _rule(session.case, name) for name in changes}
            corrections = [
                Correction(RULES, name.replace("_", " "), _text(before[name]), _text(value))
                for name, value in changes.items()
                if before[name] != value
            ]
            session.change(
                lambda case: _changed(case, session, changes), partial(record_corrections, session, corrections)
            )
        enforce_retention(session)
    if keep_results is not None:
        say(retention_text(session.case))
    rows = [[name.replace("_", " "), before[name], value] for name, value in changes.items()]
    emit({**changes, "before": before}, table_text(["rule", "before", "now"], rows), as_json)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _acknowledged(case: Case, before: Case) -> JsonObject:
    """Return the lists of acknowledged cases that became longer."""
    after = {name: getattr(case, name) for name in ("acknowledged_denials", "acknowledged_lapses")}
    return {name: value for name, value in after.items() if value != getattr(before, name)}


def _rule(case: Case, name: str) -> object:
    """Return the value of a rule; None if results are kept without limit, or as long as the mandate."""
    if name == _KEEP_RESULTS:
        return None if case.retention is None else case.retention.days
    return getattr(case, name)


def _changed(case: Case, session: Session, changes: JsonObject) -> Case:
    others = {name: value for name, value in changes.items() if name != _KEEP_RESULTS}
    days = changes.get(_KEEP_RESULTS)
    return replace(case if days is None else with_kept_results(case, days, session.now), **others)
