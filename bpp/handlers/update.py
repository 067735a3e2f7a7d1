"""update: another quantity or another window, before delivery begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bpp.amending import amend_contract, require_open, try_amendment, wished_by
from bpp.cascade.asking import ask_utilities
from bpp.handlers.session_update import update_session, wish_of
from bpp.orders import get_contract, keep, require_same, tell
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.amendment import Amendment, amend, require_amendable
from trading.changes import Change, Verdict, require_rule
from trading.contract import Contract
from trading.fields import Field
from trading.mapping import wire_of
from trading.refusals import QuoteChanged, UpdateInconsistent, UpdateNotAllowed, UpdateTargetInvalid
from trading.request import OrderRequest
from trading.wheeling import Side


async def update(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any] | None:
    """Return the order as amended, at the price of the same terms; trading.changes says when that can be.

    The utilities of the trade are asked first; until they have answered, nothing is returned.
    Raises: OrderNotFound, UpdateNotAllowed, UpdateInconsistent, UpdateTargetInvalid, QuantityUnavailable,
    QuoteExpired, PriceMismatch, WindowUnavailable, UtilityStillAsked.
    """
    request = wire_of(inbound.profile.name).read_order(inbound.message)
    contract = await get_contract(inbound, uow, order_id=request.order_id)
    if (wish := wish_of(contract, request)) is not None:
        return await update_session(bpp, contract, wish, inbound, uow, now)
    _require_same_trade(contract, request)
    wished = wished_by(bpp, request, contract)
    _require_same_price(contract, wished, request, now=now)
    if not wished:
        return await tell(contract, uow, now=now)
    verdict = require_amendable(contract, wished, side=Side.BUYER, now=now)
    await require_open(contract, uow)
    if verdict is Verdict.BY_CONSENT:
        raise UpdateNotAllowed(
            "that needs the seller's consent, which is not asked for",
            hint="Cancel the order, and order anew.",
        )
    grants = await ask_utilities(bpp, contract, inbound, uow, now=now, about=amend(contract, wished, now=now))
    if grants is None:
        await try_amendment(bpp, contract, wished, uow, now=now)
        return None
    amended = await amend_contract(bpp, contract, wished, uow, now=now)
    reason = wished.describe(contract)
    return await keep(grants.priced(amended), inbound, uow, event="UPDATE", now=now, reason=reason)


def _require_same_trade(contract: Contract, request: OrderRequest) -> None:
    """Raises: UpdateInconsistent, if it is about something else; UpdateTargetInvalid, if about terms."""
    seller, item = request.seller or contract.provider_id, request.resource_id or contract.resource_id
    if (seller, item) != (contract.provider_id, contract.resource_id):
        raise UpdateInconsistent(
            f"the order {contract.id} is for {contract.resource_id} of {contract.provider_id}",
            path=Field.ORDER,
            hint="Cancel it and order anew.",
        )
    try:
        require_same(contract, replace(request, quantity=None, total=None, trade_start=None, trade_end=None))
    except QuoteChanged as error:
        raise UpdateTargetInvalid(
            f"only quantity and window can be changed: {error.message}", path=error.path, hint=error.hint
        ) from error


def _require_same_price(
    contract: Contract, wished: Amendment, request: OrderRequest, *, now: datetime
) -> None:
    """Let the price pass that was agreed, and the one that the same terms give for what is wished.

    Raises: PriceMismatch; UpdateNotAllowed, QuoteExpired, if nothing can be changed any more.
    """
    prices = {each.quote.total.amount for each in (contract, amend(contract, wished, now=now))}
    if request.total is not None and request.total not in prices:
        require_rule(contract, Change.PRICE, side=Side.BUYER, now=now)
