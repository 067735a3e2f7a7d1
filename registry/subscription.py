"""A subscription as this registry keeps it, and how it looks on the wire."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from kernel.clock import format_instant
from registry_client.subscriber import SubscriberRole, SubscriberStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One key of one subscriber; valid in `[valid_from, valid_until)`, without end where that is None."""

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

    def status_at(self, now: datetime) -> SubscriberStatus:
        """Return the status as of `now`: what has ended is EXPIRED without anybody saying so."""
        ended = self.valid_until is not None and self.valid_until <= now
        return SubscriberStatus.EXPIRED if ended else self.status

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
