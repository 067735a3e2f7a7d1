"""init: the quantity is held for a while, the terms are fixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bpp.cascade.asking import ask_utilities, grid_of, keep_held, were_asked
from bpp.changes.cancelling import end_contracts
from bpp.orders.contracts import keep_all
from bpp.orders.countering import countered_lines
from bpp.orders.lines import (
    NO_COUNTERS,
    Counters,
    countered_by,
    require_quantities,
    select_lines,
    take_turns,
)
from bpp.orders.promoting import buyer_of, keep_promotions, promote_lines
from bpp.orders.selection import hold_meter
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.cancellation import Reason
from trading.contract import Contract, require_replaceable
from trading.contracts import ContractStore, HistoryEntry
from trading.counter_terms import describe
from trading.lifecycle import ContractEvent, ContractStatus
from trading.mapping import wire_of
from trading.mapping.lines import read_lines
from trading.order_lines import Ordered, contract_id_of
from trading.request import OrderRequest, Selection, target_meter_of
from trading.seller_counter import describe_counter
from trading.stock import Stock
from trading.wheeling import Side


async def init(
    bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime, *, counters: Counters = NO_COUNTERS
) -> Mapping[str, Any] | None:
    """Return the order as a pending contract for each line that holds its quantity; all are held or none.

    A second init of the conversation takes the place of the first, as long as nothing is binding. Where the
    utilities of the trade are asked first, nothing is returned until they have answered. Where the offer has
    counter-terms, or its seller has one of `counters`, by the number of the line, the order may be for less
    than was asked for, or at another price. What utilities have granted is held as they were asked about it.
    Raises: AlreadyConfirmed; UtilityNotAdmitted; UtilityRefused; QuantityUnavailable; ShareUnavailable;
    MeterSharedOtherwise; LinesUnsuitable; a refusal, if it could not be bought as it stands.
    """
    asked = read_lines(wire_of(inbound.profile.name), inbound.message)
    require_quantities(asked)
    earlier = await find_replaced(inbound, uow)
    ordered = await countered_lines(bpp, asked, uow, now=now, but=earlier)
    found = await select_lines(bpp, ordered, uow, now=now, but=earlier)
    offered = await promote_lines(ordered, found, uow, bap_id=inbound.sender, now=now, but=earlier)
    selections = countered_by(offered, counters)
    is_granted = len(earlier) == 1 and await were_asked(earlier[0], inbound, uow)
    if is_granted:
        selections = [_as_held(earlier[0], selections[0])]
    order_id = earlier[0].order_id if earlier else str(bpp.new_id())
    drafts = [
        _draft(bpp, inbound, Line(order_id, number, ordered), selection, now=now)
        for number, selection in enumerate(selections, start=1)
    ]
    await _make_room(bpp, inbound, drafts, earlier, uow)
    await _hold_meters(ordered, drafts, uow, now=now)
    grants = await ask_utilities(bpp, drafts[0], inbound, uow, now=now)
    if grants is None:
        await keep_held(bpp, drafts[0], uow, now=now)
        await keep_promotions(drafts, selections, uow)
        return None
    priced = [grants.priced(draft) for draft in drafts]
    words = [_describe(asked, ordered), *map(describe_counter, offered, selections)]
    reason = ", ".join(filter(None, words)) or None
    message = await keep_all(priced, inbound, uow, event="INIT", now=now, reason=reason)
    if not is_granted:  # else they were kept when its utilities were asked
        await keep_promotions(priced, selections, uow)
    await Stock(uow.connection).hold_all(priced, now=now, at=lambda each: ordered.at(each.line))
    return message


async def _make_room(
    bpp: Bpp, inbound: Inbound, drafts: Sequence[Contract], earlier: Sequence[Contract], uow: UnitOfWork
) -> None:
    """Give back what the earlier init held and this one does not, and end the lines that are no more."""
    await take_turns([*drafts, *earlier], uow)
    kept, store = {each.id: each.resource_id for each in drafts}, ContractStore(uow.connection)
    replaced, now = Reason(words="a later init took the place of this one"), drafts[0].created_at
    for contract in earlier:
        if contract.id not in kept:
            [done] = await end_contracts(bpp, [contract], uow, side=Side.BUYER, reason=replaced, now=now)
            ended = done.contract
            await store.save(ended)
            entry = HistoryEntry(
                at=now,
                actor=inbound.sender,
                event=ContractEvent.CANCEL,
                status=ended.status,
                reason=str(replaced),
                message_id=inbound.context.message_id,
            )
            await store.note(ended, entry)
        elif kept[contract.id] != contract.resource_id:
            await Stock(uow.connection).release(contract.id, resource_id=contract.resource_id)


async def _hold_meters(
    ordered: Ordered, drafts: Sequence[Contract], uow: UnitOfWork, *, now: datetime
) -> None:
    """Let lines pass that their meters can serve beside each other; the last is refused where they cannot.

    Raises: ShareUnavailable, MeterSharedOtherwise.
    """
    if not ordered.is_single:  # so that each finds what the others have now, and not what they had
        for draft in drafts:
            await ContractStore(uow.connection).save(draft)
    for draft in reversed(drafts):
        with ordered.at(draft.line):
            await hold_meter(draft, uow, now=now)


def _describe(asked: Ordered, ordered: Ordered) -> str | None:
    """Return in words what is not as it was asked for, None if all is."""
    told = [describe(*line) for line in zip(asked.lines, ordered.lines, strict=True)]
    return "; ".join(words for words in told if words) or None


async def find_replaced(inbound: Inbound, uow: UnitOfWork) -> list[Contract]:
    """Return the lines that this init replaces but for those that have ended. Raises: AlreadyConfirmed."""
    store = ContractStore(uow.connection)
    earlier = await store.find_in_transaction(
        bap_id=inbound.sender, transaction_id=inbound.transaction_id, lock=True
    )
    if earlier is None or earlier.status is ContractStatus.TERMINATED:
        return []
    require_replaceable(earlier)
    lines = [earlier] if earlier.lines == 1 else await store.find_lines(earlier, lock=True)
    return [each for each in lines if each.status is not ContractStatus.TERMINATED]


def _as_held(contract: Contract, selection: Selection) -> Selection:
    """Return what was selected on the terms that a contract holds it on, and as much of it.

    A session that begins at once begins now.
    """
    window = contract.window if contract.terms.session is None else selection.window
    offer = replace(selection.offer, terms=contract.terms)
    return replace(selection, offer=offer, quantity=contract.quantity, window=window)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order, and the id that all of them share."""

    order_id: str
    number: int
    ordered: Ordered

    @property
    def request(self) -> OrderRequest:
        return self.ordered.lines[self.number - 1]


def _draft(bpp: Bpp, inbound: Inbound, line: Line, selection: Selection, *, now: datetime) -> Contract:
    hold_until, request = now + bpp.hold_for, line.request
    with line.ordered.at(line.number):
        return Contract(
            id=contract_id_of(line.order_id, line.number),
            transaction_id=inbound.transaction_id,
            bap_id=inbound.sender,
            bap_url=inbound.sender_url,
            buyer_id=buyer_of(request, inbound.sender),
            provider_id=selection.resource.provider_id,
            resource_id=selection.resource.id,
            offer_id=selection.offer.id,
            offer_name=selection.offer.name,
            profile=inbound.profile.name,
            source=selection.resource.source,
            target_meter=target_meter_of(request, selection.resource),
            quantity=selection.quantity,
            window=selection.window,
            terms=selection.offer.terms,
            zone=selection.offer.zone,
            status=ContractStatus.PENDING,
            created_at=now,
            updated_at=now,
            hold_until=hold_until,
            refresh_at=hold_until,
            buyer_order=line.ordered.as_sent if line.number == 1 else {},
            grid=grid_of(bpp, selection.resource, selection.offer, request),
            line=line.number,
            lines=len(line.ordered.lines),
        )
