"""Following a registry's changes: a key that was revoked there stops here, wherever it was remembered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from kernel.clock import ManualClock
from node.key_watch import KeyWatch
from node.known_keys import KnownKeys
from protocol.errors import KeyExpired, RegistryUnavailable
from registry_client.changes import ChangeFeed
from registry_client.keyring import KeyRing
from registry_client.subscriber import SubscriberStatus
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.loopback_server import LoopbackServer
from tests.support.scripted_registry import ScriptedRegistry
from tests.support.subscribers import BPP, NOW, CountingDirectory, record
from tests.support.waiting import eventually


class Feed:
    """A registry's list of changes."""

    def __init__(self) -> None:
        self.changes: list[dict[str, Any]] = []
        self.registry = ScriptedRegistry(ManualClock(NOW), answer=self._answer)
        self.exists, self.is_away, self.page = True, False, 100

    @property
    def questions(self) -> int:
        return len(self.registry.asked)

    def add(self, key_id: str, *, subscriber_id: str = BPP) -> None:
        number = len(self.changes) + 1
        self.changes.append({"number": number, "subscriber_id": subscriber_id, "key_id": key_id})

    def _answer(self, path: str, _question: object) -> tuple[int, Any]:
        if self.is_away or not self.exists:
            return 500 if self.is_away else 404, {}
        number = path.partition("after=")[2].partition("&")[0]
        if not number:
            return 200, {"changes": [], "last": len(self.changes)}
        found = self.changes[int(number) : int(number) + self.page]
        return 200, {"changes": found, "last": found[-1]["number"] if found else len(self.changes)}


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
async def url(feed: Feed) -> AsyncIterator[str]:
    async with LoopbackServer(feed.registry.app) as server:
        yield server.url


@pytest.fixture
def known(uow_factory: UnitOfWorkFactory, url: str) -> KnownKeys:
    return KnownKeys(uow_factory, network=url)


@pytest.fixture
def directory() -> CountingDirectory:
    return CountingDirectory(record("k1"), record("k2"))


@pytest.fixture
def ring(directory: CountingDirectory, known: KnownKeys) -> KeyRing:
    return KeyRing(directory, clock=ManualClock(NOW), store=known)


@pytest.fixture
async def watch(url: str, ring: KeyRing, known: KnownKeys) -> AsyncIterator[KeyWatch]:
    changes = ChangeFeed(url, wait=timedelta())
    watching = KeyWatch(changes, keyring=ring, known=known)
    await watching.follow()
    yield watching
    await changes.close()


async def learn(ring: KeyRing, *key_ids: str) -> None:
    for key_id in key_ids:
        await ring.key_for(subscriber=BPP, key_id=key_id, at=NOW)


async def is_known(ring: KeyRing) -> bool:
    return ring.cached(BPP, "k1", NOW) is not None


async def has_failed(logs: list[MutableMapping[str, Any]]) -> bool:
    return "key_watch.failed" in [entry["event"] for entry in logs]


async def has_asked(feed: Feed, questions: int) -> None:
    """Return once the feed was asked so often."""

    async def is_so_far() -> bool:
        return feed.questions >= questions

    await eventually(is_so_far, True)


async def test_a_changed_key_is_forgotten_in_memory_and_in_the_database(
    feed: Feed, ring: KeyRing, known: KnownKeys, watch: KeyWatch, directory: CountingDirectory
) -> None:
    await learn(ring, "k1", "k2")
    directory.replace(record("k1", status=SubscriberStatus.UNSUBSCRIBED))
    feed.add("k1")
    assert await watch.follow()
    assert ring.cached(BPP, "k1", NOW) is None
    assert ring.cached(BPP, "k2", NOW)
    assert await known.find(subscriber=BPP, key_id="k1") is None
    with pytest.raises(KeyExpired):
        await learn(ring, "k1")


