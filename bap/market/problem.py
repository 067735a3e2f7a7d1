"""What went wrong, in words of the app's own world: problem details (RFC 9457).

Sellers and this node speak of errors by the codes of the network; an app is told what kind of problem
it has, where, and what can be done about it. What a seller wrote stands beside it as it wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, Field

from kernel.errors import NodeError
from protocol.errors import WireError

MEDIA_TYPE: Final = "application/problem+json"
PREFIX: Final = "urn:degnode:problem:"


class Fault(BaseModel):
    """One of several things that are wrong with a request."""

    where: str = Field(description="Which part of the request is meant.")
    detail: str = Field(description="What is wrong there.")
    what_to_do: str = Field(description="What can be done about it.")


class Problem(BaseModel):
    """A problem (RFC 9457): its kind, what is wrong, where, and what to do about it."""

    type: str = Field(description="The kind of problem; the list is in the documentation.")
    title: str = Field(description="The kind in a few words, always the same.")
    status: int = Field(description="The HTTP status that goes with it.")
    detail: str = Field(description="What is wrong in this case.")
    where: str | None = Field(None, description="Which part of the request is meant, where it is known.")
    what_to_do: str | None = Field(None, description="What can be done about it.")
    seller_said: str | None = Field(None, description="The seller's own words, if it was the seller.")
    errors: list[Fault] | None = Field(
        None, description="If more than one thing is wrong with the request: each, the first one included."
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its name within the type, its title, its status, and what usually helps."""

    name: str
    title: str
    status: int
    what_to_do: str


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("key-refused", "The API key is missing or not taken", 401, "Send X-Api-Key: <key>."),
        Kind("not-allowed", "The API key is not for this", 403, "Ask the operator for another key."),
        Kind(
            "not-found", "There is no such thing in this account", 404, "Look at the lists for what there is."
        ),
        Kind("no-such-call", "There is no such call", 404, "GET /api/v1/market/openapi.json lists them."),
        Kind("wrong-method", "That method is not for this path", 405, "Use another method."),
        Kind("wrong-moment", "This cannot be done to it as it stands", 409, "Look at its status first."),
        Kind("too-large", "The body is too long", 413, "Send less at once."),
        Kind("invalid-request", "The request cannot be read", 422, "Correct what is named in `where`."),
        Kind("key-reused", "The Idempotency-Key was used for something else", 422, "Use a new key."),
        Kind("too-many-tries", "Too many wrong API keys", 429, "Wait a little, then send the right key."),
        Kind("failure", "The platform failed", 500, "Send it again later."),
        Kind("unavailable", "Something that is needed is away", 503, "Send it again later."),
        Kind("seller-unknown", "The network has no such seller", 422, "Search for offers again."),
        Kind(
            "seller-not-allowed",
            "This platform does not trade with that seller",
            403,
            "Choose another offer.",
        ),
        Kind("seller-unreachable", "The seller's platform could not be reached", 502, "Try again later."),
        Kind("seller-silent", "The seller's platform did not answer in time", 504, "Try again later."),
        Kind("seller-unclear", "The seller's answer cannot be understood", 502, "Choose another offer."),
        Kind("seller-refused", "The seller refused", 409, "Read what the seller said."),
        Kind("seller-cannot", "The seller's platform cannot do this", 501, "Ask for something simpler."),
        Kind("offer-gone", "What was offered is not on offer any more", 409, "Search for offers again."),
        Kind(
            "energy-unavailable",
            "So much or so little energy is not to be had",
            409,
            "Ask for another amount.",
        ),
        Kind("window-unavailable", "The energy is not to be had at that time", 409, "Choose another window."),
        Kind("price-changed", "The price or the terms have changed", 409, "Ask for a new quote."),
        Kind(
            "hold-over",
            "The energy is not kept for you any more",
            409,
            "Ask for a new quote and order again.",
        ),
        Kind(
            "meter-refused",
            "The seller does not take that meter",
            409,
            "Name the meter that takes the energy.",
        ),
        Kind(
            "payment-refused",
            "It cannot be paid in that way",
            409,
            "Ask for a quote with another way of paying.",
        ),
        Kind("payment-needed", "Not enough is paid ahead", 409, "Fill the deposit, then try again."),
        Kind("already-confirmed", "It is bought already", 409, "Nothing needs to be done."),
        Kind("already-cancelled", "It has ended already", 409, "Order anew."),
        Kind("cancellation-refused", "It cannot be cancelled any more", 409, "Ask the seller for support."),
        Kind("change-refused", "It cannot be changed so", 409, "Cancel it, or ask the seller for support."),
        Kind("rating-refused", "The rating is not taken", 409, "Rate what you bought, from 0 to 5."),
        Kind("no-support", "The seller has nobody to ask", 409, "Look at the order's bills and readings."),
    )
}

