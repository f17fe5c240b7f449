"""Commands that added entries to a watch-list, over the life of a case, from its log.

A note is in the log before the pictures of an entry are compared with each other, and before the entry exists. From
then on the command counts, also if it is killed or fails.
"""

from dataclasses import dataclass
from typing import Final

from forensics.custody.case_document import Case
from forensics.custody.log import INTERRUPTED, LogLine, read_chain
from forensics.custody.private_facts import read_facts
from forensics.errors import SeveralPeople
from forensics.json_object import JsonObject
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.keys import find_key

__all__ = ["Addition", "added_entries", "count_additions", "note_addition"]

_COMMAND: Final = "watchlist add"
_NOTE: Final = "pictures compared"


@dataclass(frozen=True, slots=True)
class Addition:
    """A command that has added an entry, or was interrupted when it may have added one.

    Attributes:
        facts: inputs of the command; without a usable key only those in clear, which name no entry.
        reference: name of the folder of the entry; None if the log has none.
        n_pictures: number of its pictures; None if the log has none.
        is_interrupted: whether the command did not end in order.
    """

    facts: JsonObject
    reference: str | None
    n_pictures: int | None
    is_interrupted: bool


@dataclass(frozen=True, slots=True)
class _Command:
    """Lines of one command; without a note it compared nothing, or an earlier version recorded it."""

    begin: LogLine
    note: LogLine | None
    end: LogLine | None

    @property
    def is_done(self) -> bool:
        return self.end is not None and self.end.facts.get("exit_code") == 0

    @property
    def has_several_people(self) -> bool:
        return self._error == SeveralPeople.__name__

    @property
    def counts(self) -> bool:
        return self.note is not None or self.is_done or self._error in {SeveralPeople.__name__, INTERRUPTED}

    @property
    def _error(self) -> str | None:
        return None if self.end is None else self.end.facts.get("error")

    def find(self, name: str) -> object:
        """Return a fact about the entry, from the note or the outputs of the command; None if the log has none."""
        noted = {} if self.note is None else self.note.facts
        outputs = {} if self.end is None else self.end.facts.get("outputs", {})
        return noted.get(name, outputs.get(name))


def note_addition(files: DecidingFiles, reference: str, n_pictures: int) -> None:
    """Record that an entry is about to be added; call it before its pictures are compared with each other.

    Args:
        files: of the command, writes the note.
        reference: name of the folder of the entry.
        n_pictures: number of its pictures.
    """
    files.note(_NOTE, {"entry": reference, "pictures": n_pictures})


def added_entries(case: Case) -> list[Addition]:
    """Return each command in the log that added an entry or may have, also of entries that were removed."""
    key = find_key(case)
    return [
        Addition(
            facts=each.begin.facts if key is None else read_facts(each.begin, key),
            reference=_text(each.find("entry")),
            n_pictures=_number(each.find("pictures")),
            is_interrupted=not each.is_done,
        )
        for each in _commands(case)
        if each.counts and not each.has_several_people
    ]


def count_additions(case: Case) -> int:
    """Return how many entries were ever added, with each refused comparison of pictures of several people."""
    return sum(each.counts for each in _commands(case))


def _commands(case: Case) -> list[_Command]:
    lines = read_chain(case.folder.audit_file).lines
    notes = {line.of: line for line in lines if (line.kind, line.command) == ("note", _NOTE)}
    ends = {line.of: line for line in lines if line.kind == "end"}  # the last one is the real one
    begins = [line for line in lines if (line.kind, line.command) == ("begin", _COMMAND)]
    return [_Command(line, notes.get(line.number), ends.get(line.number)) for line in begins]


def _text(fact: object) -> str | None:
    return fact if isinstance(fact, str) else None


def _number(fact: object) -> int | None:
    """Return a number of pictures; the outputs of a command list the pictures."""
    return len(fact) if isinstance(fact, list) else fact if isinstance(fact, int) else None
