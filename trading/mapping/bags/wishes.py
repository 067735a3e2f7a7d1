"""What a buyer writes into the EnergyTradeContract of an order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypedDict

from kernel.clock import format_instant
from kernel.energy import Energy
from schemas import iris
from trading.fields import Field, Paths
from trading.mapping.bags.amounts import read_instant
from trading.mapping.bags.grid import BUYER_UTILITY
from trading.mapping.bags.quantity import read_energy
from trading.mapping.find import Json, find_object, find_text, read_decimal, without_none
from trading.refusals import FieldInvalid
from trading.request import FinderFee, OrderRequest, Selection

_METER_SCHEME: Final = "der://meter/"
"""Older messages put this before an mRID."""


class Wishes(TypedDict):
    """The fields of an order that stand in its contract's attributes."""

    contracted: Energy | None
    target_meter: str | None
    trade_start: datetime | None
    trade_end: datetime | None
    finder_fee: FinderFee | None
    buyer_utility: str | None


def read_wishes(bag: Mapping[str, Any], paths: Paths) -> Wishes:
    """Return what the bag asks for; one of a ChargingSession says when by its preferences.

    Raises: FieldInvalid.
    """
    contracted, session = bag.get("contractedQuantity"), find_object(bag, "preferences")
    start, end = paths[Field.TRADE_START], paths[Field.TRADE_END]
    return Wishes(
        contracted=None if contracted is None else read_energy(contracted, path=paths[Field.CONTRACTED]),
        target_meter=read_meter(bag, "targetMeterId", path=paths[Field.METER]),
        trade_start=read_instant(bag, "tradeStartTime", path=start)
        or read_instant(session, "startTime", path=start),
        trade_end=read_instant(bag, "tradeEndTime", path=end) or read_instant(session, "endTime", path=end),
        finder_fee=_read_finder_fee(find_object(bag, "buyerFinderFee"), path=paths[Field.ORDER]),
        buyer_utility=find_text(bag, BUYER_UTILITY),
    )


def write_taken_over(sent: Mapping[str, Any], request: OrderRequest, selection: Selection) -> Json:
    """Return the bag of an order as it was sent, with the quantity and the window that would be sold.

    They differ from what was asked for only where the seller has made a counter-offer.
    """
    bag, window, production = dict(sent), selection.window, selection.resource.production
    if not bag or selection.offer.terms.session is not None:
        return bag
    if request.contracted not in (None, selection.quantity):
        bag["contractedQuantity"] = selection.quantity.kilowatt_hours
    asked = (request.trade_start or production.start, request.trade_end or production.end)
    if asked != (window.start, window.end):
        bag["tradeStartTime"] = format_instant(window.start)
        bag["tradeEndTime"] = format_instant(window.end)
    return bag


def write_wishes(request: OrderRequest, sent: Mapping[str, Any]) -> Json:
    """Return the bag that asks for it, over what the buyer put there; empty if there is nothing to ask."""
    start, end = request.trade_start, request.trade_end
    wishes = without_none(
        {
            "targetMeterId": request.target_meter,
            "contractedQuantity": request.contracted and request.contracted.kilowatt_hours,
            "tradeStartTime": start and format_instant(start),
            "tradeEndTime": end and format_instant(end),
        }
    )
    if not wishes:
        return dict(sent)
    names = {"@context": iris.ENERGY_TRADE_CONTRACT_CONTEXT, "@type": iris.ENERGY_TRADE_CONTRACT}
    return names | dict(sent) | wishes


def _read_finder_fee(fee: Mapping[str, Any], *, path: str) -> FinderFee | None:
    if "feeValue" not in fee:
        return None
    return FinderFee(str(fee.get("feeType")), read_decimal(fee["feeValue"], path=path))


def read_meter(bag: Mapping[str, Any], key: str, *, path: str) -> str | None:
    """Return the meter under `key`, None if there is none. Raises: FieldInvalid."""
    meter = bag.get(key)
    if meter is None:
        return None
    if not isinstance(meter, str):
        raise FieldInvalid("a meter is named by text", path=path)
    return meter.removeprefix(_METER_SCHEME)
