"""What the plain API tells: amounts and energy are exact decimals, times are aware.

Keys that a newer BAP adds are passed over.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Something that the API tells."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Amount(Model):
    """An amount of money."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class Window(Model):
    """A time, from its start until just before its end."""

    start: datetime
    end: datetime


class Fault(Model):
    """One of several things that are wrong with a request."""

    where: str
    detail: str
    what_to_do: str


class Problem(Model):
    """What went wrong (RFC 9457); `errors` has each thing, where several are wrong with a request."""

    type: str
    title: str
    status: int
    detail: str
    where: str | None = None
    what_to_do: str | None = None
    seller_said: str | None = None
    errors: tuple[Fault, ...] | None = None

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        said = f" The seller said: {self.seller_said.rstrip('.')}." if self.seller_said else ""
        return f"{self.title}{place}: {self.detail.rstrip('.')}.{said} {self.what_to_do or ''}".strip()


class Seller(Model):
    """Who sells, and the platform that they sell through."""

    id: str
    name: str
    platform: str


class Price(Model):
    """What an offer costs."""

    model: str
    per_kwh: Amount
    flat: Amount | None = None
    wheeling: Amount | None = None
    wheeling_for: str | None = None


class Place(Model):
    """Where it is."""

    latitude: Decimal | None = None
    longitude: Decimal | None = None
    address: str | None = None


class Connector(Model):
    """The plug of a charging station."""

    type: str
    kw: Decimal
    current: str | None = None
    can_be_reserved: bool


class Offer(Model):
    """Something that can be bought."""

    id: str
    name: str
    what: str
    description: str
    seller: Seller
    source: str
    handed_over: str
    price: Price
    kwh_available: Decimal
    kwh_minimum: Decimal | None = None
    kwh_maximum: Decimal | None = None
    produced: Window
    window: Window | None = None
    valid_until: datetime | None = None
    place: Place | None = None
    connector: Connector | None = None


class Part(Model):
    """How much of what fits a seller told of, where that is not all."""

    told: int
    of: int
    what_to_do: str


class AskedSeller(Model):
    """A seller's platform that was asked, and what came of it."""

    platform: str
    state: str
    offers: int
    problem: Problem | None = None
    part: Part | None = None


class Search(Model):
    """A search and what it has found so far."""

    id: str
    status: str
    created_at: datetime
    sellers: list[AskedSeller]
    offers: list[Offer]
    next: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether no seller has more that fits than it told; `part` of one that has says how much."""
        return all(seller.part is None for seller in self.sellers)


class PriceLine(Model):
    """A part of a price."""

    what: str
    description: str
    amount: Amount


class Breakup(Model):
    """A price and its parts, which add up to it."""

    total: Amount
    lines: list[PriceLine]


class Line(Model):
    """A line: what was asked for of one offer, and what that costs."""

    line: int
    offer: Offer
    kwh: Decimal
    window: Window | None = None
    price: Breakup | None = None


class Quote(Model):
    """What a quantity of an offer costs."""

    id: str
    status: str
    offer: Offer
    kwh: Decimal
    meter: str | None = None
    window: Window | None = None
    price: Breakup | None = None
    lines: list[Line] = Field(default_factory=list)
    valid_until: datetime | None = None
    problem: Problem | None = None
    order_id: str | None = None

    @property
    def total(self) -> Amount:
        """What it costs in all. Raises: ValueError, while there is no price."""
        return _total(self.price)


class Session(Model):
    """How a charging session goes."""

    status: str
    plug: str | None = None
    minutes: Decimal | None = None
    is_reserved: bool
    why: str | None = None


class Delivery(Model):
    """What has been delivered so far."""

    status: str
    kwh: Decimal
    window: Window
    session: Session | None = None
    kwh_cut: Decimal | None = None
    cut_because: str | None = None


class BillLine(Model):
    """A line of a bill."""

    title: str
    amount: Amount


class Bill(Model):
    """A bill, whose lines add up to its total."""

    id: str
    line: int = 1
    period: Window
    status: str
    total: Amount
    lines: list[BillLine]


class Request(Model):
    """Something that was asked of the seller."""

    id: str
    what: str
    state: str
    problem: Problem | None = None


class Proposal(Model):
    """A change that a side proposed; the other side answers before it lapses."""

    id: str
    line: int = 1
    status: str
    by: str
    kwh: Decimal | None = None
    window: Window | None = None
    price_per_kwh: Decimal | None = None
    answer_before: datetime
    reason: str | None = None
    answer: str | None = None


class OrderSummary(Model):
    """An order in a line."""

    id: str
    status: str
    offer: Offer
    kwh: Decimal
    created_at: datetime
    updated_at: datetime


class OrderLine(Line):
    """A line of an order as its seller stated it last."""

    status: str
    delivery: Delivery | None = None
    bills: list[Bill] = Field(default_factory=list)
    proposal: Proposal | None = None


class Order(OrderSummary):
    """An order as its seller stated it last."""

    confirm_wanted: bool
    meter: str | None = None
    window: Window | None = None
    price: Breakup | None = None
    payment: str | None = None
    delivery: Delivery | None = None
    bills: list[Bill] = Field(default_factory=list)
    lines: list[OrderLine] = Field(default_factory=list)
    proposal: Proposal | None = None
    problem: Problem | None = None
    requests: list[Request] = Field(default_factory=list)

    @property
    def total(self) -> Amount:
        """What it costs if all of it is delivered. Raises: ValueError, while there is no price."""
        return _total(self.price)


class OrderPage(Model):
    """Some of the orders."""

    items: list[OrderSummary]
    next: str | None = None


class Event(Model):
    """A change of a search, a quote or an order."""

    number: int
    type: str
    timestamp: datetime
    data: dict[str, Any]


def _total(price: Breakup | None) -> Amount:
    if price is None:
        raise ValueError("the seller has named no price yet")
    return price.total
