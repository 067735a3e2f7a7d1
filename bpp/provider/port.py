"""What a back office is asked and told, in plain words, and what it may answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bpp.provider.order import OrderTerms
from kernel.errors import NodeError
from kernel.interval import Interval
from kernel.money import Money
from trading.seller_counter import SellerCounter


class Stage(StrEnum):
    """What is wanted: a price, a quantity to be held, or sold, or a change that needs consent."""

    SELECT = "select"
    INIT = "init"
    CONFIRM = "confirm"
    UPDATE = "update"


class Kind(StrEnum):
    """What happened to an order."""

    HELD = "held"
    CONFIRMED = "confirmed"
    CHANGE_PROPOSED = "change_proposed"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    BILLED = "billed"
    PAID = "paid"
    CORRECTED = "corrected"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whether an order is to be taken; the same `id` is the same question asked again.

    `order_id` is known once a quantity was held; `change` is the order as it would be by what its buyer
    proposes, at the stage UPDATE only. An answer that comes after `answer_by` counts for nothing.
    """

    id: str
    stage: Stage
    order_id: str | None
    terms: OrderTerms
    answer_by: datetime
    change: OrderTerms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether it is; `reason` is told to the buyer of what is not.

    What is not accepted may have a `counter`: it would be, with that. Before anything is held it is quoted
    or held so; at confirm only what the buyer agreed to counts, and a counter refuses it. None leaves a
    change to the seller's people.
    """

    accepted: bool | None
    reason: str = ""
    counter: SellerCounter | None = None

    def __post_init__(self) -> None:
        if self.accepted and self.counter is not None:
            raise ValueError("what is accepted as it stands has no counter")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedBill:
    """A bill as it was issued."""

    id: str
    period: Interval
    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a bill that was issued is corrected by: its number, which way it goes, and how much it is.

    `kind` is ADJUSTMENT, more is to be paid; CREDIT_NOTE, something is given back; PENALTY_CREDIT, so is
    what the seller owes.
    """

    run: int
    kind: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened to an order; `terms` are those at the time of telling. The same `id` is the same event.

    `status` is that of the order after the event, `bill` the one that was issued, paid, or corrected by
    `correction`.
    """

    id: int
    kind: Kind
    at: datetime
    order_id: str
    status: str
    terms: OrderTerms
    reason: str | None = None
    bill: IssuedBill | None = None
    correction: Correction | None = None


class ProviderAway(NodeError):
    """The back office does not answer, or not what can be understood."""

    code, http_status, retryable = "NET_DOWNSTREAM_UNAVAILABLE", 503, True


class ProviderUnreached(ProviderAway):
    """Nothing came from the back office: nobody is there, or the connection was lost."""


class ProviderPort(Protocol):
    """A back office; no transaction is open while it is asked or told."""

    async def ask(self, question: Question) -> Answer:
        """Return whether the order is to be taken. Raises: ProviderAway, ProviderUnreached."""
        ...

    async def tell(self, event: Event) -> None:
        """Return once the event is taken; it is told again until then.

        Raises: ProviderAway, ProviderUnreached.
        """
        ...
