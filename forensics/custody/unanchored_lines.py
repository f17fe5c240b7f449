"""What may stand in a log without the witness beside the case's key having been told: others look, and are refused.

Whoever has no key folder of a case that compares faces may look at it, and the log says so. Whatever else such a
person asks is refused, and recorded as just that. So a foreign line decides nothing: it is no note, no run, no entry,
no verdict.
"""

from collections.abc import Sequence
from typing import Final

from forensics.custody.log import INTERRUPTED, LogLine

__all__ = ["LOOKS", "REFUSED", "fault_in_foreign"]

REFUSED: Final = "refused"
"""As what a command is recorded that this user's key folder may not do; its facts name the command."""

LOOKS: Final = frozenset(
    {
        *("case show", "case disclose", "case report", "case checkpoint", "status", "query", "export"),
        *("verify", "verify frame"),
        *("watchlist list", "reviewer list", "cancel", "open candidates"),
    }
)
"""Commands that change nothing that lies in a case."""


def fault_in_foreign(lines: Sequence[LogLine], first: int) -> str:
    """Why some line from number `first` on can have been written by nobody who may; empty if all can."""
    for line in lines[first:]:
        if not (_is_looking(line, lines) or _closes_the_dead(line)):
            return f"line {line.number + 1} was not written by who has the case's key folder"
    return ""


def _is_looking(line: LogLine, lines: Sequence[LogLine]) -> bool:
    """Whether it is the begin or the end of a look, or of a command that was refused."""
    if line.command not in {*LOOKS, REFUSED}:
        return False
    if line.kind == "begin":
        return True
    is_its_end = line.kind == "end" and line.of is not None and lines[line.of].command == line.command
    return is_its_end and (line.command in LOOKS or "error" in line.facts)


def _closes_the_dead(line: LogLine) -> bool:
    """Whether it ends what somebody found dead, and says nothing else."""
    said = {name: value for name, value in line.facts.items() if name != "torn"}
    return line.kind == "end" and said == {"exit_code": None, "error": INTERRUPTED}
