"""What each call does, without doing any of it: steps that are sent, and answers that come back.

A flow yields what is to be sent or how long to pause, is handed the outcome, and returns a model.
Ordinary code and asyncio run the very same flows.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypedDict, TypeVar, Unpack
from uuid import uuid4

from degnode.client.errors import MarketProblem, MarketUnreachable, PurchaseFailed, StillWaiting
from degnode.client.models import (
    Answer,
    Bill,
    Offer,
    Order,
    OrderPage,
    OrderSummary,
    Problem,
    Quote,
    Search,
)

WAIT: Final = 10.0
"""Seconds that one request waits for sellers."""

_PAUSES: Final = (0.2, 0.5, 1.0, 2.0)  # s; between tries
AGAIN: Final = frozenset({429, 500, 502, 503, 504})
"""Statuses of what may be over soon."""

_LOOK_AGAIN: Final = 1.0  # s
_SILENT: Final = "urn:degnode:problem:seller-silent"
_OVER: Final = frozenset({"completed", "cancelled", "failed"})


class Choices(TypedDict, total=False):
    """What else may be said of what is bought; what is left out is the seller's or the account's to say."""

    buyer: str | None
    """How the seller is told who buys."""
    utility: str | None
    """Who runs the grid at the meter, by its name in the network."""
    payment: str | None
    """`prepaid` or `postpaid`, where the offer has both."""


Kwh = Decimal | int | str
Times = tuple[datetime, datetime]
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A request that may be sent again: it reads, or bears an Idempotency-Key."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pause:
    """So many seconds of nothing."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a step: an answer, or `failure` when there was none."""

    status: int = 0
    content: Any = None
    retry_after: float | None = None
    failure: str | None = None


Flow = Generator[Send | Pause, Outcome, R]


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
        "price_at_most": _text(price_at_most),
        "kwh_at_least": _text(kwh_at_least),
        "connector": connector,
        "near": None if near is None else _circle(near),
        "window": _span(window),
        "sellers": None if sellers is None else list(sellers),
    }
    return Search.model_validate((yield from _post("/offers/search", form, wait=wait)))


def get_search(search_id: str, *, cursor: str | None = None, wait: float | None = None) -> Flow[Search]:
    """Return a search with a page of what it has found so far."""
    params = {"cursor": cursor} if cursor else {}
    return Search.model_validate((yield from _get(f"/searches/{search_id}", params, wait=wait)))


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
        "kwh": _text(kwh),
        "meter": meter,
        "window": _span(window),
        **choices,
    }
    told = Quote.model_validate((yield from _post("/quotes", form, wait=wait)))
    return _quoted(told)


def get_quote(quote_id: str, *, wait: float | None = None) -> Flow[Quote]:
    """Return a quote as it stands."""
    return Quote.model_validate((yield from _get(f"/quotes/{quote_id}", {}, wait=wait)))


def order(priced: Quote | str, *, confirm: bool = False, wait: float = WAIT) -> Flow[Order]:
    """Have the seller hold what was quoted; buy it at once, at that price, if `confirm`.

    Raises: PurchaseFailed, if it comes to nothing; StillWaiting, if the seller was silent.
    """
    quote_id = priced if isinstance(priced, str) else priced.id
    form = {"quote_id": quote_id, "confirm": confirm}
    return _ordered(Order.model_validate((yield from _post("/orders", form, wait=wait))))


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
    bought = yield from order(priced, confirm=True)
    if bought.status in ("active", "completed"):
        return bought
    raise StillWaiting(f"the order {bought.id} is {bought.status}")


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
    return OrderPage.model_validate((yield from _get("/orders", params | {"limit": str(limit)})))


def get_order(order_id: str, *, wait: float | None = None) -> Flow[Order]:
    """Return an order as its seller stated it last."""
    return Order.model_validate((yield from _get(f"/orders/{order_id}", {}, wait=wait)))


def bills(order_id: str) -> Flow[list[Bill]]:
    """Return the bills of an order."""
    return [Bill.model_validate(bill) for bill in (yield from _get(f"/orders/{order_id}/bills", {}))]


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


def confirm(order_id: str, *, wait: float = WAIT) -> Flow[Order]:
    """Buy what is held, at the price that the order shows. Raises: PurchaseFailed, StillWaiting."""
    return (yield from _move(order_id, "confirm", {}, wait))


def cancel(order_id: str, *, reason: str | None = None, wait: float = WAIT) -> Flow[Order]:
    """End an order; what was delivered until then is billed. Raises: PurchaseFailed, StillWaiting."""
    return (yield from _move(order_id, "cancel", {"reason": reason}, wait))


def accept_proposal(order_id: str, proposal_id: str, *, wait: float = WAIT) -> Flow[Order]:
    """Agree to what the seller proposes. Raises: PurchaseFailed, StillWaiting."""
    form = {"proposal_id": proposal_id, "answer": "accept"}
    return (yield from _move(order_id, "proposal", form, wait))


def refuse_proposal(order_id: str, proposal_id: str, *, wait: float = WAIT) -> Flow[Order]:
    """Keep the order as it is. Raises: PurchaseFailed, StillWaiting."""
    form = {"proposal_id": proposal_id, "answer": "refuse"}
    return (yield from _move(order_id, "proposal", form, wait))


