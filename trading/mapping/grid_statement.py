"""What a utility says unasked of a trade that it let pass, on any generation of the wire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from protocol.actions import Action
from trading.fields import Field
from trading.grid import GridRequest
from trading.grid_statement import UtilityStatement
from trading.lifecycle import ContractStatus
from trading.mapping.bags.utility_statement import (
    find_statement,
    read_statement_bag,
    write_statement_bag,
    write_when_and_why,
)
from trading.mapping.find import Json, find_object, reading
from trading.mapping.grid import write_grid_request
from trading.mapping.wire import Wire
from trading.quote import Quote
from trading.refusals import FieldMissing


def write_utility_statement(
    wire: Wire, request: GridRequest, said: UtilityStatement, *, quote: Quote
) -> Json:
    """Return the message that says something of the trade `request`, which is charged as `quote` says."""
    sent = write_grid_request(wire, Action.INIT, request)[wire.ORDER_KEY]
    bag = find_object(sent, wire.ATTRIBUTES_KEY) | write_when_and_why(said)
    trade = wire.write_trade(
        sent | {wire.ATTRIBUTES_KEY: bag}, order_id=said.order_id, status=ContractStatus.ACTIVE, quote=quote
    )
    return {
        wire.ORDER_KEY: wire.write_statement(trade, write_statement_bag(said), meter=request.source_meter)
    }


def write_grid_cut(wire: Wire, request: GridRequest, said: UtilityStatement) -> Json:
    """Return the update that tells a utility what was cut of the trade `request`, which stays as agreed."""
    message = write_grid_request(wire, Action.UPDATE, request)
    sent = find_object(message, wire.ORDER_KEY)
    bag = find_object(sent, wire.ATTRIBUTES_KEY) | write_when_and_why(said)
    order = wire.write_statement(
        sent | {wire.ATTRIBUTES_KEY: bag}, write_statement_bag(said), meter=request.source_meter
    )
    return message | {wire.ORDER_KEY: order}


def find_grid_cut(wire: Wire, message: Mapping[str, Any], *, said_at: datetime) -> UtilityStatement | None:
    """Return what a platform's update tells a utility was cut, None if it tells nothing of that.

    `said_at` is when it was written. Raises: FieldInvalid.
    """
    order = find_object(message, wire.ORDER_KEY)
    said = _read(wire, order, order_id=wire.find_parts(order).order_id or "", said_at=said_at)
    return None if said.cut is None else said


def read_utility_statement(wire: Wire, message: Mapping[str, Any], *, said_at: datetime) -> UtilityStatement:
    """Return what a message says; `said_at` is when it was written. Raises: FieldMissing, FieldInvalid."""
    order = find_object(message, wire.ORDER_KEY)
    order_id = wire.find_parts(order).order_id
    if not order_id:
        raise FieldMissing("it is not said of which order this is", path=Field.ORDER_ID)
    said = _read(wire, order, order_id=order_id, said_at=said_at)
    if said.cut is None and said.allocations is None:
        raise FieldMissing(
            "nothing was asked, and neither a curtailment nor what was delivered is told",
            path=Field.ORDER,
            hint="Send curtailedQuantity, deliveredQuantity or meterReadings of an EnergyTradeDelivery.",
        )
    return said


def _read(wire: Wire, order: Mapping[str, Any], *, order_id: str, said_at: datetime) -> UtilityStatement:
    with reading("what is said of the delivery"):
        bag = find_statement(wire.find_statements(order))
        return read_statement_bag(
            bag, find_object(order, wire.ATTRIBUTES_KEY), order_id=order_id, said_at=said_at
        )
