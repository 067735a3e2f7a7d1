"""Orders of several lines on any wire, by what that wire says of an order of one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from kernel.energy import ZERO_ENERGY
from trading.delivery import ContractView
from trading.mapping.find import Json
from trading.mapping.wire import Wire
from trading.order_lines import Ordered, contract_id_of, sum_quotes
from trading.order_view import hull, join_views, told_line
from trading.quote import Quote
from trading.report import ContractReport
from trading.request import OrderRequest, Selection


def read_lines(wire: Wire, message: Mapping[str, Any]) -> Ordered:
    """Return the order of a select, init, confirm or update, line by line. Raises: what `read_order` does."""
    order, alone = message[wire.ORDER_KEY], split_message(wire, message)
    if len(alone) == 1:
        return Ordered(lines=(wire.read_order(alone[0]),), as_sent=dict(order), paths=wire.PATHS)
    unread = Ordered(lines=tuple(OrderRequest() for _ in alone), paths=wire.PATHS)
    read = []
    for number, each in enumerate(alone, start=1):
        with unread.at(number):
            read.append(wire.read_order(each))
    first = alone[0][wire.ORDER_KEY]
    whole = wire.read_order(_bare(message, wire) | {wire.ORDER_KEY: _headed(wire, order, first)})
    return Ordered(
        lines=tuple(replace(each, total=None, currency=None) for each in read),
        total=whole.total,
        currency=whole.currency,
        contracted=whole.contracted,
        as_sent=dict(order),
        paths=wire.PATHS,
    )


def split_message(wire: Wire, message: Mapping[str, Any]) -> list[Json]:
    """Return a message about an order of one line for each line of its order."""
    return [
        _bare(message, wire) | {wire.ORDER_KEY: each} for each in wire.split_order(message[wire.ORDER_KEY])
    ]


def write_lines(wire: Wire, requests: Sequence[OrderRequest], *, sent: Mapping[str, Any]) -> Json:
    """Return the message of a select, init or confirm of an order of these lines, over what was sent before.

    Each request's own `as_sent` is taken from there.
    """
    alone = _as_sent(wire, sent, len(requests))
    if len(requests) == 1:
        return wire.write_order_request(replace(requests[0], as_sent=alone[0]))
    lines = [
        wire.write_order_request(replace(each, as_sent=before))[wire.ORDER_KEY]
        for each, before in zip(requests, alone, strict=True)
    ]
    message = wire.write_order_request(replace(_together(requests), as_sent=sent))
    return message | {wire.ORDER_KEY: wire.join_order(message[wire.ORDER_KEY], lines)}


def write_quoted(
    wire: Wire, ordered: Ordered, selections: Sequence[Selection], quotes: Sequence[Quote]
) -> Json:
    """Return the order that was asked for with the price of each line and of all."""
    if ordered.is_single:
        return wire.write_quote_order(ordered.lines[0], selections[0], quotes[0])
    lines = [wire.write_quote_order(*line) for line in zip(ordered.lines, selections, quotes, strict=True)]
    quote = sum_quotes(quotes)
    request = replace(_together(ordered.lines), contracted=ordered.contracted, as_sent=ordered.as_sent)
    window = hull([each.window for each in selections])
    together = replace(selections[0], quantity=quote.quantity, window=window)
    whole = wire.write_quote_order(request, together, quote)
    return wire.join_order(whole, lines)


def write_order(wire: Wire, views: Sequence[ContractView]) -> Json:
    """Return the order of which these are all lines as it stands, with everything that came of it."""
    if len(views) == 1:
        return wire.write_contract_order(views[0])
    sent = views[0].contract.buyer_order
    lines = [
        wire.write_contract_order(_sent(told_line(view), before))
        for view, before in zip(views, _as_sent(wire, sent, len(views)), strict=True)
    ]
    return wire.join_order(wire.write_contract_order(_sent(join_views(views), sent)), lines)


def read_contracts(wire: Wire, order: Mapping[str, Any]) -> list[ContractReport]:
    """Return what the order of a contract says of each of its lines. Raises: FieldInvalid."""
    reports = [wire.read_contract(each) for each in wire.split_order(order)]
    return [
        replace(report, order_id=contract_id_of(report.order_id, line))
        for line, report in enumerate(reports, start=1)
    ]


def _bare(message: Mapping[str, Any], wire: Wire) -> Json:
    return {key: value for key, value in message.items() if key != wire.ORDER_KEY}


def _headed(wire: Wire, order: Mapping[str, Any], first: Mapping[str, Any]) -> Json:
    """Return the order of the first line with what is said of all lines in place of what is said of that."""
    said = {key: order[key] for key in (wire.ATTRIBUTES_KEY, wire.VALUE_KEY) if key in order}
    kept = {key: value for key, value in first.items() if key not in (wire.ATTRIBUTES_KEY, wire.VALUE_KEY)}
    return kept | said


def _as_sent(wire: Wire, sent: Mapping[str, Any], count: int) -> list[Json]:
    """Return what was sent of each line; nothing where other lines were sent."""
    alone = wire.split_order(sent)
    return alone if len(alone) == count else [{} for _ in range(count)]


def _sent(view: ContractView, order: Mapping[str, Any]) -> ContractView:
    return replace(view, contract=replace(view.contract, buyer_order=order))


def _together(requests: Sequence[OrderRequest]) -> OrderRequest:
    """Return what is said of all lines: sums, where each line has a part of it; the first and last moment."""
    quantities = [each.quantity for each in requests if each.quantity is not None]
    totals = [each.total for each in requests if each.total is not None]
    starts = [each.trade_start for each in requests if each.trade_start is not None]
    ends = [each.trade_end for each in requests if each.trade_end is not None]
    count = len(requests)
    return replace(
        requests[0],
        quantity=None,
        contracted=sum(quantities, ZERO_ENERGY) if len(quantities) == count else None,
        total=sum(totals, Decimal(0)) if len(totals) == count else None,
        trade_start=min(starts) if len(starts) == count else None,
        trade_end=max(ends) if len(ends) == count else None,
    )
