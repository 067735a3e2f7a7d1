"""What each call does, without doing any of it: steps that are sent, and answers that come back.

A flow yields what is to be sent or how long to pause, is handed the outcome, and returns a model.
Ordinary code and asyncio run the very same flows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypedDict, Unpack

from degnode.client.errors import PurchaseFailed, StillWaiting
from degnode.client.models import Bill, Offer, Order, OrderPage, OrderSummary, Problem, Quote, Search
from degnode.client.order_flows import ordered, require_no
from degnode.client.steps import WAIT, Flow, Kwh, Pause, Times, get, post, span_of, text_of

_LOOK_AGAIN: Final = 1.0  # s
_OVER: Final = frozenset({"completed", "cancelled", "failed"})


class Choices(TypedDict, total=False):
    """What else may be said of what is bought; what is left out is the seller's or the account's to say."""

    buyer: str | None
    """How the seller is told who buys."""
    utility: str | None
    """Who runs the grid at the meter, by its name in the network."""
    payment: str | None
    """`prepaid` or `postpaid`, where the offer has both."""
    code: str | None
    """A code of the seller's by which it is cheaper."""


@dataclass(frozen=True, slots=True)
class Item:
    """How much of an offer, and when: one of several that are bought together."""

    offer: Offer | str
    kwh: Kwh
    window: Times | None = None
    code: str | None = None
    """A code of the seller's by which it is cheaper."""


def search(  # noqa: PLR0913  what may be looked for
    words: str | None = None,
    *,
    source: str | None = None,
    price_at_most: Kwh | None = None,
    kwh_at_least: Kwh | None = None,
    connector: str | None = None,
    near: tuple[Kwh, Kwh, int] | None = None,
    window: Times | None = None,
    sellers: Collection[str] | None = None,
    wait: float = WAIT,
) -> Flow[Search]:
    """Ask sellers what they have; all of the network, up to 50, unless `sellers` are named.

    `near` is a latitude, a longitude and a radius in metres.
    """
    form = {
        "words": words,
        "source": source,
        "price_at_most": text_of(price_at_most),
        "kwh_at_least": text_of(kwh_at_least),
        "connector": connector,
        "near": None if near is None else _circle(near),
        "window": span_of(window),
        "sellers": None if sellers is None else list(sellers),
    }
    return Search.model_validate((yield from post("/offers/search", form, wait=wait)))


def get_search(search_id: str, *, cursor: str | None = None, wait: float | None = None) -> Flow[Search]:
    """Return a search with a page of what it has found so far."""
    params = {"cursor": cursor} if cursor else {}
    return Search.model_validate((yield from get(f"/searches/{search_id}", params, wait=wait)))


def quote(
    offer: Offer | str,
    kwh: Kwh,
    *,
    meter: str | None = None,
    window: Times | None = None,
    wait: float = WAIT,
    **choices: Unpack[Choices],
) -> Flow[Quote]:
    """Return what a quantity of an offer costs.

    Raises: PurchaseFailed, if the seller names no price; StillWaiting, if it has not answered.
    """
    form = {
        "offer_id": offer if isinstance(offer, str) else offer.id,
        "kwh": text_of(kwh),
        "meter": meter,
        "window": span_of(window),
        **choices,
    }
    told = Quote.model_validate((yield from post("/quotes", form, wait=wait)))
    return _quoted(told)


def quote_together(
    items: Sequence[Item],
    *,
    meter: str | None = None,
    wait: float = WAIT,
    **choices: Unpack[Choices],
) -> Flow[Quote]:
    """Return what several offers of one seller cost together; each is a line of the quote.

    Raises: PurchaseFailed, if the seller names no price; StillWaiting, if it has not answered.
    """
    form = {
        "items": [_item(each) for each in items],
        "meter": meter,
        **choices,
    }
    return _quoted(Quote.model_validate((yield from post("/quotes", form, wait=wait))))


def get_quote(quote_id: str, *, wait: float | None = None) -> Flow[Quote]:
    """Return a quote as it stands."""
    return Quote.model_validate((yield from get(f"/quotes/{quote_id}", {}, wait=wait)))


