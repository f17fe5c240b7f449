"""Texts and facts about how long the results of a case are kept, for people."""

from forensics.custody.case_document import Case
from forensics.custody.result_retention import removal_statement, results_due, results_removed, results_since
from forensics.json_object import JsonObject
from forensics.spelling import in_shell
from forensics.wording import counted
from pipelines.custody.mandate_text import instant_text

__all__ = ["removal_text", "retention_facts", "retention_text"]


def retention_facts(case: Case) -> JsonObject:
    """Return how many days results are kept, until when, and when they were removed; None for unknown or never."""
    removed = results_removed(case.folder)
    due = results_due(case.retention, case.mandate, results_since(case.folder))
    return {
        "keep_results_days": None if case.retention is None else case.retention.days,
        "results_until_utc": None if due is None else due.isoformat(timespec="seconds"),
        "results_removed_utc": None if removed is None else removed.isoformat(timespec="seconds"),
    }


def retention_text(case: Case) -> str:
    """Return how long results are kept, and until when if that is known; not what has become of them."""
    if case.retention is None:
        return "results are kept without limit"
    days = case.retention.days
    rule = (
        "results are kept until seven days after the mandate's end"
        if days is None
        else f"results are kept for {counted(days, 'day', 'days')} after their last publication"
    )
    due = results_due(case.retention, case.mandate, results_since(case.folder))
    until = "" if due is None else f", until {instant_text(due)}"
    return f"{rule}{until}{', and longer while the case is on hold' if case.mandate.hold else ''}"


def removal_text(case: Case, *, may_run: bool) -> str:
    """Return when retention removed the results, and how to make them again; empty if it did not."""
    removed = results_removed(case.folder)
    if removed is None:
        return ""
    again = f"; `forensics run {in_shell(case.folder.root)}` makes them again from the evidence" if may_run else ""
    return f"{removal_statement(removed)}{again}"
