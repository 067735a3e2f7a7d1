"""The parts of an order that people look for, wherever its generation puts them."""

from __future__ import annotations

from dataclasses import dataclass

from trading.mapping.find import Json
from trading.terms import PaymentTiming


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderParts:
    """What an order says of itself; None is what it leaves out or says in no known way.

    `contract` and `delivery` are bags of attributes, `value` is the price: `value`, `currency`, `components`.
    `proposal` is a change that a side proposed, with what became of it. `payment` is how it
    is paid.
    """

    order_id: str | None
    status: str | None
    contract: Json | None
    delivery: Json | None
    value: Json | None
    proposal: Json | None = None
    payment: PaymentTiming | None = None
