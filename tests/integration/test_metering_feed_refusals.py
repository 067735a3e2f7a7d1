"""A resource of a utility's server that is refused is told of, and nothing else goes unread for it."""

from __future__ import annotations

import pytest

from metering.energy import Direction
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.feed_world import SOON, WHOLE_DAY, FeedWorld
from tests.support.metering_documents import NOW, QUARTER, START
from tests.support.utility_server import (
    EPOCH_NOW,
    ServedRegister,
    Traps,
    UtilityServer,
    day,
    export_register,
    serving,
)


@pytest.mark.parametrize("status", [500, 501, 404, 403])
@pytest.mark.parametrize("refused", ["/register/0/type", "/register/0/sets", "/register/0/sets/0/readings"])
async def test_a_register_that_is_refused_does_not_keep_the_next_one_from_being_read(
    uow_factory: UnitOfWorkFactory, refused: str, status: int
) -> None:
    server = UtilityServer(ServedRegister(sets=[day()]), export_register(day()), now=EPOCH_NOW)
    async with server:
        server.traps.statuses = {refused: status}
        world = FeedWorld(server, uow_factory)
        state = await world.poll()
        assert f"answers {status}" in state["last_error"]
        assert (state["failures"], state["polled_at"]) == (0, NOW)
        assert await world.values() == []
        assert await world.values(direction=Direction.EXPORT) == WHOLE_DAY
        server.traps.statuses = {}
        assert (await world.poll(after=SOON))["last_error"] is None
        assert await world.values() == WHOLE_DAY


async def test_a_set_that_is_refused_does_not_keep_the_next_one_from_being_read(
    uow_factory: UnitOfWorkFactory,
) -> None:
    async with serving(day(500, days_later=-1), day()) as server:
        server.traps.statuses = {"/sets/0/readings": 500}
        world = FeedWorld(server, uow_factory)
        assert "answers 500" in (await world.poll())["last_error"]
        assert await world.values() == WHOLE_DAY
        assert (await world.register())["newest_reading"] is None, "the position waits for the refused set"


@pytest.mark.parametrize("status", [404, 500])
async def test_a_last_reading_that_is_refused_hinders_no_set(
    uow_factory: UnitOfWorkFactory, status: int
) -> None:
    register = ServedRegister(sets=[day()], last=(START + 95 * QUARTER, 345))
    async with UtilityServer(register, now=EPOCH_NOW) as server:
        server.traps.statuses = {"/last": status}
        world = FeedWorld(server, uow_factory)
        assert f"answers {status}" in (await world.poll())["last_error"]
        assert await world.values() == WHOLE_DAY
        kept = await world.register()
        assert (kept["newest_reading"], kept["looked_back_at"]) == (START + 95 * QUARTER, NOW)


@pytest.mark.parametrize("refused", ["/clock", "/devices"])
async def test_what_only_goes_with_the_readings_does_not_keep_them_from_being_read(
    uow_factory: UnitOfWorkFactory, refused: str
) -> None:
    async with serving() as server:
        server.traps.statuses = {refused: 500}
        world = FeedWorld(server, uow_factory, notify_url="http://127.0.0.1:9/sep/notify")
        assert "answers 500" in (await world.poll())["last_error"]
        assert await world.values() == WHOLE_DAY


@pytest.mark.parametrize("status", [408, 425, 429, 502, 503, 504])
async def test_a_resource_that_says_not_now_ends_the_poll_as_the_whole_server_does(
    uow_factory: UnitOfWorkFactory, status: int
) -> None:
    async with serving(traps=Traps(statuses={"/register/0/type": status})) as server:
        state = await FeedWorld(server, uow_factory).poll()
        assert (state["failures"], state["polled_at"]) == (1, None)


async def test_a_link_that_leads_away_concerns_its_own_register_only(uow_factory: UnitOfWorkFactory) -> None:
    server = UtilityServer(ServedRegister(sets=[day()]), export_register(day()), now=EPOCH_NOW)
    async with server:
        server.traps.hrefs = {"/sep/register/0/sets": "https://elsewhere.example/sets"}
        world = FeedWorld(server, uow_factory)
        assert "leads away from" in (await world.poll())["last_error"]
        assert await world.values() == []
        assert await world.values(direction=Direction.EXPORT) == WHOLE_DAY


async def test_a_tag_that_no_header_can_carry_is_not_asked_with(uow_factory: UnitOfWorkFactory) -> None:
    async with serving(traps=Traps(etag_is='"größe"')) as server:
        world = FeedWorld(server, uow_factory)
        for _ in range(3):
            assert (await world.poll(after=SOON))["last_error"] is None
        assert await world.values() == WHOLE_DAY
