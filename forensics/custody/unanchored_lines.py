"""Rule for log lines that the log anchor does not cover: only read commands and refused commands may write them.

A user without the key folder of a case that compares faces may run commands that read, and the log records them
without the log anchor. Every other command of such a user is refused and recorded as refused. So an unanchored line
never changes the case: it is never a note, a run, an entry or a verdict.
"""

from collections.abc import Sequence
from typing import Final

from forensics.custody.log import INTERRUPTED, LogLine

__all__ = ["READ_COMMANDS", "REFUSED", "find_unanchored_fault"]

REFUSED: Final = "refused"
"""Command name in the log for a command refused for lack of the key folder; its facts name the command."""

READ_COMMANDS: Final = frozenset(
    {
        *("case show", "case disclose", "case report", "case checkpoint", "status", "query", "export", "settings"),
        *("verify", "verify frame"),
        *("watchlist list", "reviewer list", "cancel", "open candidates", "open picture"),
        *("ingest dry run", "scan dry run"),
    }
)
"""Commands that do not change the files of a case."""


def find_unanchored_fault(lines: Sequence[LogLine], first: int) -> str:
    """Return why some line from number `first` on must be anchored; empty if none must."""
    for line in lines[first:]:
        if not (_is_of_allowed_command(line, lines) or _ends_interrupted(line)):
            return f"line {line.number + 1} was not written with the case's key folder"
    return ""


def _is_of_allowed_command(line: LogLine, lines: Sequence[LogLine]) -> bool:
    """Whether the line is begin or end of a command that reads, or of a refused command."""
    if line.command not in {*READ_COMMANDS, REFUSED}:
        return False
    if line.kind == "begin":
        return True
    is_end = line.kind == "end" and line.of is not None and lines[line.of].command == line.command
    return is_end and (line.command in READ_COMMANDS or "error" in line.facts)


def _ends_interrupted(line: LogLine) -> bool:
    """Whether the line ends a command whose process was found dead, and records nothing else."""
    facts = {name: value for name, value in line.facts.items() if name != "torn"}
    return line.kind == "end" and facts == {"exit_code": None, "error": INTERRUPTED}
