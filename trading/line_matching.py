"""Which lines of an order an update is about. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kernel.energy import ZERO_ENERGY
from trading.contract import Contract
from trading.fields import Field
from trading.order_lines import NamedLine, Ordered
from trading.order_view import hull
from trading.refusals import UpdateInconsistent
from trading.request import OrderRequest


def match_lines(contracts: Sequence[Contract], ordered: Ordered) -> list[tuple[int, Contract]]:
    """Return of each line of an update its number there, and which contract it is about.

    Who sends all lines names them by their order; who sends some of them by item and offer. An update that
    names no item is about no line, and says of all what is agreed. Raises: UpdateInconsistent.
    """
    if len(ordered.lines) == len(contracts):
        return list(enumerate(contracts, start=1))
    if ordered.is_single and ordered.lines[0].resource_id is None:
        if not says_what_is(contracts, ordered.lines[0]):
            raise UpdateInconsistent(
                f"the order has {len(contracts)} lines, and it names none of them",
                path=Field.ITEMS,
                hint="Say which line is to be otherwise.",
            )
        return []
    found: list[tuple[int, Contract]] = []
    for number, request in ordered.each():
        with ordered.at(number):
            contract = _only([each for each in contracts if _names(request, each)], request)
            if any(contract is other for _, other in found):
                raise UpdateInconsistent("it names the same line as one before", path=Field.ITEM)
        found.append((number, contract))
    return found


def find_named(contracts: Sequence[Contract], names: Sequence[NamedLine]) -> list[Contract]:
    """Return the lines of an order that are named, each once. Raises: UpdateInconsistent."""
    found = {}
    for name in names:
        same = [each for each in contracts if name.number in (None, each.line) and _names(name, each)]
        contract = _only(same, name)
        found[contract.line] = contract
    return [found[line] for line in sorted(found)]


def says_what_is(contracts: Sequence[Contract], request: OrderRequest) -> bool:
    """Say whether quantity and times that are said of all lines together are those that are agreed."""
    quantity = sum((each.quantity for each in contracts), ZERO_ENERGY)
    window = hull([each.window for each in contracts])
    return (
        request.quantity in (None, quantity)
        and request.trade_start in (None, window.start)
        and request.trade_end in (None, window.end)
    )


def less_what_is_of_all(request: OrderRequest) -> OrderRequest:
    """Return what is said of all lines together without what none of them has by itself."""
    return replace(
        request,
        quantity=None,
        contracted=None,
        total=None,
        currency=None,
        trade_start=None,
        trade_end=None,
    )


def _names(request: OrderRequest | NamedLine, contract: Contract) -> bool:
    is_item = request.resource_id in (None, contract.resource_id)
    return is_item and request.offer_id in (None, contract.offer_id)


def _only(named: Sequence[Contract], request: OrderRequest | NamedLine) -> Contract:
    if len(named) == 1:
        return named[0]
    if not named:
        raise UpdateInconsistent(
            f"the order has no line of {request.resource_id}"
            + (f" by the offer {request.offer_id}" if request.offer_id else ""),
            path=Field.ITEM,
            hint="Name items and offers of its lines, or send all of them.",
        )
    raise UpdateInconsistent(
        f"{len(named)} lines of the order are of {request.resource_id}",
        path=Field.OFFER,
        hint="Name the offer too, or send all lines in their order.",
    )
