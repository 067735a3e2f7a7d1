"""The directory of a Beckn v1 registry: `POST {registry}/lookup`.

Source: Beckn registry API 1.1. The question is signed where the node has a key. The answer is believed
as the registry gives it, but never beyond the question: records of others are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog

from protocol.errors import RegistryUnavailable
from registry_client.answer_signature import RegistryTrust
from registry_client.connection import ConnectionLimits, RegistryConnection
from registry_client.ports import Wanted
from registry_client.subscriber import RecordUnreadable, SubscriberRecord, SubscriberStatus

log = structlog.get_logger(__name__)

_NOT_ADMITTED: Final = (401, 403)
_NOTHING_HERE: Final = 404


class LookupNotAnswered(RegistryUnavailable):
    """The registry does not say what it holds: it answers members only, or has nothing at that path."""


class LookupClient:
    """Asks a registry over HTTP, each time anew; the key ring remembers."""

    finds_every_key: bool = True

    def __init__(
        self,
        registry_url: str,
        *,
        limits: ConnectionLimits | None = None,
        trust: RegistryTrust | None = None,
    ) -> None:
        """Point at `registry_url`; nothing is opened until it is asked.

        With `trust`, questions are signed and answers verified. Raises: RegistryUrlInvalid.
        """
        self._connection = RegistryConnection(registry_url, limits=limits, trust=trust)

    async def find(self, wanted: Wanted, /) -> list[SubscriberRecord]:
        """Return the registry's records that are `wanted`.

        Raises: RegistryUnavailable, also for an answer that cannot be read.
        """
        found = await look_up(self._connection, _question(wanted))
        return [record for record in found if wanted.fits(record)]

    async def find_key(self, *, subscriber_id: str, key_id: str) -> list[SubscriberRecord]:
        """Return every record of the subscriber: one question tells an unknown key from an unknown sender.

        Raises: RegistryUnavailable.
        """
        return await self.find(Wanted(subscriber_id=subscriber_id)) if subscriber_id else []

    async def close(self) -> None:
        """Close the connections to the registry."""
        await self._connection.close()


async def look_up(connection: RegistryConnection, question: Mapping[str, Any]) -> list[SubscriberRecord]:
    """Return the records that the registry gives, without those that nobody can read.

    Raises: RegistryUnavailable, also for an answer that cannot be read: it does not say that there are none;
    LookupNotAnswered, if the registry gives none to whoever asks.
    """
    answer = await connection.post("/lookup", question)
    if answer.status in _NOT_ADMITTED:
        raise connection.unavailable(
            f"does not let this node ask (HTTP {answer.status}); is its key entered there?",
            kind=LookupNotAnswered,
        )
    if answer.status == _NOTHING_HERE:
        raise connection.unavailable("answers no look-up (HTTP 404)", kind=LookupNotAnswered)
    if answer.status != 200 or not isinstance(answer.content, list):
        raise connection.unavailable(
            f"gave no list of subscribers (HTTP {answer.status}, {type(answer.content).__name__})"
        )
    records = [record for entry in answer.content if (record := _read_entry(entry))]
    if answer.content and not records:
        raise connection.unavailable("gave no record that can be read")
    return records


def _question(wanted: Wanted) -> dict[str, Any]:
    """Return what is asked: of everybody only who is in; of one subscriber also what is over, and why."""
    fields = {
        "subscriber_id": wanted.subscriber_id,
        "key_id": wanted.key_id,
        "type": wanted.role and wanted.role.value,
        "domain": wanted.domain,
        "location": wanted.place and wanted.place.to_wire(),
        "status": None if wanted.subscriber_id else SubscriberStatus.SUBSCRIBED.value,
    }
    return {name: value for name, value in fields.items() if value}


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
