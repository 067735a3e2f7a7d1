"""What a utility does with each request of a seller's platform."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from bpp.places import curtailment_on_wire
from bpp.utility import decisions
from bpp.utility.limits import limit_of, require_room
from bpp.utility.refusals import hear_refusal
from bpp.utility.register import Utility
from bpp.utility.sanction import Use
from bpp.utility.statements import Said, StatementStore
from bpp.utility.trades import Trade, TradeState, TradeStore
from kernel.energy import ZERO_ENERGY
from kernel.errors import NodeError
from kernel.ids import random_id
from node.message import Handler, Inbound
from protocol.actions import PUBLISHING, REFUSED_TO_UTILITIES, Action
from storage.unit_of_work import UnitOfWork
from trading.fields import Field
from trading.grid import GridGrant, GridRequest
from trading.grid_statement import UtilityStatement
from trading.lifecycle import ContractStatus
from trading.listing import Listing
from trading.mapping import wire_of
from trading.mapping.find import Json
from trading.mapping.grid import quote_wheeling, read_grid_request, write_grant, write_grid_request
from trading.mapping.grid_statement import find_grid_cut
from trading.refusals import QuantityOutOfBounds

_STATUS: Final = {
    TradeState.HELD: ContractStatus.PENDING,
    TradeState.CONFIRMED: ContractStatus.ACTIVE,
    TradeState.CANCELLED: ContractStatus.TERMINATED,
}


class NothingSold(NodeError):
    """A utility carries energy for others, and has none to sell, to rate or to follow."""

    code, http_status, retryable = "NET_NOT_IMPLEMENTED", 501, False


async def init(utility: Utility, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Json:
    """Return the trade as one that its customers' limits are held for, with what it costs.

    A second init of the same order takes the place of the first.
    Raises: UtilityNotAdmitted, WindowUnavailable, QuantityUnavailable, AlreadyConfirmed, AlreadyCancelled.
    """
    request = _read(utility, inbound)
    meters = utility.meters_of(request)
    utility.require_approved(request, platform=inbound.sender, now=now)
    if request.quantity <= ZERO_ENERGY:
        raise QuantityOutOfBounds("a trade is of some energy", path=Field.QUANTITY)
    request = replace(request, order_id=request.order_id or str(random_id()))
    store = TradeStore(uow.connection)
    await store.lock(meters.values())
    earlier = await store.find(request.order_id, platform=inbound.sender)
    if earlier is not None:
        decisions.require_replaceable(earlier)
    trade = Trade(
        platform=inbound.sender,
        order_id=request.order_id,
        transaction_id=inbound.transaction_id,
        request=request,
        meters=meters,
        use=Use(window=request.window, quantity=request.quantity),
        wheeling=utility.charges.of(frozenset(meters)),
        state=TradeState.HELD,
        created_at=now,
        updated_at=now,
        hold_until=now + utility.hold_for,
    )
    await require_room(utility, trade, store, now=now)
    return await _keep(utility, trade, inbound, store, now=now)


async def confirm(utility: Utility, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Json:
    """Return the trade as recorded: it takes of the limits until it is over.

    A meter that is no customer's any more has no limit to be kept within.
    Raises: OrderNotFound, QuantityUnavailable, QuoteExpired, QuoteChanged, AlreadyCancelled.
    """
    request, store = _read(utility, inbound), TradeStore(uow.connection)
    await store.lock(utility.claimed_meters(request).values())
    trade = await store.get(request.order_id, platform=inbound.sender)
    confirmed = decisions.confirm(trade, request, now=now)
    if confirmed is not trade:
        still = {side: mrid for side, mrid in trade.meters.items() if mrid in utility.customers}
        await require_room(utility, replace(confirmed, meters=still), store, now=now)
    return await _keep(utility, confirmed, inbound, store, now=now)


async def update(utility: Utility, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Json:
    """Return the trade for another quantity or window, or less what another has cut of it.

    Raises: OrderNotFound, QuantityUnavailable, QuoteExpired, QuoteChanged, AlreadyCancelled, and what
    `hear_cut` does.
    """
    request, store = _read(utility, inbound), TradeStore(uow.connection)
    wire, said_at = wire_of(inbound.profile.name), inbound.context.timestamp
    if (told := find_grid_cut(wire, inbound.message, said_at=said_at)) is not None:
        trade = await _hear(utility, inbound, request, told, store, uow)
        return await _tell(utility, trade, inbound, store, now=now)
    await store.lock(utility.meters_of(request).values())
    trade = await store.get(request.order_id, platform=inbound.sender)
    changed = decisions.change(trade, request, now=now)
    if request.window != trade.request.window:
        utility.require_approved(request, platform=inbound.sender, now=now)
    await require_room(utility, changed, store, now=now)
    return await _keep(utility, changed, inbound, store, now=now)


async def _hear(
    utility: Utility,
    inbound: Inbound,
    request: GridRequest,
    told: UtilityStatement,
    store: TradeStore,
    uow: UnitOfWork,
) -> Trade:
    """Return a trade less what its platform says was cut, which is kept once."""
    await store.lock(utility.claimed_meters(request).values())
    trade = await store.get(request.order_id, platform=inbound.sender)
    found = told.curtailment_in(request.window)
    with curtailment_on_wire():
        if found is None or not decisions.hear_cut(trade, request, found):
            return trade
    said = Said(
        platform=inbound.sender,
        message_id=inbound.context.message_id,
        statement=replace(told, order_id=trade.order_id, since=found.since, allocations=None),
        who=f"platform {inbound.sender}",
        is_heard=True,
    )
    await StatementStore(uow.connection).add(said)
    return await store.get(trade.order_id, platform=inbound.sender)


async def cancel(utility: Utility, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Json:
    """Return the trade as ended, its limits given back.

    Raises: OrderNotFound, AlreadyCancelled, CancellationNotAllowed.
    """
    trade, store = await _named(inbound, uow)
    return await _keep(utility, decisions.cancel(trade, now=now), inbound, store, now=now)


async def status(utility: Utility, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Json:
    """Return the trade as it stands. Raises: OrderNotFound."""
    trade, store = await _named(inbound, uow)
    return await _tell(utility, trade, inbound, store, now=now)


async def discover(utility: Utility, inbound: Inbound, _uow: UnitOfWork, _now: datetime) -> Json:
    """Return that nothing is for sale."""
    nothing = Listing(id=utility.subscriber_id, name=utility.name, providers=(), resources=(), offers=())
    wire = wire_of(inbound.profile.name)
    return wire.write_catalog(nothing, bpp_id=utility.subscriber_id, bpp_url="")


async def refuse(utility: Utility, inbound: Inbound, _uow: UnitOfWork, _now: datetime) -> Json:
    """Refuse what only sellers do. Raises: NothingSold."""
    raise NothingSold(
        f"{utility.name} is a utility: it takes no {inbound.action}",
        hint="Send init, confirm, update, cancel or status of a trade.",
    )


UtilityHandler = Callable[[Utility, Inbound, UnitOfWork, datetime], Awaitable[Mapping[str, Any]]]

HANDLERS: Final[Mapping[Action, UtilityHandler]] = {
    Action.DISCOVER: discover,
    Action.SELECT: refuse,
    Action.INIT: init,
    Action.CONFIRM: confirm,
    Action.STATUS: status,
    Action.TRACK: refuse,
    Action.UPDATE: update,
    Action.CANCEL: cancel,
    Action.RATING: refuse,
    Action.SUPPORT: refuse,
    PUBLISHING.callback: refuse,
}
"""THE TABLE of a utility's handlers."""


