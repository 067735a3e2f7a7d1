"""Contracts of several commitments: taken apart into contracts of one each, and put together again.

A commitment says in a bag of its own what a contract of one says in its attributes, and has its own price.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trading.fields import Field
from trading.mapping.bags.line import line_bag, own_bag
from trading.mapping.find import Json, find, find_object, find_objects, find_text
from trading.mapping.v2_lts.flows import SETTLED
from trading.mapping.v2_lts.paths import PATHS
from trading.order_lines import require_few

_BAG: Final = "contractAttributes"
_PRICE: Final = "consideration"
_SERIES: Final = "commitmentAttributes"
_TIMES: Final = ("tradeStartTime", "tradeEndTime")


def split_order(contract: Mapping[str, Any]) -> list[Json]:
    """Return a contract of one commitment for each.

    Of one commitment, which has no bag of its own, it is the contract itself. Raises: FieldInvalid.
    """
    commitments = find_objects(contract, "commitments")
    require_few(len(commitments), path=PATHS[Field.ITEMS])
    if len(commitments) < 2 and not find_object(commitments, 0, _BAG):
        return [dict(contract)]
    return [_alone(contract, number, each) for number, each in enumerate(commitments, start=1)]


def join_order(whole: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> Json:
    """Return `whole`, which speaks of all lines together, with the commitments of contracts of one each."""
    names = _names(lines)
    joined: Json = {
        "commitments": [_commitment(name, each) for name, each in zip(names, lines, strict=True)],
        "performance": [
            entry | {"commitmentIds": [name]}
            for name, each in zip(names, lines, strict=True)
            for entry in find_objects(each, "performance")
        ],
    }
    return dict(whole) | {key: value for key, value in joined.items() if value}


def _alone(contract: Mapping[str, Any], number: int, commitment: Mapping[str, Any]) -> Json:
    name = _name(commitment, number)
    kept = {key: value for key, value in contract.items() if key not in (_PRICE, "performance")}
    price = commitment.get(_PRICE)
    prices = find_objects(contract, _PRICE) if len(find_objects(contract, "commitments")) == 1 else []
    bag = find_object(contract, _BAG)
    if find(commitment, _SERIES, "intervalPeriod") is not None:
        bag = {key: value for key, value in bag.items() if key not in _TIMES}
    roles = {key: value for key, value in find_object(contract, _BAG).items() if key == "roles"}
    own = line_bag(bag, find_object(commitment, _BAG))
    ours: Json = {
        "commitments": [{"id": name} | dict(commitment)],
        _PRICE: [price] if isinstance(price, dict) else prices,
        "performance": [
            entry
            for entry in find_objects(contract, "performance")
            if name in (find(entry, "commitmentIds") or ())
        ],
        _BAG: own | roles if own else {},
    }
    return kept | {key: value for key, value in ours.items() if value}


def _name(commitment: Mapping[str, Any], number: int) -> str:
    return find_text(commitment, "id") or f"commitment-{number}"


def _commitment(name: str, contract: Mapping[str, Any]) -> Json:
    commitment = find_object(contract, "commitments", 0)
    bag = own_bag(find_object(contract, _BAG))
    price = next((each for each in find_objects(contract, _PRICE) if each.get("id") != SETTLED), None)
    further: Json = {_BAG: bag, _PRICE: price}
    named = commitment | {"id": name}
    return named | {key: value for key, value in further.items() if value}


def _names(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return under which id each commitment is told; those that were sent under one are told apart."""
    names: list[str] = []
    for number, each in enumerate(lines, start=1):
        name = _name_of_line(find_object(each, "commitments", 0), number)
        while name in names:
            name = f"{name}-{number}"
        names.append(name)
    return names


def _name_of_line(commitment: Mapping[str, Any], number: int) -> str:
    """Return the id of a commitment; the one that all are given which have none becomes the line's."""
    name = find_text(commitment, "id")
    return f"commitment-{number}" if name is None or (number > 1 and name == "commitment-1") else name
