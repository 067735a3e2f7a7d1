"""Ratings, support and tracking: the small messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from schemas import iris
from trading.offer import Provider
from trading.request import Rating

_BEST: Final = Decimal(5)
_WORST: Final = Decimal(0)


def read_ratings(message: Mapping[str, Any]) -> list[Rating]:
    """Return the ratings; one that names no scale is out of five."""
    return [
        Rating(
            target_id=rating["id"],
            category=rating.get("category", "ORDER"),
            value=Decimal(rating["ratingValue"]),
            worst=Decimal(rating.get("worstRating", _WORST)),
            best=Decimal(rating.get("bestRating", _BEST)),
            feedback=rating.get("feedback", {}),
        )
        for rating in message["ratings"]
    ]


def read_support(message: Mapping[str, Any]) -> tuple[str, str]:
    """Return the category and the identifier of what support is asked for."""
    return message["refType"], message["refId"]


def read_track(message: Mapping[str, Any]) -> str:
    """Return the order that is to be followed."""
    return str(message["tracking"]["id"])


def write_aggregate(*, count: int, mean: Decimal | None) -> dict[str, Any]:
    """Return the answer to ratings: they came, and what all of them come to out of five."""
    aggregate = {} if mean is None else {"value": mean, "best": _BEST, "worst": _WORST}
    return {"received": True, "aggregate": {"count": count} | aggregate}


def write_tracking(*, contract_id: str, url: str) -> dict[str, Any]:
    """Return where an order can be followed."""
    return {"tracking": {"id": contract_id, "url": url}}


def write_support(providers: Sequence[Provider]) -> dict[str, Any] | None:
    """Return how to reach the first of `providers` that says so, or None."""
    contact = next((provider.support for provider in providers if provider.support), None)
    if contact is None:
        return None
    ways = (("phone", contact.phone, "PHONE"), ("email", contact.email, "EMAIL"), ("url", contact.url, "WEB"))
    support: dict[str, Any] = {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:SupportInfo",
        "name": contact.name,
        **{key: value for key, value, _ in ways if value},
        "channels": [channel for _, value, channel in ways if value],
    }
    return {"support": support | ({"hours": contact.hours} if contact.hours else {})}
