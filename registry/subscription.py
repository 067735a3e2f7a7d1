"""A subscription as this registry keeps it, and how it looks on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from kernel.clock import format_instant, parse_instant
from registry_client.subscriber import SubscriberRole, SubscriberStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One key of one subscriber; valid in `[valid_from, valid_until)`, without end where that is None.

    One that is `barred` was put out by the operator, who alone can let it in again.
    """

    subscriber_id: str
    key_id: str
    url: str
    type: SubscriberRole
    domain: str
    location: dict[str, Any] | None
    signing_public_key: str
    encr_public_key: str | None
    valid_from: datetime
    valid_until: datetime | None
    status: SubscriberStatus
    created_at: datetime
    updated_at: datetime
    barred: bool = False

    def status_at(self, now: datetime) -> SubscriberStatus:
        """Return the status as of `now`: what has ended is EXPIRED without anybody saying so."""
        ended = self.valid_until is not None and self.valid_until <= now
        if ended and self.status is not SubscriberStatus.UNSUBSCRIBED:
            return SubscriberStatus.EXPIRED
        return self.status

    def is_live(self, now: datetime) -> bool:
        """Say whether it counts, now or from `valid_from` on."""
        return self.status_at(now) is SubscriberStatus.SUBSCRIBED

    def may_sign(self, now: datetime) -> bool:
        """Say whether its key may speak for the subscriber at `now`."""
        return self.is_live(now) and self.valid_from <= now

    def says_the_same_as(self, other: Subscription) -> bool:
        """Say whether both differ in nothing but when they were written."""
        return replace(self, created_at=other.created_at, updated_at=other.updated_at) == other

    def to_row(self) -> dict[str, Any]:
        """Return the columns of the table."""
        return asdict(self) | {"type": self.type.value, "status": self.status.value}

    def to_wire(self, *, now: datetime) -> dict[str, Any]:
        """Return the `Subscription` of the registry API 1.1, the key's name under both its names."""
        fields = {
            "subscriber_id": self.subscriber_id,
            "url": self.url,
            "type": self.type.value,
            "domain": self.domain,
            "location": self.location,
            "key_id": self.key_id,
            "unique_key_id": self.key_id,
            "signing_public_key": self.signing_public_key,
            "encr_public_key": self.encr_public_key,
            "valid_from": format_instant(self.valid_from),
            "valid_until": self.valid_until and format_instant(self.valid_until),
            "status": self.status_at(now).value,
            "created": format_instant(self.created_at),
            "updated": format_instant(self.updated_at),
        }
        return {name: value for name, value in fields.items() if value is not None}

    @classmethod
    def from_wire(cls, content: Mapping[str, Any]) -> Subscription:
        """Return what `to_wire` wrote of one that had not ended, to the millisecond."""
        until = content.get("valid_until")
        return cls(
            subscriber_id=content["subscriber_id"],
            key_id=content["key_id"],
            url=content["url"],
            type=SubscriberRole(content["type"]),
            domain=content["domain"],
            location=content.get("location"),
            signing_public_key=content["signing_public_key"],
            encr_public_key=content.get("encr_public_key"),
            valid_from=parse_instant(content["valid_from"]),
            valid_until=None if until is None else parse_instant(until),
            status=SubscriberStatus(content["status"]),
            created_at=parse_instant(content["created"]),
            updated_at=parse_instant(content["updated"]),
        )
