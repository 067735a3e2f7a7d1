"""`degnode meter feeds`, as a person types it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import update

from metering.feeds.tables import meter_feed_registers
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke, printed
from tests.support.feed_world import NAME, FeedWorld
from tests.support.metering_documents import NOW
from tests.support.utility_server import ServedRegister, UtilityServer, day, export_register


async def shown(database_url: str, *arguments: str) -> str:
    return printed(await invoke("meter", "feeds", *arguments, "--database-url", database_url))


async def test_nothing_is_followed_at_first(database_url: str) -> None:
    assert "DEGNODE_METER_FEEDS names the file" in await shown(database_url)
    assert "Nothing was read yet of a feed north" in await shown(database_url, NAME)


async def test_feeds_are_listed_with_how_they_are_doing(
    database_url: str, uow_factory: UnitOfWorkFactory
) -> None:
    server = UtilityServer(ServedRegister(sets=[day()]), export_register(day()), now=int(NOW.timestamp()))
    async with server:
        world = FeedWorld(server, uow_factory)
        await world.poll()
        server.traps.status = 503
        await world.poll(after=timedelta(minutes=5))
    (feed,) = json.loads(await shown(database_url, "--json"))
    assert (feed["name"], feed["registers"], feed["failures"]) == (NAME, 2, 1)
    assert feed["last_error"].endswith("answers 503")
    assert NAME in await shown(database_url)


async def test_a_feeds_registers_are_shown_with_how_far_they_were_read(
    database_url: str, uow_factory: UnitOfWorkFactory
) -> None:
    async with UtilityServer(
        ServedRegister(sets=[day()]), export_register(), now=int(NOW.timestamp())
    ) as server:
        await FeedWorld(server, uow_factory).poll()
    imported, exported = json.loads(await shown(database_url, NAME, "--json"))
    assert imported["newest_reading"] == "2026-03-14T23:45:00Z"
    assert exported["newest_reading"] is None
    assert "100200302" in await shown(database_url, NAME)


@pytest.mark.parametrize("newest", [-(2**63), -(10**12), 2**63 - 1])
async def test_an_instant_that_no_calendar_has_does_not_keep_a_feed_from_being_shown(
    database_url: str, uow_factory: UnitOfWorkFactory, newest: int
) -> None:
    async with UtilityServer(ServedRegister(sets=[day()]), now=int(NOW.timestamp())) as server:
        await FeedWorld(server, uow_factory).poll()
    async with uow_factory() as uow:
        await uow.connection.execute(update(meter_feed_registers).values(newest_reading=newest))
    (register,) = json.loads(await shown(database_url, NAME, "--json"))
    assert register["newest_reading"] is None
    assert "100200301" in await shown(database_url, NAME)
