"""A rail for trying things out: it pays nobody, and fails, repeats, delays and charges back on command."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

from kernel.clock import Clock
from kernel.ids import derived_id
from settlement.payments.ports import RailAction, RailNotice, RailOrder, RailRefused, RailUnreachable
from settlement.payments.states import PaymentStatus


class Behaviour(StrEnum):
    """How the sandbox treats the next order."""

    SUCCEED = "SUCCEED"
    FAIL = "FAIL"
    UNREACHABLE = "UNREACHABLE"
    """It does not get the order."""
    LOSE_ANSWER = "LOSE_ANSWER"
    """It does what it is asked, and nobody hears of it but by webhook."""
    REPEAT = "REPEAT"
    """It sends the webhook twice."""
    DELAY = "DELAY"
    """It sends the webhook only when it is released."""


_SUCCESS: Final[Mapping[RailAction, PaymentStatus]] = {
    RailAction.AUTHORIZE: PaymentStatus.AUTHORIZED,
    RailAction.CAPTURE: PaymentStatus.CAPTURED,
    RailAction.VOID: PaymentStatus.VOIDED,
    RailAction.REFUND: PaymentStatus.REFUNDED,
}


class SandboxRail:
    """Does orders as it is told beforehand; without being told, each succeeds."""

    def __init__(self, *, clock: Clock, behaviours: Iterable[Behaviour] = ()) -> None:
        self._clock = clock
        self._behaviours = deque(behaviours)
        self._done: dict[UUID, RailNotice] = {}
        self._webhooks: list[RailNotice] = []
        self._delayed: list[RailNotice] = []

    def then(self, *behaviours: Behaviour) -> None:
        """Treat the next orders like that."""
        self._behaviours.extend(behaviours)

    async def find(self, order_id: UUID) -> RailNotice | None:
        return self._done.get(order_id)

    async def ask(self, order: RailOrder) -> RailNotice:
        behaviour = self._behaviours.popleft() if self._behaviours else Behaviour.SUCCEED
        if behaviour is Behaviour.UNREACHABLE:
            raise RailUnreachable("the sandbox was told not to be reached")
        if (done := self._done.get(order.id)) is not None:
            return done
        notice = self._say(order.payment, carry_out(order, behaviour), event_id=str(order.id))
        self._done[order.id] = notice
        (self._delayed if behaviour is Behaviour.DELAY else self._webhooks).append(notice)
        if behaviour is Behaviour.REPEAT:
            self._webhooks.append(notice)
        if behaviour is Behaviour.LOSE_ANSWER:
            raise RailUnreachable("the sandbox was told to lose its answer")
        return notice

    def settle(self, payment: UUID) -> None:
        """Hand the money on to the collector."""
        self._tell(payment, PaymentStatus.SETTLED)

    def bounce(self, payment: UUID) -> None:
        """Find afterwards that the money is not there."""
        self._tell(payment, PaymentStatus.FAILED)

    def charge_back(self, payment: UUID) -> None:
        """Have the payer take the money back."""
        self._tell(payment, PaymentStatus.CHARGEBACK)

    def release(self) -> None:
        """Send what was delayed."""
        self._webhooks += self._delayed
        self._delayed = []

    def webhooks(self) -> list[RailNotice]:
        """Return the webhooks that are on their way, and forget them."""
        sent, self._webhooks = self._webhooks, []
        return sent

    def _tell(self, payment: UUID, status: PaymentStatus) -> None:
        self._webhooks.append(self._say(payment, status, event_id=event_of(payment, status)))

    def _say(self, payment: UUID, status: PaymentStatus, *, event_id: str) -> RailNotice:
        return RailNotice(event_id=event_id, payment=payment, status=status, at=self._clock.now())


def carry_out(order: RailOrder, behaviour: Behaviour) -> PaymentStatus:
    """Return what the order's payment comes to. Raises: RailRefused, if it stays as it was."""
    if behaviour is not Behaviour.FAIL:
        return _SUCCESS[order.action]
    if order.action in {RailAction.VOID, RailAction.REFUND}:
        raise RailRefused("the sandbox was told to fail")
    return PaymentStatus.FAILED


def event_of(payment: UUID, status: PaymentStatus) -> str:
    """Return the id of the event that the sandbox says that of a payment by itself."""
    return str(derived_id("sandbox-event", str(payment), status))
