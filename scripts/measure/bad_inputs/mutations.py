"""Random damage to the bytes of a file: cut, flipped, zeroed, overwritten, removed, doubled, or several of these."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

__all__ = ["Mutation", "mutate"]

# Sizes in which disks, cards and networks lose bytes, and single bytes.
_UNITS_BYTES = (1, 1, 188, 512, 4096)
_FEWEST_UNITS = 8
_HEADER_BYTES = 1024
_MOST_FLIPPED_BITS = 64
# Of one kind of damage, two, and three.
_SHARES_OF_MIXTURES = (6, 3, 1)


@dataclass(frozen=True, slots=True)
class Mutation:
    """A damaged file.

    Attributes:
        content: its bytes, which differ from the original.
        done: what was done to them, in order.
    """

    content: bytes
    done: tuple[str, ...]


def mutate(content: bytes, seed: str) -> Mutation:
    """Return a damaged copy of a file of at least two bytes; the seed decides what is done to it."""
    rng, mutated = Random(seed), Mutation(content, ())
    n_kinds = rng.choices((1, 2, 3), _SHARES_OF_MIXTURES)[0]
    while len(mutated.done) < n_kinds or mutated.content == content:
        changed, done = rng.choice(_KINDS)(mutated.content, rng)
        mutated = Mutation(changed, (*mutated.done, done))
    return mutated


def _cut_end(content: bytes, rng: Random) -> tuple[bytes, str]:
    kept = rng.randrange(1, len(content) + 1)
    return content[:kept], f"kept the first {kept} of {len(content)} bytes"


def _cut_front(content: bytes, rng: Random) -> tuple[bytes, str]:
    start, stop = _range_in(content, rng)
    return content[stop - start :] or content, f"cut {stop - start} bytes off the front"


def _flip_bits(content: bytes, rng: Random) -> tuple[bytes, str]:
    flipped, reach = bytearray(content), rng.choice((_HEADER_BYTES, len(content), len(content)))
    n_bits = _random_length(_MOST_FLIPPED_BITS, rng)
    for _ in range(n_bits):
        flipped[rng.randrange(min(reach, len(content)))] ^= 1 << rng.randrange(8)
    return bytes(flipped), f"flipped {n_bits} bits in the first {min(reach, len(content))} bytes"


def _zero(content: bytes, rng: Random) -> tuple[bytes, str]:
    start, stop = _range_in(content, rng)
    return content[:start] + bytes(stop - start) + content[stop:], f"zeroed bytes {start} to {stop}"


def _overwrite(content: bytes, rng: Random) -> tuple[bytes, str]:
    start, stop = _range_in(content, rng)
    return content[:start] + rng.randbytes(stop - start) + content[stop:], f"overwrote bytes {start} to {stop}"


def _remove(content: bytes, rng: Random) -> tuple[bytes, str]:
    start, stop = _range_in(content, rng)
    return content[:start] + content[stop:] or content, f"removed bytes {start} to {stop}"


def _double(content: bytes, rng: Random) -> tuple[bytes, str]:
    start, stop = _range_in(content, rng)
    at = rng.choice((stop, rng.randrange(len(content) + 1)))
    return content[:at] + content[start:stop] + content[at:], f"put bytes {start} to {stop} again at {at}"


_KINDS: tuple[Callable[[bytes, Random], tuple[bytes, str]], ...] = (
    _cut_end,
    _cut_front,
    _flip_bits,
    _zero,
    _overwrite,
    _remove,
    _double,
)


def _range_in(content: bytes, rng: Random) -> tuple[int, int]:
    """Return start and stop of a random range, often of whole units; short ranges are as frequent as long ones."""
    unit = rng.choice(_UNITS_BYTES)
    unit = unit if len(content) >= _FEWEST_UNITS * unit else 1
    n_units = len(content) // unit
    length = _random_length(max(1, n_units // 3), rng)
    start = rng.randrange(n_units)
    return start * unit, min(len(content), (start + length) * unit)


def _random_length(longest: int, rng: Random) -> int:
    """Return a number from 1 to `longest`, each order of magnitude as likely as any other."""
    return min(longest, math.floor(math.exp(rng.uniform(0, math.log(longest + 1)))))
