"""Subscriber records for tests, and a directory that counts how often it is asked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from protocol.errors import RegistryUnavailable
from protocol.keys import new_private_key
from registry_client.directory import StaticDirectory
from registry_client.ports import Wanted
from registry_client.subscriber import SubscriberRecord, SubscriberRole

NOW: Final = datetime(2026, 1, 9, 10, tzinfo=UTC)
BPP: Final = "bpp.example.com"
DOMAIN: Final = "beckn.one:deg:p2p-trading:2.0.0"


def record(key_id: str = "k1", **changes: Any) -> SubscriberRecord:
    """Return a BPP's record with a new key."""
    fields: dict[str, Any] = {
        "subscriber_id": BPP,
        "key_id": key_id,
        "signing_public_key": new_private_key().public_key,
        "url": f"https://{BPP}/beckn/",
        "role": SubscriberRole.BPP,
        "domain": DOMAIN,
    }
    return SubscriberRecord(**(fields | changes))


class CountingDirectory(StaticDirectory):
    """A written-down directory that takes a moment, counts its questions, and can be closed."""

    def __init__(self, *records: SubscriberRecord) -> None:
        super().__init__(records)
        self.questions: list[tuple[str | None, str | None]] = []
        self.is_open = True

    def replace(self, *records: SubscriberRecord) -> None:
        self._records = records

    async def find(self, wanted: Wanted, /) -> list[SubscriberRecord]:
        self.questions.append((wanted.subscriber_id, wanted.key_id))
        await asyncio.sleep(0.001)
        if not self.is_open:
            raise RegistryUnavailable("the registry does not answer")
        return await super().find(wanted)
