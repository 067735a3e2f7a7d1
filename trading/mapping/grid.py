"""What a seller's platform and a utility say to each other, on any generation of the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import MAXYEAR, MINYEAR, datetime
from decimal import Decimal
from typing import Any, Final

from kernel.currency import Currency
from kernel.interval import Interval
from kernel.money import Money, sum_money
from protocol.actions import Action
from schemas import iris
from trading.fields import Field
from trading.grid import GridGrant, GridRequest
from trading.lifecycle import ContractStatus
from trading.mapping.bags.grid import (
    BUYER_UTILITY,
    LIMIT,
    SELLER_UTILITY,
    read_limit,
    read_settlement,
    read_tariff,
    write_grid_bag,
    write_limit,
    write_tariff,
)
from trading.mapping.find import Json, find_object, find_text, reading
from trading.mapping.wire import Wire
from trading.periods import LONGEST_WINDOW
from trading.quote import Component, ComponentType, Quote, count_cycles, quote_energy
from trading.rates import Price
from trading.refusals import FieldInvalid, FieldMissing
from trading.request import OrderRequest
from trading.terms import SettlementType, Terms
from trading.wheeling import Wheeling, WheelingBasis

_NO_MORE: Final = Decimal(0)


def write_grid_request(wire: Wire, action: Action, request: GridRequest) -> Json:
    """Return the message that asks a utility about a trade."""
    order = OrderRequest(
        order_id=request.order_id,
        seller=request.provider_id,
        buyer_id=request.buyer_id,
        resource_id=request.resource_id,
        offer_id=request.offer_id,
        quantity=request.quantity,
        as_sent={wire.ATTRIBUTES_KEY: write_grid_bag(request)},
    )
    write = {Action.UPDATE: wire.write_update, Action.CANCEL: wire.write_order_id}
    return write.get(action, wire.write_order_request)(order)


def name_utility(
    wire: Wire, request: OrderRequest, *, utility: str, buyer_platform: str, seller_platform: str
) -> OrderRequest:
    """Return a buyer's order as one that names the `utility` which serves the buyer."""
    bag = {
        "@context": iris.P2P_TRADE_ORDER_CONTEXT,
        "@type": iris.ENERGY_TRADE_ORDER,
        "bap_id": buyer_platform,
        "bpp_id": seller_platform,
        BUYER_UTILITY: utility,
    }
    sent = dict(request.as_sent)
    return replace(
        request, as_sent=sent | {wire.ATTRIBUTES_KEY: find_object(sent, wire.ATTRIBUTES_KEY) | bag}
    )


def read_grid_request(
    wire: Wire, message: Mapping[str, Any], *, utility: str, platform: str, zone: str
) -> GridRequest:
    """Return the trade that a seller's `platform` asks `utility` about.

    Where it names no utilities, this one serves both; where it names no zone, its days are those of `zone`.
    Raises: FieldMissing, FieldInvalid.
    """
    order = wire.read_order(message)
    bag = find_object(order.as_sent, wire.ATTRIBUTES_KEY)
    source = find_text(bag, "sourceMeterId")
    start, end, target = order.trade_start, order.trade_end, order.target_meter
    if order.quantity is None or not source or not target or start is None or end is None:
        raise FieldMissing(
            "a utility must know both meters, the quantity and the window of a trade",
            path=Field.METER,
            hint="Send sourceMeterId, targetMeterId, contractedQuantity, tradeStartTime and tradeEndTime.",
        )
    with reading("the trade"):
        settlement, zone = read_settlement(bag), find_text(bag, "timeZone") or zone
        return GridRequest(
            order_id=order.order_id or "",
            buyer_platform=find_text(bag, "bap_id") or platform,
            seller_platform=find_text(bag, "bpp_id") or platform,
            buyer_utility=find_text(bag, BUYER_UTILITY) or utility,
            seller_utility=find_text(bag, SELLER_UTILITY) or utility,
            buyer_id=order.buyer_id or "",
            provider_id=order.seller or "",
            resource_id=order.resource_id or "",
            offer_id=order.offer_id or "",
            source_meter=source,
            target_meter=target,
            quantity=order.quantity,
            window=_read_window(start, end, zone=zone, settlement=settlement),
            settlement=settlement,
            zone=zone,
        )


