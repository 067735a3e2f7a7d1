"""New versions of the catalogue: kept for ever, sold from at once, and careful with what is sold."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy.exc import DBAPIError

from bpp.catalog.changes import Kind, put_entry, withdraw
from bpp.catalog.desk import (
    CATALOGUE_CHANNEL,
    CatalogueChanged,
    Change,
    Outcome,
    Wish,
    change_catalogue,
    take_file,
)
from bpp.catalog.document import Document, load_document
from bpp.catalog.versions import CatalogueVersions, Origin, VersionUnknown
from bpp.catalog_file.reader import CatalogueInvalid
from bpp.publishing.watch import CatalogueWatch
from node.audit import Actor, list_acts
from node.worker import Worker
from protocol.actions import Action
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener
from tests.support.seller_world import CATALOGUE_FILE, ITEM, NOW, OFFER, SellerWorld, order
from tests.support.waiting import eventually
from trading.availability.store import AvailabilityStore
from trading.stock import Stock

BY: Final = Actor(who="Ada")


class Shop:
    """A seller's world whose catalogue is changed by versions."""

    def __init__(self, world: SellerWorld) -> None:
        self.world = world
        self.watch = CatalogueWatch(world.bpp, uow_factory=world.uow_factory)

    async def change(self, change: Change, **changes: Any) -> Outcome:
        wish = replace(Wish(change=change, by=BY, why="as told", origin=Origin.API), **changes)
        async with self.world.uow_factory() as uow:
            outcome = await change_catalogue(uow, wish, now=NOW)
        await self.watch.step()
        return outcome

    async def offer(self, kilowatt_hours: int) -> Outcome:
        def change(current: Document | None) -> Document:
            assert current is not None
            (roof,) = current["resources"]
            return put_entry(current, Kind.RESOURCE, roof | {"available_kwh": kilowatt_hours})

        return await self.change(change)

    async def withdraw(self, *ids: str) -> Outcome:
        return await self.change(lambda current: withdraw(current or {}, ids))

    async def sells(self) -> list[str]:
        found = await self.world.send(Action.DISCOVER, {"text_search": "solar"})
        return [item["beckn:id"] for catalog in found["catalogs"] for item in catalog["beckn:items"]]


@pytest.fixture
async def shop(uow_factory: UnitOfWorkFactory) -> Shop:
    shop = Shop(SellerWorld(uow_factory=uow_factory))
    document = load_document(CATALOGUE_FILE)
    await shop.change(lambda _: document)
    return shop


async def test_a_version_is_sold_from_at_once_and_says_who_made_it(shop: Shop) -> None:
    assert await shop.sells() == [ITEM]
    outcome = await shop.offer(700)
    assert outcome.difference.changed[Kind.RESOURCE] == (ITEM,)
    assert shop.world.bpp.catalogue.get_resource(ITEM).available.kilowatt_hours == 700
    async with shop.world.uow_factory() as uow:
        second, first = await CatalogueVersions(uow.connection).history(limit=5)
        (below,) = await CatalogueVersions(uow.connection).history(limit=5, before=2)
        act, _ = await list_acts(uow, what="catalogue", limit=5)
        assert (await CatalogueVersions(uow.connection).get(1)).document["resources"][0][
            "available_kwh"
        ] != 700
    assert (second.number, second.made_by, second.why, second.made_at) == (2, "Ada", "as told", NOW)
    assert below == first
    assert act.act.after is not None
    assert (act.act.what, act.act.after["version"]) == ("catalogue.changed", 2)


async def test_what_changes_nothing_makes_no_version(shop: Shop) -> None:
    same = await shop.change(lambda current: current or {})
    assert (same.is_new, same.version.head.number, same.difference.is_nothing) == (False, 1, True)


async def test_nobody_changes_a_version_that_was_made(shop: Shop) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        async with shop.world.uow_factory() as uow:
            await uow.connection.exec_driver_sql("UPDATE catalog_versions SET why = 'otherwise'")


async def test_a_change_for_another_version_is_refused(shop: Shop) -> None:
    await shop.offer(700)
    with pytest.raises(CatalogueChanged, match="for version 1 of the catalogue, and there is version 2"):
        await shop.change(lambda current: withdraw(current or {}, [OFFER]), expected=1)
    assert await shop.sells() == [ITEM]


async def test_a_wrong_catalogue_changes_nothing(shop: Shop) -> None:
    with pytest.raises(CatalogueInvalid) as caught:
        await shop.change(lambda current: (current or {}) | {"resources": []})
    assert caught.value.path == "offers"
    async with shop.world.uow_factory() as uow:
        versions = CatalogueVersions(uow.connection)
        assert await versions.latest_number() == 1
        with pytest.raises(VersionUnknown):
            await versions.get(2)


