"""Corrections of what was stated about a case, as commands print and record them."""

from collections.abc import Sequence

from forensics.custody.corrections import CORRECTS, Correction, RecordedCorrection, correction_facts
from pipelines.cli.output import one_line, say
from pipelines.custody.session import Session

__all__ = ["corrections_text", "print_planned", "record_corrections"]


def corrections_text(corrections: Sequence[RecordedCorrection]) -> list[str]:
    """Return every correction of a case as text: a line with old and new, a line with who, when and why."""
    lines = []
    for each in corrections:
        why = each.why or "no reason was given"
        doubt = "" if each.is_complete else "; the command did not end, so this may not have been made"
        lines += [str(each.correction), f"    {each.at_utc:%Y-%m-%d %H:%M}Z, {each.who.get('user', '?')}: {why}{doubt}"]
    return ["", "corrected:", *map(one_line, lines)] if lines else []


def print_planned(corrections: Sequence[Correction]) -> None:
    """Print a line for each correction that a dry run would make."""
    _print("would correct", corrections)


def record_corrections(session: Session, corrections: Sequence[Correction]) -> None:
    """Put corrections into the log of the case, before they are made, and print them."""
    if corrections:
        session.record.note(CORRECTS, correction_facts(corrections))
        _print("corrected", corrections)


def _print(what: str, corrections: Sequence[Correction]) -> None:
    for each in corrections:
        say(one_line(f"{what}: {each}"))
