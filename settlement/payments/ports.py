"""What settlement asks of a payment rail, whichever it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from kernel.clock import format_instant
from kernel.errors import NodeError
from kernel.ids import derived_id
from kernel.money import Money
from settlement.payments.states import PaymentStatus


class RailUnreachable(NodeError):
    """The rail gave no answer: it may have done what it was asked, or not."""

    code, http_status, retryable = "PAYMENT_RAIL_UNREACHABLE", 503, True


class RailRefused(NodeError):
    """The rail will not do it; the payment stays as it was."""

    code, http_status, retryable = "PAYMENT_RAIL_REFUSED", 409, False


class RailAction(StrEnum):
    """What a rail can be asked for."""

    AUTHORIZE = "AUTHORIZE"
    CAPTURE = "CAPTURE"
    VOID = "VOID"
    REFUND = "REFUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class RailOrder:
    """Something that a rail is asked for; its id follows from what it is, so a retry says the same."""

    payment: UUID
    action: RailAction
    amount: Money
    id: UUID = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", derived_id("rail-order", str(self.payment), self.action))


@dataclass(frozen=True, slots=True, kw_only=True)
class RailNotice:
    """What a rail says of a payment, by webhook or as an answer; the same event has the same id."""

    event_id: str
    payment: UUID
    status: PaymentStatus
    at: datetime

    @property
    def digest(self) -> str:
        """The SHA-256 of all that it says."""
        said = [self.event_id, str(self.payment), self.status, format_instant(self.at)]
        return sha256(json.dumps(said, separators=(",", ":")).encode()).hexdigest()


class PaymentRail(Protocol):
    """A bank, a card scheme, a wallet."""

    async def find(self, order_id: UUID) -> RailNotice | None:
        """Return what became of an order, if the rail ever got it. Raises: RailUnreachable."""
        ...

    async def ask(self, order: RailOrder) -> RailNotice:
        """Have the order done, and return what became of it. Raises: RailUnreachable, RailRefused."""
        ...
