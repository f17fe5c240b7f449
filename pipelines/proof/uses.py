"""Counts of what was done on a case, from its log; numbers that could point to a person are not stated."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from forensics.custody.log import LogLine
from forensics.json_object import JsonObject
from forensics.tables.schemas import CANDIDATES_TABLE

__all__ = ["FEW", "count_uses", "stated_count", "unless_few"]

FEW: Final = "fewer than 5"
"""What stands for a number that is not stated."""

_FEWEST: Final = 5
_NOT_CLEAN: Final = 4


def count_uses(lines: Iterable[LogLine]) -> Counter[str]:
    """Count runs, entries, readings of results, verdicts and outputs in lines of a log.

    A command that was refused, failed or only showed what it would do is no use; one that was killed may be.
    """
    given = list(lines)
    ends = {line.of: line.facts for line in given if line.kind == "end"}
    done = (line for line in given if line.kind != "begin" or _happened(ends.get(line.number, {})))
    return Counter(use for line in done for use in [_use_of(line)] if use)


def _happened(end: JsonObject) -> bool:
    """Whether a command with this end did its work, or may have done it before it was killed.

    >>> [_happened(end) for end in ({"exit_code": 4}, {"exit_code": 3}, {}, {"outputs": {"dry_run": True}})]
    [True, False, True, False]
    """
    return end.get("exit_code") in {0, _NOT_CLEAN, None} and not end.get("outputs", {}).get("dry_run")


def unless_few(n: int) -> int | None:
    """Return the number, or None below five: a group of one is a person.

    >>> unless_few(5), unless_few(4)
    (5, None)
    """
    return n if n >= _FEWEST else None


def stated_count(n: int) -> str:
    """Return the number as text, or that it is below five.

    >>> stated_count(5), stated_count(0)
    ('5', 'fewer than 5')
    """
    return FEW if unless_few(n) is None else str(n)


def _use_of(line: LogLine) -> str:
    """Return what a line of the log counts as; empty for nothing.

    >>> from forensics.custody.log import LogLine
    >>> _use_of(LogLine(0, 0, "begin", "scan", {}, "", None, "")), _use_of(LogLine(0, 0, "end", "scan", {}, "", 0, ""))
    ('runs', '')
    """
    if line.kind == "end":
        return _output_use(line.command, line.facts.get("outputs", {}).get("written", ()))
    if line.kind == "note":
        return {"pictures opened": "openings of faces", "verdict": "verdicts"}.get(line.command, "")
    if line.kind == "begin" and line.command == "query" and line.facts.get("table") == CANDIDATES_TABLE:
        return "readings of candidates"
    names = {"run": "runs", "scan": "runs", "open candidates": "readings of candidates", "watchlist add": "entries"}
    return names.get(line.command, "") if line.kind == "begin" else ""


def _output_use(command: str, written: Sequence[JsonObject]) -> str:
    """Return what the files that a command wrote outside of its case count as; empty if it wrote none.

    >>> _output_use("query", [{"recipient": "counsel", "is_own_use": False}]), _output_use("query", ())
    ('outputs for others', '')
    """
    if not written:
        return ""
    if command == "case disclose":
        return "disclosures"
    return "outputs" if all(file.get("is_own_use", True) for file in written) else "outputs for others"
