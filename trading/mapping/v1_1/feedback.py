"""Ratings, support and tracking: the small messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trading.contract import Contract
from trading.fields import Field
from trading.mapping.bags.amounts import plain
from trading.mapping.find import (
    Json,
    find_object,
    find_objects,
    find_text,
    read_decimal,
    reading,
    without_none,
)
from trading.mapping.v1_1.paths import PATHS
from trading.offer import SupportContact
from trading.refusals import FieldMissing
from trading.request import BEST_RATING, WORST_RATING, Inquiry, Rating, RatingSummary, TicketNote


def read_ratings(message: Mapping[str, Any]) -> list[Rating]:
    """Return the ratings; one that names no scale is out of five. Raises: FieldInvalid, FieldMissing."""
    return [_read_rating(rating, index) for index, rating in enumerate(find_objects(message, "ratings"))]


def write_ratings(ratings: Sequence[Rating]) -> Json:
    """Return the message of a rating; the scale and the words stand beside what the schema has."""
    return {
        "ratings": [
            without_none(
                {
                    "id": rating.target_id,
                    "rating_category": rating.category.capitalize(),
                    "value": plain(rating.value),
                    "worst": plain(rating.worst),
                    "best": plain(rating.best),
                    "feedback": dict(rating.feedback) or None,
                }
            )
            for rating in ratings
        ]
    }


def write_aggregate(_ratings: Sequence[Rating], summary: RatingSummary) -> Json:
    """Return the answer to ratings: no more is asked, and what all of them come to out of five."""
    mean = None if summary.mean is None else plain(summary.mean)
    return {
        "feedback_form": {"required": False},
        "summary": without_none({"count": summary.count, "value": mean}),
    }


def read_aggregate(message: Mapping[str, Any]) -> RatingSummary:
    """Return what all ratings come to. Raises: FieldInvalid."""
    with reading("the summary"):
        summary = message["summary"]
        mean = read_decimal(summary["value"], path="$.message.summary.value") if "value" in summary else None
        return RatingSummary(count=summary["count"], mean=mean)


def read_support(message: Mapping[str, Any]) -> Inquiry:
    """Return what support is asked about: an order, unless it says of what kind it is."""
    support = find_object(message, "support")
    target = find_text(support, "ref_id")
    if target is None:
        return Inquiry(category="OTHER", target_id="")
    return Inquiry(category=(find_text(support, "ref_type") or "ORDER").upper(), target_id=target)


def write_support(inquiry: Inquiry) -> Json:
    """Return the message that asks for support."""
    return {"support": {"ref_id": inquiry.target_id, "ref_type": inquiry.category}}


def write_contact(inquiry: Inquiry, contact: SupportContact, ticket: TicketNote | None = None) -> Json:
    """Return how to reach the people behind what was asked about; the ticket is beside the schema."""
    told = {
        "ref_id": inquiry.target_id,
        "phone": contact.phone,
        "email": contact.email,
        "url": contact.url,
        "name": contact.name,
        "hours": contact.hours,
        "ticket": ticket
        and without_none({"id": ticket.id, "status": ticket.status, "answer": ticket.answer or None}),
    }
    return {"support": without_none(told)}


def read_contact(message: Mapping[str, Any]) -> SupportContact:
    """Return the contact that is told."""
    support = find_object(message, "support")
    return SupportContact(
        name=find_text(support, "name") or "",
        phone=find_text(support, "phone"),
        email=find_text(support, "email"),
        url=find_text(support, "url"),
        hours=find_text(support, "hours"),
    )


def read_ticket(message: Mapping[str, Any]) -> TicketNote | None:
    """Return the ticket under which support knows of what was asked, None if none is told."""
    told = find_object(message, "support", "ticket")
    ticket_id, status = find_text(told, "id"), find_text(told, "status")
    if ticket_id is None or status is None:
        return None
    return TicketNote(id=ticket_id, status=status, answer=find_text(told, "answer") or "")


def write_tracking(contract: Contract, *, url: str) -> Json:
    """Return where a contract's delivery can be followed."""
    status = "active" if contract.is_open else "inactive"
    return {"tracking": {"id": contract.id, "url": url, "status": status}}


def read_tracking(message: Mapping[str, Any]) -> str:
    """Return the address by which the delivery is followed. Raises: FieldInvalid."""
    with reading("the tracking"):
        return str(message["tracking"]["url"])


def _read_rating(rating: Mapping[str, Any], index: int) -> Rating:
    target = find_text(rating, "id")
    if target is None:
        raise FieldMissing("the rating names nothing", path=PATHS[Field.RATED].format(index=index))
    path = PATHS[Field.RATING].format(index=index)
    return Rating(
        target_id=target,
        category=(find_text(rating, "rating_category") or "ORDER").upper(),
        value=read_decimal(rating.get("value"), path=path),
        worst=read_decimal(rating.get("worst", WORST_RATING), path=path),
        best=read_decimal(rating.get("best", BEST_RATING), path=path),
        feedback=find_object(rating, "feedback"),
    )
