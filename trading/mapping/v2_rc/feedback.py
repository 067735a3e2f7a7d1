"""Ratings, support and tracking: the small messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas import iris
from trading.contract import Contract
from trading.fields import Field
from trading.mapping.bags.support_info import read_support_info, write_support_info
from trading.mapping.find import Json, read_decimal, reading, without_none
from trading.mapping.v2_rc.paths import PATHS
from trading.offer import SupportContact
from trading.request import BEST_RATING, WORST_RATING, Inquiry, Rating, RatingSummary, TicketNote


def read_ratings(message: Mapping[str, Any]) -> list[Rating]:
    """Return the ratings; one that names no scale is out of five. Raises: FieldInvalid."""
    return [_read_rating(rating, index) for index, rating in enumerate(message["ratings"])]


def write_ratings(ratings: Sequence[Rating]) -> Json:
    """Return the message of a rating."""
    return {
        "ratings": [
            without_none(
                {
                    "@context": iris.CORE_CONTEXT,
                    "@type": "beckn:RatingInput",
                    "id": rating.target_id,
                    "category": rating.category,
                    "ratingValue": rating.value,
                    "worstRating": rating.worst,
                    "bestRating": rating.best,
                    "feedback": dict(rating.feedback) or None,
                }
            )
            for rating in ratings
        ]
    }


def write_aggregate(_ratings: Sequence[Rating], summary: RatingSummary) -> Json:
    """Return the answer to ratings: they came, and what all of them come to out of five."""
    scale = (
        {} if summary.mean is None else {"value": summary.mean, "best": BEST_RATING, "worst": WORST_RATING}
    )
    return {"received": True, "aggregate": {"count": summary.count} | scale}


def read_aggregate(message: Mapping[str, Any]) -> RatingSummary:
    """Return what all ratings come to. Raises: FieldInvalid."""
    with reading("the aggregate"):
        aggregate = message["aggregate"]
        return RatingSummary(count=aggregate["count"], mean=aggregate.get("value"))


def read_support(message: Mapping[str, Any]) -> Inquiry:
    """Return what support is asked about."""
    return Inquiry(category=message["refType"], target_id=message["refId"])


def write_support(inquiry: Inquiry) -> Json:
    """Return the message that asks for support."""
    return {"refId": inquiry.target_id, "refType": inquiry.category}


def write_contact(_inquiry: Inquiry, contact: SupportContact, _ticket: TicketNote | None = None) -> Json:
    """Return how to reach the people behind what was asked about; there is no place for a ticket."""
    return {"support": write_support_info(contact)}


def read_contact(message: Mapping[str, Any]) -> SupportContact:
    """Return the contact that is told. Raises: FieldInvalid."""
    with reading("the contact"):
        return read_support_info(message["support"])


def read_ticket(_message: Mapping[str, Any]) -> TicketNote | None:
    """Return nothing: there is no place for a ticket."""
    return None


def write_tracking(contract: Contract, *, url: str) -> Json:
    """Return where a contract's delivery can be followed."""
    return {"tracking": {"id": contract.id, "url": url}}


def read_tracking(message: Mapping[str, Any]) -> str:
    """Return the address by which the delivery is followed. Raises: FieldInvalid."""
    with reading("the tracking"):
        return str(message["tracking"]["url"])


def _read_rating(rating: Mapping[str, Any], index: int) -> Rating:
    path = PATHS[Field.RATING].format(index=index)
    return Rating(
        target_id=rating["id"],
        category=rating.get("category", "ORDER"),
        value=read_decimal(rating["ratingValue"], path=path),
        worst=read_decimal(rating.get("worstRating", WORST_RATING), path=path),
        best=read_decimal(rating.get("bestRating", BEST_RATING), path=path),
        feedback=rating.get("feedback", {}),
    )