def _read_window(start: datetime, end: datetime, *, zone: str, settlement: SettlementType) -> Interval:
    """Return a window that charges can be reckoned for. Raises: FieldInvalid, ZoneUnknown, EmptyInterval."""
    window = Interval(start, end)
    if window.duration > LONGEST_WINDOW:
        raise FieldInvalid(f"a trade runs for {LONGEST_WINDOW.days} days at most", path=Field.TRADE_END)
    if not MINYEAR < window.start.year <= window.end.year < MAXYEAR:
        raise FieldInvalid("no calendar has every local day of that window", path=Field.TRADE_START)
    count_cycles(window, zone, settlement)
    return window


def quote_wheeling(charges: tuple[Wheeling, ...], request: GridRequest, *, currency: Currency) -> Quote:
    """Return what the buyer pays of a utility's charges if all of a trade is delivered.

    Raises: ZoneUnknown.
    """
    terms = Terms(
        price=Price(per_kwh=_NO_MORE, currency=currency),
        wheeling=charges[0] if charges else None,
        further_wheeling=charges[1:],
        settlement_type=request.settlement,
    )
    whole = quote_energy(request.quantity, terms, window=request.window, zone=request.zone)
    fees = tuple(part for part in whole.components if part.type is ComponentType.FEE)
    return Quote(quantity=request.quantity, currency=currency, components=fees)


def write_grant(wire: Wire, sent: Mapping[str, Any], grant: GridGrant, *, status: ContractStatus) -> Json:
    """Return the message that lets a trade pass: what it costs, and what is left to be traded."""
    if grant.quote is None:
        raise ValueError("a utility's answer tells what its charges come to")
    limit = {} if grant.limit is None else {LIMIT: write_limit(grant.limit)}
    bag = find_object(sent, wire.ATTRIBUTES_KEY) | write_tariff(grant.wheeling) | limit
    order = wire.write_trade(
        dict(sent) | {wire.ATTRIBUTES_KEY: bag}, order_id=grant.order_id, status=status, quote=grant.quote
    )
    return {wire.ORDER_KEY: order}


def read_grant(wire: Wire, message: Mapping[str, Any], request: GridRequest, *, utility: str) -> GridGrant:
    """Return what `utility` answered. Raises: FieldInvalid."""
    with reading("the utility's answer"):
        parts = wire.find_parts(message[wire.ORDER_KEY])
        bag, value = parts.contract or {}, parts.value or {}
        parts_of_price = [_component(part, value) for part in value.get("components") or ()]
        quoted = [part for part in parts_of_price if part.type is ComponentType.FEE]
        charges = read_tariff(bag)
        if charges is None:
            charges = tuple(_as_charge(part, utility) for part in quoted)
        _require_quoted(charges, quoted, request)
        return GridGrant(order_id=parts.order_id or request.order_id, wheeling=charges, limit=read_limit(bag))


def _component(part: Mapping[str, Any], value: Mapping[str, Any]) -> Component:
    currency = Currency(part.get("currency") or value["currency"])
    return Component(
        type=ComponentType(part["type"]),
        amount=Money.of(Decimal(part["value"]), currency),
        description=part.get("description") or "",
    )


def _as_charge(part: Component, utility: str) -> Wheeling:
    """Return a charge of which only the amount is known: it is due once."""
    return Wheeling(
        utility_name=utility,
        amount=part.amount,
        description=part.description,
        basis=WheelingBasis.FIXED_PER_CONTRACT,
    )


def _require_quoted(charges: tuple[Wheeling, ...], quoted: list[Component], request: GridRequest) -> None:
    """Raises: FieldInvalid, if a tariff comes to something else than what is quoted by it."""
    if not charges and not quoted:
        return
    currency = charges[0].currency if charges else quoted[0].amount.currency
    told = sum_money((part.amount for part in quoted), currency=currency)
    due = quote_wheeling(charges, request, currency=currency).total
    if due != told:
        raise FieldInvalid(f"the utility's tariff comes to {due} for this trade, and its quote says {told}")
