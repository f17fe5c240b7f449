"""Mutations of a log: four that break its hash chain, and two that only an exported checkpoint reveals."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from forensics.custody.log import EMPTY_HEAD, parse_line

__all__ = ["OF_THE_CHAIN", "OF_THE_CHECKPOINT", "Mutate"]

Lines = list[bytes]
Mutate = Callable[[Lines, Random], Lines]


def _edit_line(lines: Lines, rng: Random) -> Lines:
    """Change a bit or a byte, or forge a whole line with a valid digest; never the last line, as that would rechain."""
    place = rng.randrange(len(lines) - 1)
    how = rng.choice((_flip_bit, _replace_byte, _forge_line))
    return [*lines[:place], how(lines[place], rng), *lines[place + 1 :]]


def _flip_bit(line: bytes, rng: Random) -> bytes:
    changed = bytearray(line)
    changed[rng.randrange(len(line))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _replace_byte(line: bytes, rng: Random) -> bytes:
    spot = rng.randrange(len(line))
    return line[:spot] + bytes([(line[spot] + rng.randrange(1, 256)) % 256]) + line[spot + 1 :]


def _forge_line(line: bytes, rng: Random) -> bytes:
    return replace(parse_line(line), **_forged_fields(rng)).encoded()


def _forged_fields(rng: Random) -> dict[str, object]:
    """Return another value for one field that matters."""
    return rng.choice(
        (
            {"why": f"another reason {rng.random()}"},
            {"who": {"user": f"somebody {rng.random()}", "host": "h", "operator": "o"}},
            {"facts": {"exit_code": 0, "outputs": {"run": f"{rng.getrandbits(64):016x}"}}},
            {"command": f"case {rng.random()}"},
        )
    )


def _delete_line(lines: Lines, rng: Random) -> Lines:
    place = rng.randrange(len(lines) - 1)  # deleting the last line is truncation
    return lines[:place] + lines[place + 1 :]


def _swap_lines(lines: Lines, rng: Random) -> Lines:
    one, other = rng.sample(range(len(lines)), 2)
    changed = list(lines)
    changed[one], changed[other] = changed[other], changed[one]
    return changed


def _insert_line(lines: Lines, rng: Random) -> Lines:
    """Insert a copy of a line, or a forged successor; never at the end, where that would be a valid next line."""
    place = rng.randrange(1, len(lines))
    if rng.random() < 0.5:
        return [*lines[:place], rng.choice(lines), *lines[place:]]
    before = parse_line(lines[place - 1])
    forged = replace(parse_line(lines[place]), number=place, previous=before.sha256, **_forged_fields(rng))
    return [*lines[:place], forged.encoded(), *lines[place:]]


def _truncate(lines: Lines, rng: Random) -> Lines:
    return lines[: rng.randrange(len(lines))]


def _rechain(lines: Lines, rng: Random) -> Lines:
    """Forge one line and compute valid digests for it and all lines after it."""
    place = rng.randrange(len(lines))
    changed = [parse_line(line) for line in lines]
    changed[place] = replace(changed[place], **_forged_fields(rng))
    for number in range(place, len(lines)):
        previous = changed[number - 1].sha256 if number else EMPTY_HEAD
        changed[number] = replace(changed[number], previous=previous)
    return [line.encoded() for line in changed]


OF_THE_CHAIN: dict[str, Mutate] = {
    "edit": _edit_line,
    "delete": _delete_line,
    "swap": _swap_lines,
    "insert": _insert_line,
}
OF_THE_CHECKPOINT: dict[str, Mutate] = {
    "truncate": _truncate,
    "re-chain": _rechain,
}
