"""Corrections of what people stated about a case, as its log records them: what, before, after, by whom and why."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from forensics.custody.log import LogLine
from forensics.custody.registered_files import WROTE
from forensics.json_object import JsonObject

__all__ = [
    "CORRECTS",
    "MANDATE",
    "RULES",
    "Correction",
    "RecordedCorrection",
    "correction_facts",
    "recorded_corrections",
]

MANDATE: Final = "mandate"
"""What a correction of the mandate is about."""
RULES: Final = "rules"
"""What a change of the rules of a case is about, see `case policy`."""
CORRECTS: Final = "corrects"
"""Name of the note that a command appends to the log before it changes what was stated."""
_LIST: Final = "corrections"


@dataclass(frozen=True, slots=True)
class Correction:
    """One statement that was replaced by another.

    Attributes:
        of: what it is about: an evidence id, ``camera gate``, `MANDATE` or `RULES`.
        name: which statement, such as ``camera``, ``start`` or ``title``.
        before, after: old and new value as text; None for none.
    """

    of: str
    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.of}: {self.name} {self.before or 'none'} -> {self.after or 'none'}"


@dataclass(frozen=True, slots=True)
class RecordedCorrection:
    """A correction with the command that made it.

    Attributes:
        correction: what was replaced.
        at_utc: when.
        command: name of the command.
        who: user, machine and operator.
        why: reason as given by the user; empty if none was required.
        is_complete: whether the command is known to have made it; otherwise it was killed or refused at that moment.
    """

    correction: Correction
    at_utc: datetime
    command: str
    who: dict[str, str]
    why: str
    is_complete: bool

    @property
    def facts(self) -> JsonObject:
        """Return the correction as JSON."""
        return {
            "at_utc": self.at_utc.isoformat(),
            "command": self.command,
            **asdict(self.correction),
            "who": self.who,
            "reason": self.why,
            "completed": self.is_complete,
        }


def correction_facts(corrections: Sequence[Correction]) -> JsonObject:
    """Return the facts of the note about these corrections."""
    return {_LIST: [asdict(each) for each in corrections]}


def recorded_corrections(lines: Sequence[LogLine]) -> list[RecordedCorrection]:
    """Return every correction that the log records, in order of time."""
    commands = {line.number: line.command for line in lines if line.kind == "begin"}
    written = {line.of: line.number for line in lines if line.command == WROTE}
    return [
        RecordedCorrection(
            correction=Correction(**stored),
            at_utc=line.at_utc,
            command=commands.get(line.of or 0, ""),
            who=line.who,
            why=line.why,
            is_complete=written.get(line.of, -1) > line.number,
        )
        for line in lines
        if (line.kind, line.command) == ("note", CORRECTS)
        for stored in line.facts.get(_LIST, [])
    ]