def bind(utility: Utility) -> dict[Action, Handler]:
    """Return the handlers of `utility`, each for its action: requests, and refusals of what it says."""
    requests: dict[Action, Handler] = {
        action: partial(_handle, handler, utility) for action, handler in HANDLERS.items()
    }
    return requests | dict.fromkeys(REFUSED_TO_UTILITIES, hear_refusal)


async def _handle(
    handler: UtilityHandler, utility: Utility, inbound: Inbound, uow: UnitOfWork, now: datetime
) -> Mapping[str, Any]:
    """Run a handler; what its refusal is about is named by its place in the message."""
    try:
        return await handler(utility, inbound, uow, now)
    except NodeError as error:
        if isinstance(error.path, Field):
            error.path = wire_of(inbound.profile.name).PATHS[error.path]
        raise


def _read(utility: Utility, inbound: Inbound) -> GridRequest:
    return read_grid_request(
        wire_of(inbound.profile.name),
        inbound.message,
        utility=utility.subscriber_id,
        platform=inbound.sender,
        zone=utility.zone,
    )


async def _named(inbound: Inbound, uow: UnitOfWork) -> tuple[Trade, TradeStore]:
    order_id = wire_of(inbound.profile.name).read_order_id(inbound.message)
    store = TradeStore(uow.connection)
    return await store.get(order_id, platform=inbound.sender, named_at=Field.REFERENCE), store


async def _keep(
    utility: Utility, trade: Trade, inbound: Inbound, store: TradeStore, *, now: datetime
) -> Json:
    await store.save(trade)
    return await _tell(utility, trade, inbound, store, now=now)


async def _tell(
    utility: Utility, trade: Trade, inbound: Inbound, store: TradeStore, *, now: datetime
) -> Json:
    """Return the message that tells how a trade stands."""
    wire, request = wire_of(inbound.profile.name), trade.request
    has_order = inbound.action in (Action.INIT, Action.CONFIRM, Action.UPDATE)
    sent = inbound.message if has_order else write_grid_request(wire, Action.INIT, request)
    grant = GridGrant(
        order_id=trade.order_id,
        wheeling=trade.wheeling,
        quote=quote_wheeling(trade.wheeling, request, currency=utility.charges.currency),
        limit=await limit_of(utility, trade, store, now=now),
    )
    return write_grant(wire, sent[wire.ORDER_KEY], grant, status=_STATUS[trade.state])
