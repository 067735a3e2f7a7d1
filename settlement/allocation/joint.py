"""Rules for whoever sees both meters of every contract: SEQUENTIAL and DYNAMIC, and the table of all three.

A contract is given the same on both sides, so nothing is stranded that the other side does not take.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from settlement.allocation.largest_remainder import apportion
from settlement.allocation.maximum_flow import raise_to_maximum
from settlement.allocation.rules import AllocationRule
from settlement.allocation.trades import Remainders, Trade


def allocate_jointly(
    trades: Collection[Trade],
    *,
    exported: Mapping[str, int],
    imported: Mapping[str, int],
    rule: AllocationRule,
) -> dict[str, int]:
    """Return the Wh that are settled for each contract, by its id, from what meters counted in an interval.

    A meter that is not in `exported` or `imported` counted nothing. `rule` is one of `rules.JOINT`.
    Nothing depends on the order of `trades`. Raises: AllocationInvalid.
    """
    left = Remainders(trades, exported=exported, imported=imported)
    RULES[rule](left)
    return left.settled


def _settle_in_sequence(left: Remainders) -> None:
    """Settle each contract in the order of trading, as much as both meters still have.

    That is never less than half of what could be settled in all.
    """
    for trade in left.trades:
        left.settle(trade, left.possible(trade))


def _settle_by_rounds(left: Remainders) -> None:
    """Settle the lesser of both sides' pro-rata parts, round by round.

    It ends: a contract that wants the most, of those the one with the lowest id, is given a Wh at least by
    each of its meters, so every round settles something. What is left then is nothing that could be settled.
    """
    active = left.trades
    while active := [trade for trade in active if left.possible(trade)]:
        given = _pro_rata_of_meters(((trade.source, trade) for trade in active), left.exported, left)
        taken = _pro_rata_of_meters(((trade.target, trade) for trade in active), left.imported, left)
        for trade in active:
            left.settle(trade, min(given[trade.contract_id], taken[trade.contract_id]))


def _pro_rata_of_meters(
    trades: Iterable[tuple[str, Trade]], energy: Mapping[str, int], left: Remainders
) -> dict[str, int]:
    by_meter: dict[str, list[Trade]] = defaultdict(list)
    for meter, trade in trades:
        by_meter[meter].append(trade)
    parts: dict[str, int] = {}
    for meter, claiming in by_meter.items():
        by_id = sorted(claiming, key=lambda trade: trade.contract_id)
        wanted = [left.wanted(trade) for trade in by_id]
        shared = apportion(energy[meter], wanted) if energy[meter] < sum(wanted) else wanted
        parts |= {trade.contract_id: part for trade, part in zip(by_id, shared, strict=True)}
    return parts


def _settle_the_most(left: Remainders) -> None:
    """Begin with what DYNAMIC gives, and re-route that until no more can be settled in all."""
    _settle_by_rounds(left)
    raise_to_maximum(left)


RULES: Final[Mapping[AllocationRule, Callable[[Remainders], None]]] = {
    AllocationRule.SEQUENTIAL: _settle_in_sequence,
    AllocationRule.DYNAMIC: _settle_by_rounds,
    AllocationRule.OPTIMAL: _settle_the_most,
}
"""What is done with a graph of contracts and meters."""
