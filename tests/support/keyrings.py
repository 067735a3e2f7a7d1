"""Key rings for tests, and a directory that can be held up."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

from kernel.clock import ManualClock
from registry_client.key_times import KeyTimes, LookupBounds
from registry_client.keyring import KeyRing
from registry_client.subscriber import SubscriberRecord
from tests.support.subscribers import BPP, NOW, CountingDirectory
from tests.support.waiting import eventually

MINUTE: Final = timedelta(minutes=1)

TIMES: Final = KeyTimes(
    cache_for=10 * MINUTE,
    negative_for=timedelta(seconds=30),
    grace=60 * MINUTE,
    retry=timedelta(seconds=5),
)


def ring_of(
    directory: CountingDirectory,
    clock: ManualClock,
    *,
    max_entries: int = 10_000,
    times: KeyTimes = TIMES,
    bounds: LookupBounds | None = None,
) -> KeyRing:
    """Return a key ring on `directory` alone."""
    return KeyRing(
        directory, clock=clock, times=times, bounds=bounds or LookupBounds(), max_entries=max_entries
    )


class BusyDirectory(CountingDirectory):
    """Notes how many questions it is asked at a time; answers while its gate is open."""

    def __init__(self, *records: SubscriberRecord) -> None:
        super().__init__(*records)
        self.gate = asyncio.Event()
        self.gate.set()
        self.most_at_a_time = self._at_a_time = 0

    async def find_key(self, *, subscriber_id: str, key_id: str) -> list[SubscriberRecord]:
        self._at_a_time += 1
        self.most_at_a_time = max(self.most_at_a_time, self._at_a_time)
        self.questions.append((subscriber_id, key_id))
        await asyncio.sleep(0)
        await self.gate.wait()
        self._at_a_time -= 1
        return [record for record in self._records if record.subscriber_id == subscriber_id]

    async def wait_for(self, number: int, *, of: str) -> None:
        """Return once it was asked so often for keys of that subscriber."""

        async def count() -> int:
            return [subscriber for subscriber, _ in self.questions].count(of)

        await eventually(count, number)


async def ask(
    ring: KeyRing, key_id: str = "k1", *, subscriber: str = BPP, at: datetime = NOW
) -> SubscriberRecord:
    """Return a key of the ring's, by default the BPP's first."""
    return await ring.key_for(subscriber=subscriber, key_id=key_id, at=at)
