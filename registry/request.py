"""A wish to be entered that is under way, and what becomes of it step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from kernel.clock import format_instant
from kernel.ids import derived_id
from registry.admission import Admission
from registry.author import Author
from registry.policy import RegistryPolicy
from registry.subscription import Subscription
from registry.verdict import Verdict
from registry_client.subscriber import SubscriberStatus

WAITS_FOR_APPROVAL: Final = "the URL and the keys are proven; the registry's operator must approve it now"


class Step(StrEnum):
    """What comes next."""

    CHECK = "check"  # is the URL there, with a certificate that holds?
    CHALLENGE = "challenge"  # does the owner of the encryption key answer there?
    APPROVAL = "approval"  # of the operator
    ENTER = "enter"  # all is well: it only has to be written down
    DONE = "done"
    FAILED = "failed"  # until it is asked for again
    REJECTED = "rejected"  # by the operator


UNDER_WAY: Final = frozenset({Step.CHECK, Step.CHALLENGE, Step.APPROVAL, Step.ENTER})
UNFULFILLED: Final = frozenset(Step) - {Step.DONE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a try came to nothing, and what the subscriber can do; a final one is not tried again."""

    reason: str
    hint: str
    status: SubscriberStatus | None = None
    is_final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRequest:
    """A subscription that somebody wants, and how far it has come.

    `spread` names the fields that go to the subscriber's other keys, too. `authorised_by` is the id of
    the valid key that asked for it, None for a newcomer. `attempts` are those of the present step.
    `revision` goes up when something else is asked for under the same id.
    """

    id: UUID
    wanted: Subscription
    spread: tuple[str, ...]
    step: Step
    status: SubscriberStatus
    since: datetime
    reason: str | None
    hint: str | None
    attempts: int
    next_try_at: datetime | None
    needs_approval: bool
    authorised_by: str | None
    asked_by: str
    asked_from: str | None
    revision: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(
        cls,
        wanted: Subscription,
        *,
        admission: Admission,
        spread: tuple[str, ...],
        authorised_by: str | None,
        author: Author,
        now: datetime,
    ) -> SubscriptionRequest:
        """Return a new request for `wanted`; the same key asks under the same id again."""
        starts = admission.needs_challenge
        return cls(
            id=derived_id(wanted.subscriber_id, wanted.key_id, wanted.signing_public_key),
            wanted=replace(wanted, status=SubscriberStatus.INITIATED),
            spread=spread,
            step=Step.CHECK if starts else Step.APPROVAL,
            status=SubscriberStatus.INITIATED if starts else SubscriberStatus.UNDER_SUBSCRIPTION,
            since=now,
            reason=None if starts else WAITS_FOR_APPROVAL,
            hint=None,
            attempts=0,
            next_try_at=now if starts else None,
            needs_approval=admission.needs_approval,
            authorised_by=authorised_by,
            asked_by=author.name,
            asked_from=author.address,
            revision=1,
            created_at=now,
            updated_at=now,
        )

    def following(self, earlier: SubscriptionRequest) -> SubscriptionRequest:
        """Return the request as it is asked after `earlier`, which has the same id.

        What the operator was to decide stays so, however often it is asked.
        """
        if earlier.step is Step.DONE:
            return replace(self, revision=earlier.revision + 1)
        return replace(
            self,
            revision=earlier.revision if self._asks_no_more_than(earlier) else earlier.revision + 1,
            needs_approval=self.needs_approval or earlier.needs_approval,
        )

    def under(self, verdict: Verdict | None) -> SubscriptionRequest:
        """Return the request as the operator's last word on its name leaves it.

        A yes is to what was seen: whatever else the name asks for waits for another.
        """
        if verdict is None or self.step is Step.APPROVAL:
            return self
        return replace(self, needs_approval=not verdict.lets_in(self.id, self.revision))

    def _asks_no_more_than(self, earlier: SubscriptionRequest) -> bool:
        """Say whether both want the same; a key that counts from later on is not more."""
        return (
            self.wanted.valid_from >= earlier.wanted.valid_from
            and self.particulars() == earlier.particulars()
            and (self.spread, self.authorised_by) == (earlier.spread, earlier.authorised_by)
        )

    def particulars(self) -> dict[str, Any]:
        """Return what the operator decides about, as it is on the wire."""
        return particulars_of(self.wanted.to_wire(now=self.wanted.valid_from))

    @property
    def author(self) -> Author:
        """Who asked for it."""
        return Author(name=self.asked_by, address=self.asked_from)

    def succeed(self, *, now: datetime) -> SubscriptionRequest:
        """Return the request after its step went well."""
        if self.step is Step.CHECK:
            return self._go(
                Step.CHALLENGE, status=SubscriberStatus.UNDER_SUBSCRIPTION, next_try_at=now, now=now
            )
        if self.needs_approval and self.step is Step.CHALLENGE:
            return self._go(Step.APPROVAL, reason=WAITS_FOR_APPROVAL, now=now)
        return self._go(Step.ENTER, now=now)

    def fail(self, trouble: Trouble, *, policy: RegistryPolicy, now: datetime) -> SubscriptionRequest:
        """Return the request after its step failed: to be tried again, unless that is hopeless."""
        is_over = trouble.is_final or self.attempts >= policy.max_attempts
        return self._go(
            Step.FAILED if is_over else self.step,
            status=trouble.status or self.status,
            reason=trouble.reason,
            hint=f"{trouble.hint} Then ask again." if is_over else trouble.hint,
            attempts=self.attempts,
            next_try_at=None if is_over else now + policy.backoff.after(self.attempts),
            now=now,
        )

    def approve(self, *, now: datetime) -> SubscriptionRequest:
        """Return the request with the operator's word for it: entered if only that was missing.

        One that had come to an end is proven anew.
        """
        if self.step is Step.APPROVAL:
            return self._go(Step.ENTER, now=now)
        if self.step in UNDER_WAY:
            return replace(self, needs_approval=False, updated_at=now)
        again = self._go(Step.CHECK, status=SubscriberStatus.INITIATED, next_try_at=now, now=now)
        return replace(again, needs_approval=False, since=now)

    def reject(self, reason: str, *, now: datetime) -> SubscriptionRequest:
        """Return the request as the operator has turned it down."""
        return self._go(
            Step.REJECTED,
            reason=f"the registry's operator has turned it down: {reason}",
            hint="Talk to the operator.",
            now=now,
        )

    def enter(self, *, now: datetime) -> SubscriptionRequest:
        """Return the request as it is fulfilled."""
        return self._go(Step.DONE, status=SubscriberStatus.SUBSCRIBED, now=now)

    def claim(self, *, until: datetime) -> SubscriptionRequest:
        """Return the request as tried once more, and by nobody else before `until`."""
        return replace(self, attempts=self.attempts + 1, next_try_at=until)

    def _go(
        self,
        step: Step,
        *,
        now: datetime,
        status: SubscriberStatus | None = None,
        reason: str | None = None,
        hint: str | None = None,
        attempts: int = 0,
        next_try_at: datetime | None = None,
    ) -> SubscriptionRequest:
        status = status or self.status
        return replace(
            self,
            step=step,
            status=status,
            since=self.since if status is self.status else now,
            reason=reason,
            hint=hint,
            attempts=attempts,
            next_try_at=next_try_at,
            updated_at=now,
        )

    def to_json(self) -> dict[str, Any]:
        """Return what anybody may know of it."""
        fields = {
            "id": str(self.id),
            "key_id": self.wanted.key_id,
            "signing_public_key": self.wanted.signing_public_key,
            "status": self.status.value,
            "step": self.step.value,
            "since": format_instant(self.since),
            "reason": self.reason,
            "hint": self.hint,
            "attempts": self.attempts,
            "next_try_at": self.next_try_at and format_instant(self.next_try_at),
        }
        return {name: value for name, value in fields.items() if value is not None}

    def to_row(self) -> dict[str, Any]:
        """Return the columns of the table."""
        row = {name: getattr(self, name) for name in _PLAIN}
        return row | {
            "subscriber_id": self.wanted.subscriber_id,
            "key_id": self.wanted.key_id,
            "wanted": self.wanted.to_wire(now=self.wanted.valid_from),
            "spread": list(self.spread),
            "step": self.step.value,
            "status": self.status.value,
        }

    @classmethod
    def from_row(cls, row: Mapping[Any, Any]) -> SubscriptionRequest:
        """Return what `to_row` wrote."""
        plain = {name: row[name] for name in _PLAIN}
        return cls(
            **plain,
            wanted=Subscription.from_wire(row["wanted"]),
            spread=tuple(row["spread"]),
            step=Step(row["step"]),
            status=SubscriberStatus(row["status"]),
        )


_PLAIN: Final = (
    "id",
    "since",
    "reason",
    "hint",
    "attempts",
    "next_try_at",
    "needs_approval",
    "authorised_by",
    "asked_by",
    "asked_from",
    "revision",
    "created_at",
    "updated_at",
)

_PARTICULARS: Final = ("url", "type", "domain", "location", "encr_public_key", "valid_until")


def particulars_of(wire: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the operator decides about, out of a subscription on the wire; None where it is open."""
    return {name: wire.get(name) for name in _PARTICULARS}
