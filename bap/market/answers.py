"""What sellers answer, read from whatever wire it came on into plain words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel, Field

from bap.market.amounts import plain
from bap.market.bills import read_breakup
from bap.market.requests import Asked, RequestView
from protocol.actions import Action
from trading.mapping.wire import Wire
from trading.refusals import FieldInvalid

Json = dict[str, Any]


class RatingSummaryView(BaseModel):
    """What all buyers think of it."""

    count: int
    average: str | None = Field(description="Out of five; null if nobody has rated it.")


class TicketView(BaseModel):
    """What was asked about, as the seller's people keep it; who asks again has the same."""

    id: str
    status: str = Field(description="open, answered or closed.")
    answer: str | None = Field(None, description="What was said to it last.")


class ContactView(BaseModel):
    """Whom to ask."""

    name: str
    phone: str | None = None
    email: str | None = None
    url: str | None = None
    hours: str | None = None
    ticket: TicketView | None = Field(None, description="Where the seller tells it.")


class TrackingView(BaseModel):
    """Where the delivery can be followed."""

    url: str


class AnswerView(RequestView):
    """Something that was asked of the seller, and what the seller said; one of the three, once it is done."""

    rating: RatingSummaryView | None = None
    contact: ContactView | None = None
    tracking: TrackingView | None = None


def read_result(action: Action, message: Mapping[str, Any], wire: Wire, *, lines: int = 1) -> Json | None:
    """Return what the answer to `action` says, None where it says all in the order.

    `lines` is how many lines were asked about. Raises: FieldInvalid.
    """
    if action is Action.SELECT:
        return _price(message, wire, lines)
    read = _READERS.get(action)
    return None if read is None else read(message, wire)


def tell_answer(asked: Asked, view: RequestView) -> AnswerView:
    """Return a request with its answer."""
    result = asked.result if asked.action is not Action.SELECT else None
    return AnswerView(**view.model_dump(), **(result or {}))


def _price(message: Mapping[str, Any], wire: Wire, lines: int) -> Json:
    """Return the price that is quoted, with `each` line's, if those come to it."""
    order = message.get(wire.ORDER_KEY)
    if not isinstance(order, dict):
        raise FieldInvalid("the answer names no price")
    alone = wire.split_order(order)
    if len(alone) != lines:
        raise FieldInvalid(f"the answer is about {len(alone)} lines, asked were {lines}")
    value = wire.find_parts(order).value
    if value is None:
        raise FieldInvalid("the answer names no price")
    whole = read_breakup(value).model_dump()
    each = [] if lines == 1 else _prices(alone, wire)
    return whole | ({"each": each} if _come_to(whole, each) else {})


def _prices(alone: Sequence[Json], wire: Wire) -> list[Json]:
    """Return the price of each line, nothing unless all have one."""
    values = [wire.find_parts(line).value for line in alone]
    told = [read_breakup(value).model_dump() for value in values if value is not None]
    return told if len(told) == len(alone) else []


def _come_to(whole: Json, each: Sequence[Json]) -> bool:
    """Say whether the prices of all lines are in one currency and add up to that of the whole."""
    if {price["total"]["currency"] for price in each} != {whole["total"]["currency"]}:
        return False
    return sum(Decimal(price["total"]["amount"]) for price in each) == Decimal(whole["total"]["amount"])


def _rating(message: Mapping[str, Any], wire: Wire) -> Json:
    summary = wire.read_aggregate(message)
    mean = None if summary.mean is None else plain(summary.mean)
    return {"rating": RatingSummaryView(count=summary.count, average=mean).model_dump()}


def _contact(message: Mapping[str, Any], wire: Wire) -> Json:
    contact, ticket = wire.read_contact(message), wire.read_ticket(message)
    told = ContactView(
        name=contact.name,
        phone=contact.phone,
        email=contact.email,
        url=contact.url,
        hours=contact.hours,
        ticket=ticket
        and TicketView(id=ticket.id, status=ticket.status.lower(), answer=ticket.answer or None),
    )
    return {"contact": told.model_dump(exclude_none=True)}


def _tracking(message: Mapping[str, Any], wire: Wire) -> Json:
    return {"tracking": TrackingView(url=wire.read_tracking(message)).model_dump()}


_READERS: Final[Mapping[Action, Callable[[Mapping[str, Any], Wire], Json]]] = {
    Action.RATING: _rating,
    Action.SUPPORT: _contact,
    Action.TRACK: _tracking,
}
