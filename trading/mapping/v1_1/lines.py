"""Orders of several lines: taken apart into orders of one line each, and put together again.

A line is an item with the offer and the fulfilment that stand at the same place in their lists. The item says
in a bag of its own what an order of one line says in its attributes. The parts of a line's price name its
fulfilment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from trading.fields import Field
from trading.mapping.bags.amounts import plain
from trading.mapping.bags.line import line_bag, own_bag
from trading.mapping.find import Json, find_object, find_objects, find_text, read_decimal
from trading.mapping.v1_1.paths import PATHS
from trading.mapping.v1_1.tags import PROPOSAL, PURCHASE_TERMS
from trading.order_lines import require_few
from trading.refusals import OneItemOnly

_BAG: Final = "orderAttributes"
_PLACES: Final = "fulfillment_ids"
_OWN: Final = (PROPOSAL, PURCHASE_TERMS)
"""The groups of tags that are of a line."""


def split_order(order: Mapping[str, Any]) -> list[Json]:
    """Return an order of one line for each item.

    Of one item, which has no bag of its own, it is the order itself. Raises: OneItemOnly, FieldInvalid.
    """
    items = find_objects(order, "items")
    require_few(len(items), path=PATHS[Field.ITEMS])
    if len(items) < 2 and not find_object(items, 0, _BAG):
        return [dict(order)]
    offers = find_objects(order, "offers")
    if len(offers) > 1 and len(offers) != len(items):
        raise OneItemOnly(
            f"the order has {len(items)} items and {len(offers)} offers",
            path=PATHS[Field.OFFER],
            hint="Name one offer for each item, in their order.",
        )
    return [_alone(order, number, item) for number, item in enumerate(items)]


def join_order(whole: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> Json:
    """Return `whole`, which speaks of all lines together, with the lines of orders of one line each."""
    names = _names(lines)
    joined: Json = {
        "items": [_item(each, name) for each, name in zip(lines, names, strict=True)],
        "offers": [offer for each in lines for offer in find_objects(each, "offers")],
        "fulfillments": _fulfillments(lines, names),
    }
    parts = [
        part | {"item": find_object(part, "item") | {_PLACES: [name]}}
        for each, name in zip(lines, names, strict=True)
        for part in find_objects(each, "quote", "breakup")
    ]
    if parts:
        joined["quote"] = find_object(whole, "quote") | {"breakup": parts}
    return dict(whole) | {key: value for key, value in joined.items() if value}


def _alone(order: Mapping[str, Any], number: int, item: Mapping[str, Any]) -> Json:
    name = _place(item, number)
    kept = {key: value for key, value in order.items() if key not in ("quote", "tags")}
    offers = find_objects(order, "offers")
    is_only = len(find_objects(order, "items")) == 1
    quote = _quote(order, name) or (find_object(order, "quote") if is_only else {})
    ours: Json = {
        "items": [dict(item) | {_PLACES: [name]}],
        "offers": offers[number : number + 1] if len(offers) > 1 else offers,
        "fulfillments": _own_fulfillments(order, number, name),
        "quote": quote,
        "tags": _own_tags(order, item, _OWN if is_only else (PURCHASE_TERMS,)),
        _BAG: line_bag(find_object(order, _BAG), find_object(item, _BAG)),
    }
    return kept | {key: value for key, value in ours.items() if value}


def _own_tags(order: Mapping[str, Any], item: Mapping[str, Any], shared: Sequence[str]) -> list[Json]:
    """Return the tags of an item, with the groups of `shared` that the order has for an item without."""
    sent = find_objects(item, "tags")
    own = {_code(group) for group in sent}
    named = (group for group in find_objects(order, "tags") if _code(group) in shared)
    return [*sent, *(group for group in named if _code(group) not in own)]


def _place(item: Mapping[str, Any], number: int) -> str:
    """Return the id of the fulfilment of an item; one that names none is given one."""
    return find_text(item, _PLACES, 0) or f"line-{number + 1}"


def _names(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return under which id the fulfilment of each line is told; those that share one are told apart."""
    names: list[str] = []
    for number, each in enumerate(lines):
        name = _place(find_object(each, "items", 0), number)
        while name in names:
            name = f"{name}-{number + 1}"
        names.append(name)
    return names


def _own_fulfillments(order: Mapping[str, Any], number: int, name: str) -> list[Json]:
    """Return the line's own fulfilment and what was cut from it; else the order's, under the line's name."""
    sent = find_objects(order, "fulfillments")
    named = [entry for entry in sent if find_text(entry, "id") in (name, f"curtailment-{name}")]
    if named:
        return named
    shared = sent[number : number + 1] or sent[:1] or [{}]
    return [shared[0] | {"id": name}]


def _quote(order: Mapping[str, Any], name: str) -> Json:
    """Return what the parts of the price come to that are the line's; nothing if none say so."""
    parts = [
        part
        for part in find_objects(order, "quote", "breakup")
        if find_text(part, "item", _PLACES, 0) == name
    ]
    if not parts:
        return {}
    path = PATHS[Field.TOTAL]
    amounts = (read_decimal(find_object(part, "price").get("value"), path=path) for part in parts)
    total = sum(amounts, Decimal(0))
    currency = find_text(parts[0], "price", "currency")
    return {"price": {"currency": currency, "value": plain(total)}, "breakup": parts}


def _item(order: Mapping[str, Any], name: str) -> Json:
    item, bag = find_object(order, "items", 0), own_bag(find_object(order, _BAG))
    told = [group for group in find_objects(order, "tags") if _code(group) in _OWN]
    codes = {_code(group) for group in told}
    sent = [group for group in find_objects(item, "tags") if _code(group) not in codes]
    further: Json = {"tags": [*sent, *told], _BAG: bag}
    return item | {_PLACES: [name]} | {key: value for key, value in further.items() if value}


def _code(group: Mapping[str, Any]) -> str | None:
    return find_text(group, "descriptor", "code")


def _fulfillments(lines: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Json]:
    """Return the fulfilment of each line under its name, then what was cut, then what is nobody's."""
    own: list[Json] = []
    cuts: list[Json] = []
    for each, name in zip(lines, names, strict=True):
        first, *further = find_objects(each, "fulfillments") or [{}]
        if first:
            own.append(first | {"id": name})
        cuts += [
            entry | {"id": f"curtailment-{name}"} for entry in further if entry.get("type") == "CURTAILMENT"
        ]
    return [*own, *cuts]
