"""Corrections of what was stated about a case, as commands print and record them."""

from collections.abc import Sequence

from forensics.custody.corrections import CORRECTS, Correction, correction_facts
from pipelines.cli.output import one_line, say
from pipelines.custody.session import Session

__all__ = ["print_corrections", "record_corrections"]


def print_corrections(corrections: Sequence[Correction]) -> None:
    """Print a line for each correction: of what, old and new."""
    for each in corrections:
        say(one_line(f"corrected: {each}"))


def record_corrections(session: Session, corrections: Sequence[Correction]) -> None:
    """Put corrections into the log of the case, before they are made, and print them."""
    session.record.note(CORRECTS, correction_facts(corrections))
    print_corrections(corrections)