async def test_less_than_is_sold_takes_nothing_away_and_sells_no_more(shop: Shop) -> None:
    bought = await shop.world.buy(10)
    outcome = await shop.offer(4)
    (over,) = outcome.oversold
    assert (over.resource_id, over.offered.watt_hours, over.taken.watt_hours) == (ITEM, 4_000, 10_000)
    assert await shop.sells() == []
    refusal = await shop.world.refusal(Action.INIT, {"order": order(1)}, transaction_id="another")
    assert refusal.code == "BIZ_QUANTITY_UNAVAILABLE"
    less = await shop.world.send(Action.UPDATE, {"order": order(7, order_id=bought["beckn:id"])})
    assert less["order"]["beckn:orderItems"][0]["beckn:quantity"]["unitQuantity"] == 7
    more = await shop.world.refusal(Action.UPDATE, {"order": order(8, order_id=bought["beckn:id"])})
    assert more.code == "BIZ_QUANTITY_UNAVAILABLE"
    await shop.offer(20)
    assert await shop.sells() == [ITEM]


async def test_contracts_on_what_is_withdrawn_go_on_but_take_no_more(shop: Shop) -> None:
    bought = await shop.world.buy(10)
    outcome = await shop.withdraw(ITEM)
    assert outcome.difference.removed[Kind.OFFER] == (OFFER,)
    assert await shop.sells() == []
    assert (await shop.world.refusal(Action.SELECT, {"order": order(1)})).code == "BIZ_ITEM_NOT_FOUND"
    assert await shop.world.status(bought["beckn:id"]) == bought
    more = await shop.world.refusal(Action.UPDATE, {"order": order(11, order_id=bought["beckn:id"])})
    assert more.code == "POL_UPDATE_NOT_ALLOWED"
    assert "was withdrawn" in more.message
    await shop.world.send(Action.UPDATE, {"order": order(5, order_id=bought["beckn:id"])})
    await shop.world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})


async def test_more_is_closed_at_once_than_a_statement_has_parameters(shop: Shop) -> None:
    async with shop.world.uow_factory() as uow:
        gone = [f"roof-{number}" for number in range(40_000)] + [ITEM]
        await AvailabilityStore(uow.connection).put([], closing=gone)
    async with shop.world.uow_factory() as uow:
        assert (await Stock(uow.connection).left(ITEM, now=NOW)).watt_hours == 0


async def test_a_file_is_taken_at_the_start_only_if_it_has_changed(shop: Shop) -> None:
    async def start(document: Document) -> Outcome | None:
        async with shop.world.uow_factory() as uow:
            return await take_file(uow, document, by=BY, name="shop.yaml", now=NOW)

    document = load_document(CATALOGUE_FILE)
    assert (await start(document)) is not None
    await shop.offer(700)
    assert await start(document) is None
    assert shop.world.bpp.catalogue.get_resource(ITEM).available.kilowatt_hours == 700
    taken = await start(document | {"name": "Renamed"})
    assert taken is not None
    assert (taken.version.head.origin, taken.version.head.why) == (Origin.START, "started with shop.yaml")


async def test_changes_at_one_time_follow_one_another(shop: Shop) -> None:
    def add(number: int) -> Change:
        def change(current: Document | None) -> Document:
            assert current is not None
            return put_entry(current, Kind.PROVIDER, {"id": f"p{number}", "name": "One more"})

        return change

    outcomes = await asyncio.gather(*(shop.change(add(number)) for number in range(5)))
    assert sorted(each.version.head.number for each in outcomes) == [2, 3, 4, 5, 6]
    await shop.watch.step()
    assert {p.id for p in shop.world.bpp.catalogue.providers} >= {f"p{number}" for number in range(5)}


async def test_every_process_hears_of_a_new_version(shop: Shop, database: Database) -> None:
    elsewhere = Shop(SellerWorld(uow_factory=shop.world.uow_factory))
    worker = Worker("catalogue", elsewhere.watch.step, poll_interval=timedelta(days=1))
    listener = Listener(database)
    listener.on(CATALOGUE_CHANNEL, worker.wake)
    worker.start()
    await listener.start()
    try:
        await shop.offer(700)

        async def offered() -> object:
            return elsewhere.world.bpp.catalogue.get_resource(ITEM).available.kilowatt_hours

        await eventually(offered, 700)
    finally:
        await worker.stop()
        await listener.stop()
