"""What the key ring needs of whoever knows the subscribers."""

from __future__ import annotations

from typing import Protocol

from registry_client.subscriber import SubscriberRecord, SubscriberRole


class SubscriberDirectory(Protocol):
    """Knows the subscribers of a network."""

    async def find(
        self,
        *,
        subscriber_id: str | None = None,
        key_id: str | None = None,
        role: SubscriberRole | None = None,
        domain: str | None = None,
    ) -> list[SubscriberRecord]:
        """Return the records that fit every filter given, valid or not.

        Raises: RegistryUnavailable.
        """
        ...

    async def find_key(self, *, subscriber_id: str, key_id: str) -> list[SubscriberRecord]:
        """Return that key's records, asking once.

        Records of the subscriber's other keys may come along: then a caller can tell an unknown
        key from an unknown subscriber.
        Raises: RegistryUnavailable.
        """
        ...