_OF_CODE: Final[Mapping[str, str]] = {
    "NET_NOT_IMPLEMENTED": "seller-cannot",
    "BIZ_PROVIDER_NOT_FOUND": "offer-gone",
    "BIZ_ITEM_NOT_FOUND": "offer-gone",
    "BIZ_OFFER_NOT_FOUND": "offer-gone",
    "BIZ_QUANTITY_UNAVAILABLE": "energy-unavailable",
    "BIZ_FULFILLMENT_UNAVAILABLE": "window-unavailable",
    "BIZ_QUOTE_EXPIRED_OR_CHANGED": "price-changed",
    "BIZ_PRICE_MISMATCH": "price-changed",
    "BIZ_ALREADY_CONFIRMED": "already-confirmed",
    "BIZ_ALREADY_CANCELLED": "already-cancelled",
    "BIZ_PAYMENT_FAILED": "payment-needed",
    "BIZ_PAYMENT_NOT_SUPPORTED": "payment-refused",
    "BIZ_UPDATE_INCONSISTENT": "change-refused",
    "BIZ_INVALID_UPDATE_TARGET": "change-refused",
    "BIZ_RATING_TARGET_NOT_FOUND": "rating-refused",
    "BIZ_INVALID_RATING_VALUE": "rating-refused",
    "BIZ_SUPPORT_NOT_AVAILABLE": "no-support",
    "POL_ELIGIBILITY_NOT_MET": "meter-refused",
    "POL_CANCELLATION_NOT_ALLOWED": "cancellation-refused",
    "POL_UPDATE_NOT_ALLOWED": "change-refused",
}
"""What a seller's codes mean to an app; others are `seller-refused`."""

_OF_STATUS: Final[Mapping[int, str]] = {
    400: "invalid-request",
    401: "key-refused",
    403: "not-allowed",
    404: "not-found",
    409: "wrong-moment",
    413: "too-large",
    422: "invalid-request",
    429: "too-many-tries",
    503: "unavailable",
}
_OF_OWN_CODE: Final[Mapping[str, str]] = {
    "AUT_SUBSCRIBER_NOT_FOUND": "seller-unknown",
    "AUT_DOMAIN_NOT_ALLOWED": "seller-not-allowed",
    "POL_ENGAGEMENT_REFUSED": "seller-not-allowed",
    "NET_NOT_IMPLEMENTED": "seller-cannot",
}
"""What is about a seller, not about the request; where in a message it stands means nothing to an app."""

_WORDS: Final = {"$": "the body", "header X-Api-Key": "header.X-Api-Key"}


class MarketError(NodeError):
    """A problem of the plain API that names its kind itself; `kind` is one of `KINDS`."""

    code, http_status, retryable = "MARKET_REFUSED", 409, False
    kind: str = "wrong-moment"


def make_problem(
    kind: str,
    detail: str,
    *,
    where: str | None = None,
    what_to_do: str | None = None,
    seller_said: str | None = None,
) -> Problem:
    """Return a problem of one of the `KINDS`."""
    known = KINDS[kind]
    return Problem(
        type=f"{PREFIX}{kind}",
        title=known.title,
        status=known.status,
        detail=detail,
        where=where,
        what_to_do=what_to_do or known.what_to_do,
        seller_said=seller_said,
    )


def of_seller(error: WireError, *, bpp_id: str) -> Problem:
    """Return why a seller refused, as an app is told."""
    kind = _OF_CODE.get(error.code, "seller-refused")
    said = error.message if error.hint is None else f"{error.message.rstrip('.')}. {error.hint}"
    return make_problem(kind, f"{bpp_id}: {KINDS[kind].title.lower()}", seller_said=said)


def of_error(error: NodeError) -> Problem:
    """Return an error of this node's as an app is told."""
    if (about_seller := _OF_OWN_CODE.get(error.code)) and not isinstance(error, MarketError):
        return make_problem(about_seller, sentence(error.message))
    kind = error.kind if isinstance(error, MarketError) else _OF_STATUS.get(error.http_status, "failure")
    where = None if error.path is None else _WORDS.get(error.path, error.path.removeprefix("$."))
    return make_problem(kind, sentence(error.message), where=where, what_to_do=error.hint)


def sentence(text: str) -> str:
    """Return the text with a capital, unless it begins with a name."""
    return text if "." in text.partition(" ")[0] else text[:1].upper() + text[1:]
