"""Ways to change the lines of a log: four that its own chain finds, and two that only a kept checkpoint finds."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from forensics.custody.log import FIRST, decoded

__all__ = ["OF_THE_CHAIN", "OF_THE_CHECKPOINT", "Mutate"]

Lines = list[bytes]
Mutate = Callable[[Lines, Random], Lines]


def _edited(lines: Lines, chance: Random) -> Lines:
    """One bit, one byte, or one whole line with a digest that is right; the last line's would be a new chain."""
    place = chance.randrange(len(lines) - 1)
    how = chance.choice((_flipped, _another_byte, _honest_looking))
    return [*lines[:place], how(lines[place], chance), *lines[place + 1 :]]


def _flipped(line: bytes, chance: Random) -> bytes:
    changed = bytearray(line)
    changed[chance.randrange(len(line))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _another_byte(line: bytes, chance: Random) -> bytes:
    spot = chance.randrange(len(line))
    return line[:spot] + bytes([(line[spot] + chance.randrange(1, 256)) % 256]) + line[spot + 1 :]


def _honest_looking(line: bytes, chance: Random) -> bytes:
    return replace(decoded(line), **_another_story(chance)).encoded()


def _another_story(chance: Random) -> dict[str, object]:
    """Other words in one of the places where it would matter."""
    return chance.choice(
        (
            {"why": f"another reason {chance.random()}"},
            {"who": {"user": f"somebody {chance.random()}", "host": "h", "operator": "o"}},
            {"facts": {"exit_code": 0, "outputs": {"run": f"{chance.getrandbits(64):016x}"}}},
            {"command": f"case {chance.random()}"},
        )
    )


def _deleted(lines: Lines, chance: Random) -> Lines:
    place = chance.randrange(len(lines) - 1)  # without the last one it is truncated
    return lines[:place] + lines[place + 1 :]


def _swapped(lines: Lines, chance: Random) -> Lines:
    one, other = chance.sample(range(len(lines)), 2)
    changed = list(lines)
    changed[one], changed[other] = changed[other], changed[one]
    return changed


def _inserted(lines: Lines, chance: Random) -> Lines:
    """A line again, or one that follows the line before; behind the last it would be the next line of an honest log."""
    place = chance.randrange(1, len(lines))
    if chance.random() < 0.5:
        return [*lines[:place], chance.choice(lines), *lines[place:]]
    before = decoded(lines[place - 1])
    forged = replace(decoded(lines[place]), number=place, previous=before.sha256, **_another_story(chance))
    return [*lines[:place], forged.encoded(), *lines[place:]]


def _truncated(lines: Lines, chance: Random) -> Lines:
    return lines[: chance.randrange(len(lines))]


def _chained_anew(lines: Lines, chance: Random) -> Lines:
    """One line tells another story, and it and every line behind it have the digests that follow."""
    place = chance.randrange(len(lines))
    changed = [decoded(line) for line in lines]
    changed[place] = replace(changed[place], **_another_story(chance))
    for number in range(place, len(lines)):
        previous = changed[number - 1].sha256 if number else FIRST
        changed[number] = replace(changed[number], previous=previous)
    return [line.encoded() for line in changed]


OF_THE_CHAIN: dict[str, Mutate] = {
    "edit": _edited,
    "delete": _deleted,
    "swap": _swapped,
    "insert": _inserted,
}
OF_THE_CHECKPOINT: dict[str, Mutate] = {
    "truncate": _truncated,
    "re-chain": _chained_anew,
}