def change(order_id: str, kwh: Kwh, *, wait: float = WAIT) -> Flow[Order]:
    """Ask for another quantity. Raises: PurchaseFailed, StillWaiting."""
    return (yield from _move(order_id, "update", {"kwh": _text(kwh)}, wait))


def start_session(order_id: str, *, wait: float = WAIT) -> Flow[Order]:
    """Have the station begin to charge. Raises: PurchaseFailed, StillWaiting."""
    return (yield from _move(order_id, "session/start", {}, wait))


def stop_session(order_id: str, *, wait: float = WAIT) -> Flow[Order]:
    """Have the station end charging. Raises: PurchaseFailed, StillWaiting."""
    return (yield from _move(order_id, "session/stop", {}, wait))


def rate(
    order_id: str, stars: Kwh, *, about: str = "order", comment: str | None = None, wait: float = WAIT
) -> Flow[Answer]:
    """Say how good it was, from 0 to 5: the order, the energy or the seller."""
    form = {"stars": _text(stars), "about": about, "comment": comment}
    return Answer.model_validate((yield from _post(f"/orders/{order_id}/ratings", form, wait=wait)))


def support(order_id: str, *, about: str = "order", wait: float = WAIT) -> Flow[Answer]:
    """Ask whom to ask."""
    answer = yield from _post(f"/orders/{order_id}/support", {"about": about}, wait=wait)
    return Answer.model_validate(answer)


def track(order_id: str, *, wait: float = WAIT) -> Flow[Answer]:
    """Ask where the delivery can be followed."""
    return Answer.model_validate((yield from _get(f"/orders/{order_id}/tracking", {}, wait=wait)))


def _move(order_id: str, what: str, form: Mapping[str, Any], wait: float) -> Flow[Order]:
    told = yield from _post(f"/orders/{order_id}/{what}", form, wait=wait)
    moved = _ordered(Order.model_validate(told))
    if wait and moved.requests and moved.requests[-1].state == "waiting":
        raise StillWaiting(f"the order {order_id} is {moved.status}; its seller has not answered yet")
    return moved


def _quoted(told: Quote) -> Quote:
    _require_no(told.problem)
    if told.price is None:
        raise StillWaiting(f"the quote {told.id} is {told.status}")
    return told


def _ordered(told: Order) -> Order:
    _require_no(told.problem)
    return told


def _require_no(problem: Problem | None) -> None:
    """Raises: StillWaiting, if the seller was silent, which may answer yet; else PurchaseFailed."""
    if problem is None:
        return
    if problem.type == _SILENT:
        raise StillWaiting(problem.detail)
    raise PurchaseFailed(problem)


def _ended(order: Order) -> Problem:
    """Return what is wrong with an order that ended otherwise than it was waited for."""
    return Problem(
        type="urn:degnode:problem:wrong-moment",
        title="This cannot be done to it as it stands",
        status=409,
        detail=f"The order {order.id} is {order.status}.",
    )


def _get(path: str, params: Mapping[str, str], *, wait: float | None = None) -> Flow[Any]:
    return (yield from _perform(Send(method="GET", path=path, params={**params, **_waiting(wait)})))


def _post(path: str, form: Mapping[str, Any], *, wait: float) -> Flow[Any]:
    body = {key: value for key, value in form.items() if value is not None}
    headers = {"Idempotency-Key": str(uuid4())}  # so that it can be sent again
    call = Send(method="POST", path=path, params=_waiting(wait), body=body or None, headers=headers)
    return (yield from _perform(call))


def _perform(call: Send) -> Flow[Any]:
    """Return the answer's content; what may be over soon is tried again."""
    outcome = Outcome(failure="nothing was sent")
    for pause in (*_PAUSES, None):
        outcome = yield call
        if outcome.failure is None and outcome.status not in AGAIN:
            break
        if pause is not None:
            yield Pause(max(pause, outcome.retry_after or 0))
    if outcome.failure is not None:
        raise MarketUnreachable(f"{call.method} {call.path}: {outcome.failure}")
    if outcome.status < 400:
        return outcome.content
    raise refusal_of(outcome, f"{call.method} {call.path}")


def refusal_of(outcome: Outcome, what: str) -> MarketProblem | MarketUnreachable:
    """Return the error of an answer that says no: the BAP's own words, if they are such."""
    if not isinstance(outcome.content, dict) or "type" not in outcome.content:
        return MarketUnreachable(f"{what}: it answered {outcome.status}")
    return MarketProblem(Problem.model_validate(outcome.content))


def _waiting(wait: float | None) -> dict[str, str]:
    return {} if not wait else {"wait": f"{wait:g}"}


def _text(number: Kwh | None) -> str | None:
    if isinstance(number, float):
        raise TypeError(f"write {number!r} as a Decimal, an int or text: floats are not exact")
    return None if number is None else str(number)


def _span(window: Times | None) -> dict[str, str] | None:
    return None if window is None else {"start": window[0].isoformat(), "end": window[1].isoformat()}


def _circle(near: tuple[Kwh, Kwh, int]) -> dict[str, str | int]:
    latitude, longitude, metres = near
    return {"latitude": str(latitude), "longitude": str(longitude), "metres": metres}
