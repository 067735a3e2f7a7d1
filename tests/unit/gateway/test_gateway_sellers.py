"""Who sells where: asked for once in a while, and known for longer while the registry is away."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gateway.sellers import Sellers
from kernel.clock import ManualClock
from protocol.errors import RegistryUnavailable
from registry_client.keyring import KeyRing
from registry_client.subscriber import Place, SubscriberRecord, SubscriberRole, SubscriberStatus
from tests.support.subscribers import DOMAIN, NOW, CountingDirectory, record

CITY = Place("IND", "std:080")


def seller(name: str, **changes: Any) -> SubscriberRecord:
    return record(subscriber_id=name, url=f"https://{name}/beckn/", **changes)


class World:
    """Sellers over a directory that can be closed, and a clock that is set by hand."""

    def __init__(self, *records: SubscriberRecord) -> None:
        self.clock = ManualClock(NOW)
        self.directory = CountingDirectory(*records)
        self.sellers = Sellers(KeyRing(self.directory, clock=self.clock), clock=self.clock)

    async def names(self, *, domain: str = DOMAIN, place: Place | None = None) -> list[str]:
        return [peer.subscriber_id for peer in await self.sellers.find(domain=domain, place=place)]


async def test_only_subscribed_sellers_of_the_domain_are_found() -> None:
    world = World(
        seller("b.example"),
        seller("a.example"),
        seller("other-domain.example", domain="retail"),
        seller("gone.example", status=SubscriberStatus.UNSUBSCRIBED),
        seller("over.example", valid_until=NOW),
        seller("buyer.example", role=SubscriberRole.BAP),
    )
    assert await world.names() == ["a.example", "b.example"]
    assert await world.names(domain="retail") == ["other-domain.example"]
    assert await world.names(domain="mobility") == []


async def test_who_serves_a_city_is_found_there_and_who_names_no_place_everywhere() -> None:
    world = World(
        seller("everywhere.example"),
        seller("here.example", place=CITY),
        seller("there.example", place=Place("IND", "std:011")),
        seller("country.example", place=Place("IND")),
    )
    assert await world.names(place=CITY) == ["country.example", "everywhere.example", "here.example"]
    assert len(await world.names()) == 4


async def test_a_seller_with_several_keys_is_found_once_where_its_newest_key_says() -> None:
    old, new = NOW - timedelta(days=2), NOW - timedelta(days=1)
    world = World(
        record("k2", url="https://new.example", valid_from=new),
        record("k1", url="https://old.example", valid_from=old),
        record("k0", url="https://oldest.example"),
        record(subscriber_id="nowhere.example", url="ftp://nowhere.example"),
    )
    (found,) = await world.sellers.find(domain=DOMAIN, place=None)
    assert found.url == "https://new.example"


async def test_many_searches_ask_once_until_the_answer_is_old() -> None:
    world = World(seller("a.example"))
    await asyncio.gather(*(world.names() for _ in range(20)))
    assert len(world.directory.questions) == 1
    world.directory.replace(seller("b.example"))
    world.clock.advance(timedelta(seconds=29))
    assert await world.names() == ["a.example"]
    world.clock.advance(timedelta(seconds=1))
    assert await world.names() == ["b.example"]


async def test_while_the_registry_is_away_known_sellers_are_asked_for_an_hour() -> None:
    world = World(seller("a.example"))
    await world.names()
    world.directory.is_open = False
    world.clock.advance(timedelta(minutes=60))
    assert await world.names() == await world.names() == ["a.example"]
    assert len(world.directory.questions) == 2  # it is not asked again at once
    with pytest.raises(RegistryUnavailable):
        await world.names(domain="retail")
    world.clock.advance(timedelta(minutes=1))
    with pytest.raises(RegistryUnavailable):
        await world.names()
