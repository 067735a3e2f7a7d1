"""What an order of several lines needs beside each of them: all of it is sold together, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from bpp.orders.contracts import require_same
from bpp.orders.selection import as_countered, find_sellable, fit_slot
from bpp.platform import Bpp
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.fields import Field
from trading.line_matching import less_what_is_of_all, says_what_is
from trading.meter_shares import lock_shares
from trading.order_lines import (
    Ordered,
    require_agreed_lines,
    require_one_sum,
    require_price,
    require_together,
    sum_quotes,
)
from trading.refusals import QuoteChanged
from trading.request import Selection, require_one_quantity
from trading.seller_counter import SellerCounter
from trading.stock import Stock


def require_quantities(ordered: Ordered) -> None:
    """Raises: QuoteChanged, if an order says two different quantities of a line, or of all."""
    for line, request in ordered.each():
        with ordered.at(line):
            require_one_quantity(request)
    require_one_sum(ordered)


async def select_lines(
    bpp: Bpp, ordered: Ordered, uow: UnitOfWork, *, now: datetime, but: Sequence[Contract] = ()
) -> list[Selection]:
    """Return what each line is about, if it can be bought at `now` beside all contracts but these.

    Raises: LinesUnsuitable; a refusal that says what of it is not to be had.
    """
    selections = []
    for line, request in ordered.each():
        own = next((each.id for each in but if each.line == line), None)
        with ordered.at(line):
            selection = find_sellable(bpp, request, now=now)
            selections.append(await fit_slot(selection, request, uow, now=now, but=own))
    if not ordered.is_single:
        require_together(ordered, selections)
    return selections


Counters = Mapping[int, SellerCounter]
"""What a seller would have otherwise of lines, by their numbers."""
NO_COUNTERS: Final[Counters] = MappingProxyType({})


def countered_by(selections: Sequence[Selection], counters: Counters) -> list[Selection]:
    """Return what was selected as its seller would sell it. Raises: what `as_countered` does."""
    return [as_countered(each, counters.get(line)) for line, each in enumerate(selections, start=1)]


async def take_turns(contracts: Sequence[Contract], uow: UnitOfWork) -> None:
    """Hold the meters and the stock of several lines before anything of them is changed.

    Always in one order, so that two orders for the same things never wait for each other.
    """
    if len(contracts) == 1:
        return
    for mrid in sorted({each.source_mrid for each in contracts}):
        await lock_shares(uow.connection, mrid)
    await Stock(uow.connection).lock({each.resource_id for each in contracts})


def require_agreed(contracts: Sequence[Contract], ordered: Ordered) -> None:
    """Let an order pass only if its lines are those that were agreed.

    Raises: LinesDiffer, QuoteChanged, PriceMismatch.
    """
    requests = require_agreed_lines(ordered, len(contracts))
    if len(ordered.lines) != len(contracts):
        said = requests[0]
        if not says_what_is(contracts, said):
            raise QuoteChanged(
                "the quantity or the time differs from what was agreed of all lines",
                path=Field.ORDER,
                hint="Send the lines of on_init, in their order.",
            )
        ordered = replace(ordered, total=said.total, currency=said.currency)
        requests = (less_what_is_of_all(said),) * len(contracts)
    for contract, request in zip(contracts, requests, strict=True):
        with ordered.at(contract.line):
            require_same(contract, request)
    require_price(ordered, sum_quotes([each.quote for each in contracts]))
