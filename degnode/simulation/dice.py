"""Chance that repeats: every draw follows from a seed and from the names of what is drawn."""

from __future__ import annotations

import random
from hashlib import sha256
from typing import Final

MILLION: Final = 1_000_000


def _number(seed: int, names: tuple[object, ...]) -> int:
    """Return a number of 256 bits that anybody would draw for `names`, on any machine."""
    text = "/".join((str(seed), *map(str, names)))
    return int.from_bytes(sha256(text.encode()).digest())


def happens(parts_per_million: int, *names: object, seed: int) -> bool:
    """Say whether the named thing happens; other things' draws do not change it."""
    return _number(seed, names) % MILLION < parts_per_million


def hex_digits(count: int, *names: object, seed: int) -> str:
    """Return `count` (at most 64) upper-case hexadecimal digits for the named thing."""
    return f"{_number(seed, names):064X}"[:count]


class Dice:
    """A row of draws for the named thing, in order."""

    def __init__(self, *names: object, seed: int) -> None:
        self._random = random.Random(_number(seed, names))  # noqa: S311  a world that repeats, no secret

    def below(self, bound: int) -> int:
        """Return a whole number from 0 on, less than `bound`."""
        # Of all that `random` offers, only random() is promised to stay the same in later Pythons.
        return int(self._random.random() * bound)

    def between(self, least: int, greatest: int) -> int:
        """Return a whole number from `least` to `greatest`, both included."""
        return least + self.below(greatest - least + 1)
