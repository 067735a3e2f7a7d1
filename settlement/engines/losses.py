"""What is lost on its way, for all contracts at a time: rounded so that whole Wh arrive, and no more than do.

A loss is a whole number of millionths of a per cent. Products with it have to fit into 64 bits.
"""

from __future__ import annotations

from typing import Final

from settlement.engines.contract_table import Integers

ALL: Final = 100_000_000
"""Millionths of a per cent."""
MOST_SENT: Final = 90_000_000_000
"""What a contract with losses may have sent in all. Units: Wh."""


def arriving(sent: Integers, lost: Integers) -> Integers:
    """Return what arrives of so many Wh, none of which is more than `MOST_SENT` where any are lost."""
    return sent + (-sent * lost) // ALL if lost.any() else sent


def needed(arrived: Integers, lost: Integers) -> Integers:
    """Return the least Wh that have to be sent for so many to arrive, which are at most `MOST_SENT`."""
    return -(-arrived * ALL // (ALL - lost))
