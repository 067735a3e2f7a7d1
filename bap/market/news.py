"""What an arrival means to searches, quotes and orders: kept, numbered, and acted upon.

Everything here happens in the unit of work that takes the arrival: what the raw calls show and what the
plain API shows never differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import select

from bap.buyer import Buyer, Letter
from bap.market.account import holder_of
from bap.market.agreement import why_not_as_agreed, why_not_pay
from bap.market.answers import read_result
from bap.market.events import EventType, record_event
from bap.market.letters import post
from bap.market.offers import read_offers
from bap.market.problem import Problem, make_problem, of_error, of_seller
from bap.market.purchase import STATUS_OF, Purchase
from bap.market.purchase_store import find_purchase, set_purchase
from bap.market.requests import (
    PLAIN,
    Asked,
    end_request,
    find_request,
    latest,
    list_requests,
    tell_quote_status,
)
from bap.market.searches import Search, find_search, put_offers, read_part
from bap.market.tables import OrderStatus, RequestState
from bap.market.webhooks import put_deliveries
from bap.tables import bap_transactions
from kernel.errors import NodeError
from node.correspondence import Peer
from node.message import Inbound
from protocol.actions import REQUEST_OF, Action
from protocol.errors import WireError
from storage.outbox import ClaimedOutgoing
from storage.tables import OutboxState, outbox
from storage.unit_of_work import UnitOfWork
from trading.mapping import wire_of
from trading.mapping.catalogues import read_catalogues
from trading.mapping.lines import read_contracts

log = structlog.get_logger(__name__)

_STATUSES: Final = {status.value: told for status, told in STATUS_OF.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketNews:
    """Hears what arrives for the plain API; what belongs to raw calls alone is passed over."""

    buyer: Buyer

    async def arrived(self, inbound: Inbound, uow: UnitOfWork, now: datetime) -> None:
        """Take over a callback of a search or a purchase."""
        if purchase := await find_purchase(uow, inbound.transaction_id):
            await self._purchase_news(purchase, inbound, uow, now)
        elif search := await find_search(uow, inbound.transaction_id):
            await _search_news(search, inbound, uow, now)

    async def undeliverable(
        self, outgoing: ClaimedOutgoing, error: WireError, uow: UnitOfWork, now: datetime
    ) -> None:
        """Take over that a request never reached its seller, or was refused at the door."""
        asked = await find_request(uow, outgoing.message_id)
        if asked is None:
            return
        state, problem = await _why_not(asked, error, uow)
        await end_request(uow, asked.id, state, now=now, problem=problem)
        if purchase := await find_purchase(uow, asked.thread_id):
            await _note_change(purchase, asked.action, uow, now)
        elif search := await find_search(uow, asked.thread_id):
            data = {"about": "search", "seller": asked.bpp_id, "status": state.value, "offers": 0}
            await _tell(uow, search, EventType.SEARCH, data, now)

    async def _purchase_news(
        self, purchase: Purchase, inbound: Inbound, uow: UnitOfWork, now: datetime
    ) -> None:
        action = REQUEST_OF[inbound.action]
        asked = await find_request(uow, inbound.context.message_id)
        if asked is not None:
            await _end(asked, inbound, uow, now, lines=len(purchase.goods))
        if asked is not None and action is Action.INIT and inbound.error is None and purchase.confirm_wanted:
            await self._confirm(purchase, asked, inbound, uow, now)
        await _note_change(purchase, action, uow, now)

    async def _confirm(
        self, purchase: Purchase, asked: Asked, inbound: Inbound, uow: UnitOfWork, now: datetime
    ) -> None:
        """Buy what is held, if it is held in time and as it was quoted; else keep why not."""
        if asked.state is RequestState.DONE:
            return  # the seller answers once more: whether to buy was settled by its first answer
        problem = _why_too_late(asked, now) or await _why_not_buy(purchase, inbound, uow)
        if problem is None:
            problem = await self._send_confirm(purchase, inbound, uow)
        if problem is not None:
            log.info("market.not_confirmed", order=purchase.id, reason=problem.detail)
            await end_request(uow, asked.id, RequestState.DONE, now=now, problem=problem)

    async def _send_confirm(self, purchase: Purchase, inbound: Inbound, uow: UnitOfWork) -> Problem | None:
        key = wire_of(inbound.profile.name).ORDER_KEY
        letter = Letter(
            action=Action.CONFIRM,
            peer=await _peer(uow, purchase.id),
            profile=inbound.profile,
            message={key: inbound.message[key]},
            transaction_id=purchase.id,
        )
        try:
            await post(self.buyer, uow, letter, holder=holder_of(purchase.account))
        except NodeError as error:  # raised before anything is written
            return of_error(error)
        return None


async def _end(asked: Asked, inbound: Inbound, uow: UnitOfWork, now: datetime, *, lines: int) -> None:
    """Close a request about `lines` lines by what came: what the seller said, or why it is of no use."""
    if inbound.error is not None:
        problem = of_seller(inbound.error, bpp_id=inbound.sender)
        await end_request(uow, asked.id, RequestState.REFUSED, now=now, problem=problem)
        return
    try:
        result = read_result(asked.action, inbound.message, wire_of(inbound.profile.name), lines=lines)
    except NodeError as error:
        problem = _unclear(inbound.sender, error)
        await end_request(uow, asked.id, RequestState.UNREADABLE, now=now, problem=problem)
    else:
        await end_request(uow, asked.id, RequestState.DONE, now=now, result=result)


async def _search_news(search: Search, inbound: Inbound, uow: UnitOfWork, now: datetime) -> None:
    asked = await find_request(uow, inbound.context.message_id)
    if asked is None:
        return
    state, problem, count, part = RequestState.DONE, None, 0, None
    if inbound.error is not None:
        state, problem = RequestState.REFUSED, of_seller(inbound.error, bpp_id=inbound.sender)
    else:
        try:
            read = read_catalogues(wire_of(inbound.profile.name), inbound.message)
            found = list(read_offers(read.listings, bpp_id=inbound.sender))
        except NodeError as error:
            state, problem = RequestState.UNREADABLE, _unclear(inbound.sender, error)
        else:
            await put_offers(uow, search, found, bpp_id=inbound.sender, now=now)
            count, part = len(found), read_part(read.listings)
            problem = _partly_unclear(inbound.sender, read.faults)
    await end_request(uow, asked.id, state, now=now, problem=problem, result=part)
    data = {"about": "search", "seller": inbound.sender, "status": state.value, "offers": count}
    await _tell(uow, search, EventType.SEARCH, data, now)


def _why_too_late(asked: Asked, now: datetime) -> Problem | None:
    """Return that the order was given up before its answer came, None if the app still waits for it."""
    if asked.is_open(now):
        return None
    return make_problem(
        "hold-over",
        "The seller's answer came too late to buy at once.",
        what_to_do="Confirm the order if you still want it, or cancel it.",
    )


async def _why_not_buy(purchase: Purchase, inbound: Inbound, uow: UnitOfWork) -> Problem | None:
    """Return what speaks against buying at once, None if nothing does."""
    wire = wire_of(inbound.profile.name)
    quoted = latest(await list_requests(uow, purchase.id), Action.SELECT)
    try:
        order = inbound.message[wire.ORDER_KEY]
        reports, payment = read_contracts(wire, order), wire.find_parts(order).payment
    except (NodeError, KeyError) as error:
        return _unclear(inbound.sender, error)
    result = None if quoted is None else quoted.result
    return why_not_pay(purchase.form, payment) or why_not_as_agreed(purchase, result, reports)


async def _note_change(purchase: Purchase, action: Action, uow: UnitOfWork, now: datetime) -> None:
    """Keep how the order stands now, and tell of it."""
    if purchase.ordered_at is None:
        quoted = latest(await list_requests(uow, purchase.id), Action.SELECT)
        state = None if quoted is None else tell_quote_status(quoted.state)
        data = {"status": state, "about": PLAIN[Action.SELECT]}
        await _tell(uow, purchase, EventType.QUOTE, data, now)
        return
    status = await _status(purchase, uow)
    await set_purchase(uow, purchase.id, status=status, updated_at=now)
    await _tell(uow, purchase, EventType.ORDER, {"status": status.value, "about": PLAIN[action]}, now)


async def _status(purchase: Purchase, uow: UnitOfWork) -> OrderStatus:
    table = bap_transactions.c
    rows = await uow.connection.execute(
        select(table.contract_status).where(table.transaction_id == purchase.id)
    )
    told = _STATUSES.get(rows.scalar_one() or "")
    if told is not None:
        return told
    ordered = latest(await list_requests(uow, purchase.id), Action.INIT)
    is_over = ordered is not None and ordered.state not in (RequestState.WAITING, RequestState.DONE)
    return OrderStatus.FAILED if is_over else OrderStatus.REQUESTED


async def _why_not(asked: Asked, error: WireError, uow: UnitOfWork) -> tuple[RequestState, Problem]:
    state = await uow.connection.execute(
        select(outbox.c.state).where(outbox.c.message_id == asked.id, outbox.c.action == asked.action)
    )
    if state.scalar_one_or_none() == OutboxState.DEAD:
        detail = f"{asked.bpp_id} could not be reached: {error.message}"
        return RequestState.UNREACHABLE, make_problem("seller-unreachable", detail)
    return RequestState.REFUSED, of_seller(error, bpp_id=asked.bpp_id)


async def _peer(uow: UnitOfWork, transaction_id: str) -> Peer:
    table = bap_transactions.c
    rows = await uow.connection.execute(
        select(table.bpp_id, table.bpp_url).where(table.transaction_id == transaction_id)
    )
    row = rows.one()
    return Peer(subscriber_id=row.bpp_id, url=row.bpp_url)


async def _tell(
    uow: UnitOfWork, thread: Search | Purchase, type_: EventType, data: dict[str, Any], now: datetime
) -> None:
    event = await record_event(
        uow, account=thread.account, thread_id=thread.id, type_=type_, data=data, now=now
    )
    await put_deliveries(uow, event)


def _partly_unclear(bpp_id: str, faults: Mapping[int, NodeError]) -> Problem | None:
    """Return what an app is told of catalogues that were left out, None if there are none."""
    if not faults:
        return None
    number, first = next(iter(faults.items()))
    log.info("market.catalogues_left_out", seller=bpp_id, catalogues=len(faults), reason=str(first))
    left_out = f"{len(faults)} of the catalogues that {bpp_id} told cannot be read, and are left out"
    return make_problem("seller-unclear", f"{left_out}: in the catalogue {number + 1}, {first}")


def _unclear(bpp_id: str, error: Exception) -> Problem:
    return make_problem("seller-unclear", f"What {bpp_id} answered cannot be read: {error}")
