"""Corrections of what people stated about a case, as its log records them: what, before, after, by whom and why."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from forensics.custody.log import LogLine
from forensics.json_object import JsonObject

__all__ = ["CORRECTS", "MANDATE", "Correction", "RecordedCorrection", "correction_facts", "recorded_corrections"]

MANDATE: Final = "mandate"
"""What a correction of the mandate is about."""
CORRECTS: Final = "corrects"
"""Name of the note that a command appends to the log before it changes what was stated."""
_LIST: Final = "corrections"


@dataclass(frozen=True, slots=True)
class Correction:
    """One statement that was replaced by another.

    Attributes:
        of: what it is about: an evidence id, ``camera gate``, or `MANDATE`.
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
    """

    correction: Correction
    at_utc: datetime
    command: str
    who: dict[str, str]
    why: str

    @property
    def facts(self) -> JsonObject:
        """Return the correction as JSON."""
        return {
            "at_utc": self.at_utc.isoformat(),
            "command": self.command,
            **asdict(self.correction),
            "who": self.who,
            "reason": self.why,
        }


def correction_facts(corrections: Sequence[Correction]) -> JsonObject:
    """Return the facts of the note about these corrections."""
    return {_LIST: [asdict(each) for each in corrections]}


def recorded_corrections(lines: Sequence[LogLine]) -> list[RecordedCorrection]:
    """Return every correction that the log records, in order of time."""
    commands = {line.number: line.command for line in lines if line.kind == "begin"}
    return [
        RecordedCorrection(Correction(**stored), line.at_utc, commands.get(line.of or 0, ""), line.who, line.why)
        for line in lines
        if (line.kind, line.command) == ("note", CORRECTS)
        for stored in line.facts.get(_LIST, [])
    ]
