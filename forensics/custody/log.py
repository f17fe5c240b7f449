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

__all__ = [
    "FIRST",
    "INTERRUPTED",
    "Chain",
    "LogLine",
    "break_in",
    "decoded",
    "first_break",
    "head",
    "open_begins",
    "read_chain",
]

FIRST: Final = "0" * 64
_KINDS: Final = ("begin", "end", "note")


@dataclass(frozen=True, slots=True)
class LogLine:
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


INTERRUPTED: Final = "interrupted"
"""What an end says of a command whose process was found dead by another."""


def decoded(data: bytes) -> LogLine:
    """The line that these bytes are, and nothing near it.

    Raises:
        ValueError: they are no line as `AuditLine.encoded` writes it.
    """
    stored = json.loads(data)
    if not isinstance(stored, dict) or stored.keys() != _TYPES.keys():
        raise ValueError("not the names of a line")
    if any(type(stored[name]) not in kinds for name, kinds in _TYPES.items()) or stored["kind"] not in _KINDS:
        raise ValueError("a value of another kind")
    line = LogLine(**{name: value for name, value in stored.items() if name != "sha256"})
    if line.encoded() != data:
        raise ValueError("not what was written")
    return line


@dataclass(frozen=True, slots=True)
class Chain:
    """A log as it lies on disk.

    Attributes:
        lines: all whole lines that can be read, up to the first that cannot.
        digests: the SHA-256 of each.
        problem: what is wrong with the first that cannot; empty if all can.
        torn: bytes after the last newline, which a dying command left.
    """

    lines: tuple[LogLine, ...]
    digests: tuple[str, ...]
    problem: str
    torn: bytes


# By path: the bytes that were parsed, by their length and digest, and what they said. A log only grows, and a command
# reads it often; bytes that are not the same are parsed anew.
_PARSED: Final[dict[Path, tuple[int, str, tuple[LogLine, ...], tuple[str, ...]]]] = {}


def read_chain(path: Path) -> Chain:
    """The log at `path`; empty if there is none."""
    data = path.read_bytes() if path.exists() else b""
    known_bytes, known_sha256, known_lines, known_digests = _PARSED.get(path, (0, sha256_of_bytes(b""), (), ()))
    if sha256_of_bytes(data[:known_bytes]) != known_sha256:
        known_bytes, known_lines, known_digests = 0, (), ()
    *whole, torn = data[known_bytes:].split(b"\n")
    lines, digests, problem = list(known_lines), list(known_digests), ""
    for raw in whole:
        try:
            lines.append(decoded(raw))
        except (ValueError, TypeError) as error:
            problem = f"line {len(lines) + 1} cannot be read ({error})"
            break
        digests.append(str(json.loads(raw)["sha256"]))
        known_bytes += len(raw) + 1
    _PARSED[path] = (known_bytes, sha256_of_bytes(data[:known_bytes]), tuple(lines), tuple(digests))
    return Chain(tuple(lines), tuple(digests), problem, torn)


def head(lines: Sequence[LogLine]) -> str:
    """The digest that the next line must hold."""
    return lines[-1].sha256 if lines else FIRST


def first_break(path: Path) -> str | None:
    """The first thing that is wrong with a log; None if nothing is."""
    chain = read_chain(path)
    problem = break_in(chain)
    return problem or (f"{len(chain.torn)} bytes after the last whole line" if chain.torn else None)


def break_in(chain: Chain) -> str:
    """The first thing that is wrong with the whole lines of a log; empty if nothing is."""
    return next(_breaks(chain), "") or chain.problem


def _breaks(chain: Chain) -> Iterator[str]:
    lines = chain.lines
    previous, last_us, ended = FIRST, -(1 << 62), dict[int, bool]()
    for number, (line, digest) in enumerate(zip(lines, chain.digests, strict=True)):
        place = f"line {number + 1}"
        if line.number != number:
            yield f"{place} says that it is line {line.number + 1}"
        if line.previous != previous:
            yield f"{place} does not follow the line before"
        if line.at_utc_us < last_us:
            yield f"{place} is earlier than the line before"
        if line.kind != "begin" and (line.of is None or not 0 <= line.of < number or lines[line.of].kind != "begin"):
            yield f"{place} belongs to no begin"
        if line.kind == "end":
            # who cannot see a living process may have called it dead: its own end comes afterwards
            is_called_dead = line.facts.get("error") == INTERRUPTED
            if not ended.get(line.of if line.of is not None else -1, True) and not is_called_dead:
                yield f"{place} ends what has ended"
            ended[line.of if line.of is not None else -1] = is_called_dead
        previous, last_us = digest, line.at_utc_us


def open_begins(lines: Sequence[LogLine]) -> list[LogLine]:
    """Begins without an end."""
    ended = {line.of for line in lines if line.kind == "end"}
    return [line for line in lines if line.kind == "begin" and line.number not in ended]
