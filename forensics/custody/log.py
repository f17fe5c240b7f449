"""Log of a case: a hash chain with a line for each begin and end of a command.

`find_log_fault` finds an edited, deleted, swapped or inserted line. It cannot find whole lines cut off the end, or a
chain rewritten from some line on. The log anchor and checkpoints kept elsewhere reveal those.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from forensics.digests import canonical_json, sha256_of_bytes
from forensics.json_object import JsonObject, decode_json

__all__ = [
    "EMPTY_HEAD",
    "INTERRUPTED",
    "Chain",
    "LogLine",
    "find_chain_break",
    "find_log_fault",
    "find_open_begins",
    "head",
    "parse_line",
    "read_chain",
]

EMPTY_HEAD: Final = "0" * 64
"""Head of an empty log, and `previous` of the first line."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS: Final = ("begin", "end", "note")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log.

    Attributes:
        number: position in the log, from 0.
        at_utc_us: time of writing, microseconds since 1970 UTC.
        kind: ``begin`` or ``end`` of a command, or a ``note`` in between.
        command: name of the command, such as ``run``; of a note, the name of the event.
        who: user, machine, and operator of the case.
        why: reason as given by the user.
        of: number of the begin that an end or a note belongs to; None for a begin.
        facts: inputs of a begin, outputs of an end, details of a note.
        previous: SHA-256 of the line before; `EMPTY_HEAD` for the first.
    """

    number: int
    at_utc_us: int
    kind: str
    command: str
    who: dict[str, str]
    why: str
    of: int | None
    previous: str
    facts: JsonObject = field(default_factory=dict)

    @property
    def at_utc(self) -> datetime:
        """Time of writing, exact to the microsecond."""
        return _EPOCH + timedelta(microseconds=self.at_utc_us)

    @property
    def sha256(self) -> str:
        """SHA-256 of all fields, as canonical JSON."""
        return sha256_of_bytes(canonical_json(asdict(self)).encode())

    def encoded(self) -> bytes:
        """Return the line as it is in the file: with its own digest, without newline."""
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
"""Error in the end of a command whose process was found dead by a later command."""


def parse_line(data: bytes) -> LogLine:
    """Parse one line of the log strictly.

    Raises:
        ValueError: the bytes differ from what `LogLine.encoded` writes.
    """
    stored = decode_json(data)
    if not isinstance(stored, dict) or stored.keys() != _TYPES.keys():
        raise ValueError("not the fields of a line")
    if any(type(stored[name]) not in kinds for name, kinds in _TYPES.items()) or stored["kind"] not in _KINDS:
        raise ValueError("a field has the wrong type or value")
    line = LogLine(**{name: value for name, value in stored.items() if name != "sha256"})
    if line.encoded() != data:
        raise ValueError("changed since it was written")
    return line


@dataclass(frozen=True, slots=True)
class Chain:
    """A log as it is on disk.

    Attributes:
        lines: all whole lines before the first unreadable one.
        digests: SHA-256 of each of them.
        problem: error of the first unreadable line; empty if there is none.
        torn: bytes after the last newline, which a killed command left.
    """

    lines: tuple[LogLine, ...]
    digests: tuple[str, ...]
    problem: str
    torn: bytes


# By path: length and digest of the parsed bytes, their lines and digests. A log only grows and every command reads it
# often, so only new bytes are parsed. If the known bytes have changed, the whole log is parsed again.
_PARSED: Final[dict[Path, tuple[int, str, tuple[LogLine, ...], tuple[str, ...]]]] = {}


def read_chain(path: Path) -> Chain:
    """Read the log at `path`. It is empty if the file does not exist."""
    data = path.read_bytes() if path.exists() else b""
    known_bytes, known_sha256, known_lines, known_digests = _PARSED.get(path, (0, sha256_of_bytes(b""), (), ()))
    if sha256_of_bytes(data[:known_bytes]) != known_sha256:
        known_bytes, known_lines, known_digests = 0, (), ()
    *whole, torn = data[known_bytes:].split(b"\n")
    lines, digests, problem = list(known_lines), list(known_digests), ""
    for raw in whole:
        try:
            lines.append(parse_line(raw))
        except (ValueError, TypeError) as error:
            problem = f"line {len(lines) + 1} cannot be read ({error})"
            break
        digests.append(lines[-1].sha256)
        known_bytes += len(raw) + 1
    _PARSED[path] = (known_bytes, sha256_of_bytes(data[:known_bytes]), tuple(lines), tuple(digests))
    return Chain(tuple(lines), tuple(digests), problem, torn)


def head(lines: Sequence[LogLine]) -> str:
    """Return the SHA-256 of the last line, which the next line must hold."""
    return lines[-1].sha256 if lines else EMPTY_HEAD


def find_log_fault(path: Path) -> str | None:
    """Return the first fault of a log, a torn end included; None if it is whole."""
    chain = read_chain(path)
    problem = find_chain_break(chain)
    return problem or (f"{len(chain.torn)} bytes after the last whole line" if chain.torn else None)


def find_chain_break(chain: Chain) -> str:
    """Return the first fault in the whole lines of a log; empty if there is none."""
    return next(_find_breaks(chain), "") or chain.problem


def _find_breaks(chain: Chain) -> Iterator[str]:
    lines = chain.lines
    previous, last_us, ended = EMPTY_HEAD, -(1 << 62), dict[int, bool]()
    for number, (line, digest) in enumerate(zip(lines, chain.digests, strict=True)):
        place = f"line {number + 1}"
        if line.number != number:
            yield f"{place} has the number of line {line.number + 1}"
        if line.previous != previous:
            yield f"{place} does not follow the line before"
        if line.at_utc_us < last_us:
            yield f"{place} is earlier than the line before"
        if line.kind != "begin" and (line.of is None or not 0 <= line.of < number or lines[line.of].kind != "begin"):
            yield f"{place} belongs to no begin"
        if line.kind == "end":
            # A command in another container may have taken the process for dead. Its real end then comes later.
            is_interrupted = line.facts.get("error") == INTERRUPTED
            if not ended.get(line.of if line.of is not None else -1, True) and not is_interrupted:
                yield f"{place} ends a command that has ended before"
            ended[line.of if line.of is not None else -1] = is_interrupted
        previous, last_us = digest, line.at_utc_us


def find_open_begins(lines: Sequence[LogLine]) -> list[LogLine]:
    """Return the begins that have no end."""
    ended = {line.of for line in lines if line.kind == "end"}
    return [line for line in lines if line.kind == "begin" and line.number not in ended]
