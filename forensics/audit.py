"""The log of a case: a line for each begin and end of a command, each holding the digest of the line before.

Editing, deleting, swapping or inserting a line is found by `first_break`. Cutting whole lines off the end,
or writing the chain anew from some line on, is not: for that a checkpoint must lie elsewhere.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from forensics.digests import canonical_json, sha256_of_bytes

__all__ = ["FIRST", "AuditLine", "Chain", "decoded", "first_break", "head", "open_begins", "read_chain"]

FIRST: Final = "0" * 64
_KINDS: Final = ("begin", "end", "note")


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line.

    Attributes:
        number: its place, from 0.
        at_utc_us: when, in microseconds since 1970 UTC.
        kind: ``begin`` or ``end`` of a command, or a ``note`` in between.
        command: what was asked, such as ``run``; of a note, what happened.
        who: user, machine, and who answers for the case.
        why: in words.
        of: the number of the begin that an end or a note belongs to; None for a begin.
        facts: what went in, or what came out.
        previous: the digest of the line before; zeros for the first.
    """

    number: int
    at_utc_us: int
    kind: str
    command: str
    who: dict[str, str]
    why: str
    of: int | None
    previous: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Of everything the line says."""
        return sha256_of_bytes(canonical_json(asdict(self)).encode())

    def encoded(self) -> bytes:
        """The line as it stands in the file, its own digest included, without its newline."""
        return canonical_json({**asdict(self), "sha256": self.sha256}).encode()


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "number": (int,),
    "at_utc_us": (int,),
    "kind": (str,),
    "command": (str,),
    "who": (dict,),
    "why": (str,),
    "of": (int, type(None)),
    "previous": (str,),
    "facts": (dict,),
    "sha256": (str,),
}


def decoded(data: bytes) -> AuditLine:
    """The line that these bytes are, and nothing near it.

    Raises:
        ValueError: they are no line as `AuditLine.encoded` writes it.
    """
    stored = json.loads(data)
    if not isinstance(stored, dict) or stored.keys() != _TYPES.keys():
        raise ValueError("not the names of a line")
    if any(type(stored[name]) not in kinds for name, kinds in _TYPES.items()) or stored["kind"] not in _KINDS:
        raise ValueError("a value of another kind")
    line = AuditLine(**{name: value for name, value in stored.items() if name != "sha256"})
    if line.encoded() != data:
        raise ValueError("not what was written")
    return line


@dataclass(frozen=True, slots=True)
class Chain:
    """A log as it lies on disk.

    Attributes:
        lines: all whole lines that can be read, up to the first that cannot.
        problem: what is wrong with the first that cannot; empty if all can.
        torn: bytes after the last newline, which a dying command left.
    """

    lines: tuple[AuditLine, ...]
    problem: str
    torn: bytes


def read_chain(path: Path) -> Chain:
    """The log at `path`; empty if there is none."""
    data = path.read_bytes() if path.exists() else b""
    *whole, torn = data.split(b"\n")
    lines: list[AuditLine] = []
    for number, raw in enumerate(whole):
        try:
            lines.append(decoded(raw))
        except (ValueError, TypeError) as error:
            return Chain(tuple(lines), f"line {number + 1} cannot be read ({error})", torn)
    return Chain(tuple(lines), "", torn)


def head(lines: Sequence[AuditLine]) -> str:
    """The digest that the next line must hold."""
    return lines[-1].sha256 if lines else FIRST


def first_break(path: Path) -> str | None:
    """The first thing that is wrong with a log; None if nothing is."""
    chain = read_chain(path)
    problem = next(_breaks(chain.lines), None) or chain.problem
    return problem or (f"{len(chain.torn)} bytes after the last whole line" if chain.torn else None)


def _breaks(lines: Sequence[AuditLine]) -> Iterator[str]:
    previous, last_us, ended = FIRST, -(1 << 62), set[int]()
    for number, line in enumerate(lines):
        place = f"line {number + 1}"
        if line.number != number:
            yield f"{place} says it is number {line.number}"
        if line.previous != previous:
            yield f"{place} does not follow the line before"
        if line.at_utc_us < last_us:
            yield f"{place} is earlier than the line before"
        if line.kind != "begin" and (line.of is None or not 0 <= line.of < number or lines[line.of].kind != "begin"):
            yield f"{place} belongs to no begin"
        if line.kind == "end":
            if line.of in ended:
                yield f"{place} ends what has ended"
            ended.add(line.of if line.of is not None else -1)
        previous, last_us = line.sha256, line.at_utc_us


def open_begins(lines: Sequence[AuditLine]) -> list[AuditLine]:
    """Begins without an end."""
    ended = {line.of for line in lines if line.kind == "end"}
    return [line for line in lines if line.kind == "begin" and line.number not in ended]