async def test_changes_are_followed_from_where_the_last_process_stopped(
    feed: Feed, url: str, ring: KeyRing, known: KnownKeys, watch: KeyWatch
) -> None:
    feed.add("k1")
    feed.add("k2")
    await watch.follow()
    await learn(ring, "k1", "k2")
    later = KeyWatch(changes := ChangeFeed(url, wait=timedelta()), keyring=ring, known=known)
    feed.add("k2")
    await later.follow()
    assert ring.cached(BPP, "k1", NOW)
    assert ring.cached(BPP, "k2", NOW) is None
    assert await known.last_change() == 3
    await changes.close()


async def test_what_happened_before_a_registry_was_ever_followed_is_of_no_interest(
    feed: Feed, url: str, ring: KeyRing, known: KnownKeys
) -> None:
    for number in range(1_000):
        feed.add(f"k{number}")
    await learn(ring, "k1")  # but what was learnt meanwhile may be outdated
    watch = KeyWatch(changes := ChangeFeed(url, wait=timedelta()), keyring=ring, known=known)
    await watch.follow()
    assert [path for _, path, _, _ in feed.registry.asked] == ["/changes"]
    assert await known.last_change() == 1_000
    assert ring.cached(BPP, "k1", NOW) is None
    assert await known.find(subscriber=BPP, key_id="k1") is None
    await changes.close()


async def test_many_changes_are_followed_page_by_page(feed: Feed, known: KnownKeys, watch: KeyWatch) -> None:
    feed.page = 2
    for number in range(5):
        feed.add(f"k{number}")
    for last in (2, 4, 5, 5):
        await watch.follow()
        assert await known.last_change() == last


async def test_a_registry_that_starts_anew_is_followed_from_there(
    feed: Feed, ring: KeyRing, known: KnownKeys, watch: KeyWatch
) -> None:
    for _ in range(3):
        feed.add("k7")
    await watch.follow()
    await learn(ring, "k1")
    feed.changes.clear()
    await watch.follow()
    assert ring.cached(BPP, "k1", NOW) is None
    assert await known.find(subscriber=BPP, key_id="k1") is None
    assert await known.last_change() == 0
    await learn(ring, "k1")
    feed.add("k1")
    await watch.follow()
    assert ring.cached(BPP, "k1", NOW) is None


async def test_a_registry_without_a_feed_is_left_alone(feed: Feed, watch: KeyWatch) -> None:
    feed.exists = False
    assert not await watch.follow()


async def test_the_watch_goes_on_after_the_registry_was_away(
    feed: Feed, ring: KeyRing, watch: KeyWatch
) -> None:
    feed.is_away = True
    with pytest.raises(RegistryUnavailable):
        await watch.follow()
    await learn(ring, "k1")
    async with watch.running():
        await has_asked(feed, feed.questions + 1)  # in vain
        feed.is_away = False
        feed.add("k1")
        await eventually(partial(is_known, ring), False)


async def test_a_database_that_is_away_for_a_moment_does_not_end_the_watch(
    feed: Feed, ring: KeyRing, watch: KeyWatch, uow_factory: UnitOfWorkFactory
) -> None:
    await learn(ring, "k1")
    with capture_logs() as logs:
        async with watch.running():
            async with uow_factory() as uow:
                await uow.connection.execute(text("ALTER TABLE change_feeds RENAME TO elsewhere"))
            feed.add("k2")
            await eventually(partial(has_failed, logs), True)
            async with uow_factory() as uow:
                await uow.connection.execute(text("ALTER TABLE elsewhere RENAME TO change_feeds"))
            feed.add("k1")
            await eventually(partial(is_known, ring), False)


async def test_a_registry_without_a_feed_is_asked_no_more_for_a_while(feed: Feed, watch: KeyWatch) -> None:
    feed.exists = False
    with capture_logs() as logs:
        async with watch.running():

            async def events() -> list[str]:
                return [entry["event"] for entry in logs]

            await eventually(events, ["key_watch.no_feed"])
            asked = feed.questions
            await asyncio.sleep(1)  # longer than a feed is left alone that has no news
            assert (feed.questions, await events()) == (asked, ["key_watch.no_feed"])
