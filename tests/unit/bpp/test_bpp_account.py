"""Which settlement cycles of a contract are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bpp.accounts.told_cycles import MOST_CYCLES, newest
from settlement.cycles import CycleStatus, SettlementCycle
from settlement.settle import settle_contract
from tests.support.agreements import agree, between
from trading.terms import SettlementType


def cycles(count: int, *, settled: int) -> list[SettlementCycle]:
    window = between("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
    agreement = agree(window=window, settles=SettlementType.HOURLY)
    found = settle_contract(agreement, exported=[], imported=[], now=window.start).cycles[:count]
    return [replace(cycle, status=CycleStatus.SETTLED) for cycle in found[:settled]] + list(found[settled:])


@pytest.mark.parametrize(
    ("count", "settled", "first", "last"),
    [
        (0, 0, 0, 0),
        (5, 2, 0, 5),
        (MOST_CYCLES, 0, 0, MOST_CYCLES),
        (300, 0, 0, 100),
        (300, 99, 0, 100),
        (300, 100, 1, 101),
        (300, 250, 151, 251),
        (300, 299, 200, 300),
        (300, 300, 200, 300),
    ],
)
def test_the_newest_cycles_are_told_up_to_the_first_that_is_not_settled(
    count: int, settled: int, first: int, last: int
) -> None:
    known = cycles(count, settled=settled)
    assert newest(known) == known[first:last]