def order(priced: Quote | str, *, confirm: bool = False, wait: float = WAIT) -> Flow[Order]:
    """Have the seller hold what was quoted; buy it at once, at that price, if `confirm`.

    Raises: PurchaseFailed, if it comes to nothing; StillWaiting, if the seller was silent.
    """
    quote_id = priced if isinstance(priced, str) else priced.id
    form = {"quote_id": quote_id, "confirm": confirm}
    return ordered(Order.model_validate((yield from post("/orders", form, wait=wait))))


def buy(
    offer: Offer | str,
    kwh: Kwh,
    *,
    meter: str | None = None,
    window: Times | None = None,
    **choices: Unpack[Choices],
) -> Flow[Order]:
    """Quote, hold and buy: return the order once it binds.

    Raises: PurchaseFailed, if it comes to nothing; StillWaiting, if the seller takes too long.
    """
    priced = yield from quote(offer, kwh, meter=meter, window=window, **choices)
    return (yield from _bought(priced))


def buy_together(
    items: Sequence[Item], *, meter: str | None = None, **choices: Unpack[Choices]
) -> Flow[Order]:
    """Quote, hold and buy several offers of one seller: return the order once all of it binds.

    Raises: PurchaseFailed, if it comes to nothing; StillWaiting, if the seller takes too long.
    """
    priced = yield from quote_together(items, meter=meter, **choices)
    return (yield from _bought(priced))


def orders(*, status: str | None = None, since: datetime | None = None) -> Flow[list[OrderSummary]]:
    """Return all orders, the latest first, page after page."""
    found: list[OrderSummary] = []
    cursor: str | None = None
    while True:
        page = yield from order_page(status=status, since=since, cursor=cursor)
        found += page.items
        cursor = page.next
        if cursor is None:
            return found


def order_page(
    *,
    status: str | None = None,
    since: datetime | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Flow[OrderPage]:
    """Return one page of the orders, the latest first."""
    wanted = {"status": status, "since": None if since is None else since.isoformat(), "cursor": cursor}
    params = {key: value for key, value in wanted.items() if value is not None}
    return OrderPage.model_validate((yield from get("/orders", params | {"limit": str(limit)})))


def get_order(order_id: str, *, wait: float | None = None) -> Flow[Order]:
    """Return an order as its seller stated it last."""
    return Order.model_validate((yield from get(f"/orders/{order_id}", {}, wait=wait)))


def bills(order_id: str) -> Flow[list[Bill]]:
    """Return the bills of an order."""
    return [Bill.model_validate(bill) for bill in (yield from get(f"/orders/{order_id}/bills", {}))]


def wait_until(order_id: str, *statuses: str, seconds: float = 60) -> Flow[Order]:
    """Return the order when it has one of the statuses, or when it is over if none is named.

    Raises: StillWaiting, after `seconds`; PurchaseFailed, if it ended otherwise.
    """
    wanted, left = frozenset(statuses) or _OVER, seconds
    while True:
        found = yield from get_order(order_id)
        if found.status in wanted:
            return found
        if found.status in _OVER:
            raise PurchaseFailed(found.problem or _ended(found))
        if left <= 0:
            raise StillWaiting(f"the order {order_id} is {found.status}")
        yield Pause(min(_LOOK_AGAIN, left))
        left -= _LOOK_AGAIN


def _bought(priced: Quote) -> Flow[Order]:
    told = yield from order(priced, confirm=True)
    if told.status in ("active", "completed"):
        return told
    raise StillWaiting(f"the order {told.id} is {told.status}")


def _item(item: Item) -> dict[str, Any]:
    offer = item.offer if isinstance(item.offer, str) else item.offer.id
    window = span_of(item.window)
    told = {"offer_id": offer, "kwh": text_of(item.kwh), "window": window, "code": item.code}
    return {key: value for key, value in told.items() if value is not None}


def _quoted(told: Quote) -> Quote:
    require_no(told.problem)
    if told.price is None:
        raise StillWaiting(f"the quote {told.id} is {told.status}")
    return told


def _ended(order: Order) -> Problem:
    """Return what is wrong with an order that ended otherwise than it was waited for."""
    return Problem(
        type="urn:degnode:problem:wrong-moment",
        title="This cannot be done to it as it stands",
        status=409,
        detail=f"The order {order.id} is {order.status}.",
    )


def _circle(near: tuple[Kwh, Kwh, int]) -> dict[str, str | int]:
    latitude, longitude, metres = near
    return {"latitude": str(latitude), "longitude": str(longitude), "metres": metres}
