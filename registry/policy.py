"""What the operator of a registry has decided, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from node.client_address import Networks
from registry_client.challenge import ChallengeScheme
from registry_client.reach import Reach
from storage.backoff import Backoff

DEFAULT_REGISTRY_ID: Final = "registry.local"
DEFAULT_DEDI_REGISTRY: Final = "subscribers.beckn.one"


class Approval(StrEnum):
    """Who lets in a subscriber that has proven its URL and its keys."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"  # the operator, one by one


class UrlChecks(StrEnum):
    """Which URLs are taken."""

    STRICT = "strict"  # https, public addresses, a host that belongs to the subscriber id
    LOOPBACK = "loopback"  # and any URL on this machine
    PRIVATE = "private"  # and http, private addresses and any host: a closed network

    @property
    def reach(self) -> Reach:
        """How far the registry itself goes to challenge somebody."""
        return _REACHES[self]


_REACHES: Final = {
    UrlChecks.STRICT: Reach.PUBLIC,
    UrlChecks.LOOPBACK: Reach.LOOPBACK,
    UrlChecks.PRIVATE: Reach.PRIVATE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryPolicy:
    """Who may enter, how that is proven, and the limits; `network_id` is None where there is no name."""

    registry_id: str = DEFAULT_REGISTRY_ID
    network_id: str | None = None
    dedi_registry: str = DEFAULT_DEDI_REGISTRY
    approval: Approval = Approval.AUTOMATIC
    checks: UrlChecks = UrlChecks.STRICT
    scheme: ChallengeScheme = ChallengeScheme.AES_ECB
    max_body_bytes: int = 65_536
    max_lookup_records: int = 1_000
    max_attempts: int = 8  # at the check of a URL, and again at the challenge
    backoff: Backoff = field(default_factory=lambda: Backoff(first=timedelta(seconds=1)))
    forget_after: timedelta = timedelta(days=30)  # a request that came to nothing
    signed_per_minute: int = 120  # signed requests to /subscribe, of one address
    trusted_proxies: Networks = ()  # believed about whom they speak for
    max_wait: timedelta = timedelta(seconds=30)  # of a call for changes
    max_waiting: int = 200  # calls for changes at once
