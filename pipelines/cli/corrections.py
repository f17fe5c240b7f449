"""Corrections of what was stated about a case, as commands print and record them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from forensics.custody.corrections import CORRECTS, Correction, RecordedCorrection, correction_facts
from pipelines.cli.output import one_line, say
from pipelines.custody.session import Session

__all__ = ["corrections_text", "print_planned", "record_corrections"]


def corrections_text(corrections: Sequence[RecordedCorrection], file_names: Mapping[str, str]) -> list[str]:
    """Return every correction of a case as text: a line with old and new, a line with who, when and why.

    Args:
        corrections: in order of time.
        file_names: name of each file by the id of its evidence.
    """
    lines = []
    for each in corrections:
        why = each.why or "no reason was given"
        doubt = "" if each.is_complete else "; the command did not end, so this may not have been made"
        who = f"user {each.who.get('user', '?')}, operator {each.who.get('operator') or '?'}"
        lines += [
            str(replace(each.correction, of=_with_file_name(each.correction.of, file_names))),
            f"    {each.at_utc:%Y-%m-%d %H:%M:%S}Z, {who}: {why}{doubt}",
        ]
    return ["", "corrected:", *map(one_line, lines)] if lines else []


def _with_file_name(of: str, file_names: Mapping[str, str]) -> str:
    """Return what a correction is about, with the name of the file if it is one, or a section of one.

    >>> _with_file_name("section 3f2a91c07d5e4b18#2", {"3f2a91c07d5e4b18": "gate.mp4"})
    'section 3f2a91c07d5e4b18#2 (gate.mp4)'
    """
    name = file_names.get(of.removeprefix("section ").partition("#")[0])
    return of if name is None else f"{of} ({name})"


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
