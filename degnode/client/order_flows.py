"""What can be done with an order, without doing any of it: each call is one request about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from degnode.client.answers import Answer
from degnode.client.errors import PurchaseFailed, StillWaiting
from degnode.client.models import Order, Problem
from degnode.client.steps import WAIT, Flow, Kwh, get, post, text_of

_SILENT: Final = "urn:degnode:problem:seller-silent"


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


def change(order_id: str, kwh: Kwh, *, line: int | None = None, wait: float = WAIT) -> Flow[Order]:
    """Ask for another quantity; of a line, where there are several. Raises: PurchaseFailed, StillWaiting."""
    return (yield from _move(order_id, "update", {"kwh": text_of(kwh), "line": line}, wait))


def start_session(order_id: str, *, wait: float = WAIT) -> Flow[Order]:
    """Have the station begin to charge. Raises: PurchaseFailed, StillWaiting."""
    return (yield from _move(order_id, "session/start", {}, wait))


def stop_session(order_id: str, *, wait: float = WAIT) -> Flow[Order]:
    """Have the station end charging. Raises: PurchaseFailed, StillWaiting."""
    return (yield from _move(order_id, "session/stop", {}, wait))


def rate(
    order_id: str,
    stars: Kwh,
    *,
    about: str = "order",
    line: int | None = None,
    comment: str | None = None,
    wait: float = WAIT,
) -> Flow[Answer]:
    """Say how good it was, from 0 to 5: the order, the energy (of a line) or the seller."""
    form = {"stars": text_of(stars), "about": about, "line": line, "comment": comment}
    return Answer.model_validate((yield from post(f"/orders/{order_id}/ratings", form, wait=wait)))


def support(order_id: str, *, about: str = "order", wait: float = WAIT) -> Flow[Answer]:
    """Ask whom to ask."""
    answer = yield from post(f"/orders/{order_id}/support", {"about": about}, wait=wait)
    return Answer.model_validate(answer)


def track(order_id: str, *, wait: float = WAIT) -> Flow[Answer]:
    """Ask where the delivery can be followed."""
    return Answer.model_validate((yield from get(f"/orders/{order_id}/tracking", {}, wait=wait)))


def ordered(told: Order) -> Order:
    require_no(told.problem)
    return told


def require_no(problem: Problem | None) -> None:
    """Raises: StillWaiting, if the seller was silent, which may answer yet; else PurchaseFailed."""
    if problem is None:
        return
    if problem.type == _SILENT:
        raise StillWaiting(problem.detail)
    raise PurchaseFailed(problem)


def _move(order_id: str, what: str, form: Mapping[str, Any], wait: float) -> Flow[Order]:
    told = yield from post(f"/orders/{order_id}/{what}", form, wait=wait)
    moved = ordered(Order.model_validate(told))
    if wait and moved.requests and moved.requests[-1].state == "waiting":
        raise StillWaiting(f"the order {order_id} is {moved.status}; its seller has not answered yet")
    return moved
