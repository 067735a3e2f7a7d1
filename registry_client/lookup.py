"""The directory of a Beckn v1 registry: `POST {registry}/lookup`.

Source: Beckn registry API 1.1. The answer is believed as the registry gives it, but never
beyond the question: records of others are dropped.
"""

from __future__ import annotations

from typing import Any

import structlog

from registry_client.connection import ConnectionLimits, RegistryConnection
from registry_client.directory import matches
from registry_client.subscriber import RecordUnreadable, SubscriberRecord, SubscriberRole

log = structlog.get_logger(__name__)


class LookupClient:
    """Asks a registry over HTTP, each time anew; the key ring remembers."""

    def __init__(self, registry_url: str, *, limits: ConnectionLimits | None = None) -> None:
        """Point at `registry_url`; nothing is opened until it is asked.

        Raises: RegistryUrlInvalid.
        """
        self._connection = RegistryConnection(registry_url, limits=limits)

    async def find(
        self,
        *,
        subscriber_id: str | None = None,
        key_id: str | None = None,
        role: SubscriberRole | None = None,
        domain: str | None = None,
    ) -> list[SubscriberRecord]:
        """Return the registry's records that fit every filter given.

        Raises: RegistryUnavailable, also for an answer that cannot be read.
        """
        question = {
            "subscriber_id": subscriber_id,
            "key_id": key_id,
            "type": role and role.value,
            "domain": domain,
        }
        records = await self._ask({name: value for name, value in question.items() if value})
        return [
            record
            for record in records
            if matches(record, subscriber_id=subscriber_id, key_id=key_id, role=role, domain=domain)
        ]

    async def find_key(self, *, subscriber_id: str, key_id: str) -> list[SubscriberRecord]:
        """Return every record of the subscriber: one question tells an unknown key from an unknown sender.

        Raises: RegistryUnavailable.
        """
        return await self.find(subscriber_id=subscriber_id)

    async def close(self) -> None:
        """Close the connections to the registry."""
        await self._connection.close()

    async def _ask(self, question: dict[str, str]) -> list[SubscriberRecord]:
        answer = await self._connection.post("/lookup", question)
        if answer.status != 200 or not isinstance(answer.content, list):
            raise self._connection.unavailable(
                f"gave no list of subscribers (HTTP {answer.status}, {type(answer.content).__name__})"
            )
        records = [record for entry in answer.content if (record := _read_entry(entry))]
        if answer.content and not records:
            raise self._connection.unavailable("gave no record that can be read")
        return records


def _read_entry(entry: Any) -> SubscriberRecord | None:  # noqa: ANN401  whatever the registry said
    """Return the record, or None for one that nobody can read: it must not spoil the others."""
    if not isinstance(entry, dict):
        log.warning("registry.record_unreadable", reason="it is no JSON object")
        return None
    try:
        return SubscriberRecord.from_wire(entry)
    except RecordUnreadable as error:
        log.warning(
            "registry.record_unreadable", subscriber=str(entry.get("subscriber_id")), reason=str(error)
        )
        return None
