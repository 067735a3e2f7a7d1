"""Ratings, support and tracking: the small messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trading.contract import Contract
from trading.fields import Field
from trading.mapping.bags.support_info import read_support_info, write_support_info
from trading.mapping.find import Json, find_object, find_text, read_decimal, reading, without_none
from trading.mapping.v2_lts.contract import write_agreed_commitment
from trading.mapping.v2_lts.paths import PATHS
from trading.offer import SupportContact
from trading.refusals import FieldMissing
from trading.request import BEST_RATING, WORST_RATING, Inquiry, Rating, RatingSummary, TicketNote

_ORDER: Final = "ORDER"
_TICKET: Final = "Ticket "


def read_ratings(message: Mapping[str, Any]) -> list[Rating]:
    """Return the ratings; one that names no scale is out of five. Raises: FieldInvalid, FieldMissing."""
    return [_read_rating(rating, index) for index, rating in enumerate(message["ratingInputs"])]


def write_ratings(ratings: Sequence[Rating]) -> Json:
    """Return the message of a rate."""
    return {"ratingInputs": [_rating(rating) for rating in ratings]}


def write_aggregate(ratings: Sequence[Rating], summary: RatingSummary) -> Json:
    """Return the answer to ratings: each of them, with what all of them come to out of five."""
    told = without_none({"count": summary.count, "mean": summary.mean})
    written = (_rating(rating) for rating in ratings)
    return {"ratings": [rating | {"range": rating["range"] | told} for rating in written]}


def read_aggregate(message: Mapping[str, Any]) -> RatingSummary:
    """Return what all ratings come to. Raises: FieldInvalid."""
    with reading("the ratings"):
        told = message["ratings"][0]["range"]
        return RatingSummary(count=told["count"], mean=told.get("mean"))


def read_support(message: Mapping[str, Any]) -> Inquiry:
    """Return what support is asked about: a contract, or what its descriptor names."""
    support = find_object(message, "support")
    if order_id := find_text(support, "orderId"):
        return Inquiry(category=_ORDER, target_id=order_id)
    category = find_text(support, "descriptor", "code") or "OTHER"
    return Inquiry(category=category.upper(), target_id=find_text(support, "descriptor", "name") or "")


def write_support(inquiry: Inquiry) -> Json:
    """Return the message that asks for support."""
    return {"support": _inquiry(inquiry)}


def write_contact(inquiry: Inquiry, contact: SupportContact, ticket: TicketNote | None = None) -> Json:
    """Return how to reach the people behind what was asked about; the descriptor is of the ticket."""
    named = {"orderId": inquiry.target_id} if inquiry.category == _ORDER else {}
    channel = write_support_info(contact)
    about = {} if ticket is None else {"code": ticket.id, "shortDesc": f"{_TICKET}{ticket.status}"}
    if ticket is not None and ticket.answer:
        about["longDesc"] = ticket.answer
    return {"support": named | {"descriptor": {"name": contact.name} | about, "channels": [channel]}}


def read_contact(message: Mapping[str, Any]) -> SupportContact:
    """Return the contact that is told. Raises: FieldInvalid."""
    with reading("the contact"):
        return read_support_info(message["support"]["channels"][0])


def read_ticket(message: Mapping[str, Any]) -> TicketNote | None:
    """Return the ticket under which support knows of what was asked, None if the descriptor is of none."""
    told = find_object(message, "support", "descriptor")
    ticket_id, words = find_text(told, "code"), find_text(told, "shortDesc") or ""
    if ticket_id is None or not words.startswith(_TICKET):
        return None
    return TicketNote(
        id=ticket_id, status=words.removeprefix(_TICKET), answer=find_text(told, "longDesc") or ""
    )


def write_tracking(contract: Contract, *, url: str) -> Json:
    """Return where a contract's delivery can be followed."""
    known = {"id": contract.id, "commitments": [write_agreed_commitment(contract)]}
    status = "ACTIVE" if contract.is_open else "INACTIVE"
    return {"tracking": {"contract": known, "url": url, "status": status}}


def read_tracking(message: Mapping[str, Any]) -> str:
    """Return the address by which the delivery is followed. Raises: FieldInvalid."""
    with reading("the tracking"):
        return str(message["tracking"]["url"])


def _inquiry(inquiry: Inquiry) -> Json:
    if inquiry.category == _ORDER:
        return {"orderId": inquiry.target_id}
    return {"descriptor": {"code": inquiry.category, "name": inquiry.target_id}}


def _rating(rating: Rating) -> Json:
    words = {key: str(value) for key, value in rating.feedback.items()}
    return without_none(
        {
            "target": {"id": rating.target_id, "descriptor": {"code": rating.category}},
            "range": {"min": rating.worst, "max": rating.best, "value": rating.value},
            "feedbackFormSubmission": {"data": words} if words else None,
        }
    )


def _read_rating(rating: Mapping[str, Any], index: int) -> Rating:
    target = find_text(rating, "target", "id")
    if target is None:
        raise FieldMissing("the rating names nothing", path=PATHS[Field.RATED].format(index=index))
    path, scale = PATHS[Field.RATING].format(index=index), rating["range"]
    return Rating(
        target_id=target,
        category=(find_text(rating, "target", "descriptor", "code") or _ORDER).upper(),
        value=read_decimal(scale.get("value"), path=path),
        worst=read_decimal(scale.get("min", WORST_RATING), path=path),
        best=read_decimal(scale.get("max", BEST_RATING), path=path),
        feedback=find_object(rating, "feedbackFormSubmission", "data"),
    )
