"""What sellers answer about an order, beside the order itself."""

from __future__ import annotations

from decimal import Decimal

from degnode.client.models import Model, Request


class RatingSummary(Model):
    """What all buyers think of it."""

    count: int
    average: Decimal | None = None


class Ticket(Model):
    """What was asked about, as the seller's people keep it."""

    id: str
    status: str
    answer: str | None = None


class Contact(Model):
    """Whom to ask."""

    name: str
    phone: str | None = None
    email: str | None = None
    url: str | None = None
    hours: str | None = None
    ticket: Ticket | None = None


class Tracking(Model):
    """Where the delivery can be followed."""

    url: str


class Answer(Request):
    """Something that was asked of the seller, and what the seller said."""

    rating: RatingSummary | None = None
    contact: Contact | None = None
    tracking: Tracking | None = None
