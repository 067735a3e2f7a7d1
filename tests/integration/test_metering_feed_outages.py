"""Following a utility's server through outages, kills and stops: nothing is lost, nothing counts twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from metering.feeds.feed_store import FeedStore
from metering.feeds.source import LEASE
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.feed_world import SOON, WHOLE_DAY, FeedWorld, Killed
from tests.support.metering_documents import NOW
from tests.support.utility_server import Traps, day, serving


async def test_a_server_that_is_down_is_left_alone_for_longer_each_time_and_nothing_is_lost(
    uow_factory: UnitOfWorkFactory,
) -> None:
    async with serving() as server:
        world = FeedWorld(server, uow_factory)
        server.traps.status = 503
        waits = []
        for _ in range(3):
            state = await world.poll()
            waits.append(state["due_at"] - world.clock.now())
            world.clock.set(state["due_at"])
            world.restarted()
        assert waits == [timedelta(seconds=wait) for wait in (30, 60, 120)]
        assert (state["failures"], "answers 503" in state["last_error"]) == (3, True)
        server.traps.status = None
        state = await world.poll()
        assert (state["failures"], state["last_error"]) == (0, None)
        assert await world.values() == WHOLE_DAY


async def test_a_server_that_says_when_to_come_again_is_left_alone_until_then(
    uow_factory: UnitOfWorkFactory,
) -> None:
    async with serving(traps=Traps(status=429, retry_after="7200")) as server:
        world = FeedWorld(server, uow_factory)
        assert (await world.poll())["due_at"] == NOW + timedelta(hours=2)


async def test_a_server_that_cannot_be_reached_is_a_failure_that_is_told(
    uow_factory: UnitOfWorkFactory,
) -> None:
    server = serving()
    async with server:
        world = FeedWorld(server, uow_factory)
    assert "cannot be reached" in (await world.poll())["last_error"]


async def test_polls_follow_the_rate_of_the_server_unless_the_file_says_otherwise(
    uow_factory: UnitOfWorkFactory,
) -> None:
    async with serving(traps=Traps(poll_rate=300)) as server:
        world = FeedWorld(server, uow_factory)
        assert (await world.poll())["due_at"] == NOW + SOON
        asked = len(server.asked)
        await world.poll(after=timedelta(seconds=299))
        assert len(server.asked) == asked
        own = FeedWorld(server, uow_factory, poll_every=60)
        own.clock.set(NOW + SOON)
        assert (await own.poll())["due_at"] == NOW + SOON + timedelta(minutes=1)


@pytest.mark.parametrize("page", range(1, 10))
async def test_after_a_kill_at_any_page_reading_goes_on_without_loss_or_double_counting(
    uow_factory: UnitOfWorkFactory, page: int
) -> None:
    days = [day(250 + 100 * ago, days_later=-ago) for ago in range(3)]
    async with serving(*days, traps=Traps(largest_page=40)) as server:
        world = FeedWorld(server, uow_factory, look_back=timedelta(hours=1))
        world.die_at = page
        with pytest.raises(Killed):
            await world.poll()
        done_before = (page - 1) // 3
        server.asked.clear()
        world.restarted()
        await world.poll(after=LEASE)
        assert await world.values() == WHOLE_DAY
        assert (await world.rows())[0] == 3 * 96
        # What was finished is not read again, but for the overlap with the newest of it.
        read_again = {path.partition("?")[0] for path in server.asked_for("readings")}
        assert len(read_again) == 3 - done_before + min(done_before, 1)


async def test_a_poll_ends_early_when_the_node_stops_and_goes_on_at_once_when_it_starts_again(
    uow_factory: UnitOfWorkFactory,
) -> None:
    async with serving(day(500, days_later=-1), day()) as server:
        world = FeedWorld(server, uow_factory)

        def stop(path: str) -> None:
            if "sets/1/readings" in path:
                world.poller.stop()

        server.traps.before = stop
        server.traps.largest_page = 40
        await world.poll()
        assert 0 < len(await world.values()) < 96
        server.traps.before = None
        world.restarted()
        assert (await world.poll())["last_error"] is None
        assert await world.energies() == [(value, 0) for value in WHOLE_DAY]


async def test_two_processes_do_not_poll_one_feed_at_once(uow_factory: UnitOfWorkFactory) -> None:
    async with serving() as server:
        world = FeedWorld(server, uow_factory)
        await world.poller.enrol()
        async with uow_factory() as uow:
            store = FeedStore(uow.connection)
            assert await store.claim(["north"], now=NOW, until=NOW + LEASE) is not None
        await world.poll()
        assert server.asked == []
        await world.poll(after=LEASE)
        assert await world.values() == WHOLE_DAY


async def test_a_poll_that_keeps_nothing_for_long_keeps_its_feed(uow_factory: UnitOfWorkFactory) -> None:
    async with serving(day(), day(500, days_later=-1)) as server:
        world = FeedWorld(server, uow_factory)
        await world.poll()
        taken = []

        def be_slow(_path: str) -> None:
            server.now = int(world.clock.advance(LEASE / 3).timestamp())

        async def look(_path: str) -> None:
            async with uow_factory() as uow:
                now = world.clock.now()
                taken.append(await FeedStore(uow.connection).claim(["north"], now=now, until=now))

        server.traps.before, server.traps.meanwhile = be_slow, look
        state = await world.poll(after=SOON)
        assert len(taken) > 5
        assert set(taken) == {None}
        assert (state["last_error"], state["polled_at"]) == (None, world.clock.now())


@pytest.mark.parametrize("ends_by", ["a page", "success", "failure", "stopping"])
async def test_who_lost_a_feed_to_another_process_changes_nothing_any_more(
    uow_factory: UnitOfWorkFactory, ends_by: str
) -> None:
    async with serving() as server:
        world = FeedWorld(server, uow_factory)

        async def lose(path: str) -> None:
            if path.endswith("/type" if ends_by == "a page" else "/readings"):
                async with uow_factory() as uow:
                    after = NOW + LEASE
                    claimed = await FeedStore(uow.connection).claim(["north"], now=after, until=after + LEASE)
                    assert claimed is not None
                server.traps.status = 503 if ends_by == "failure" else None
                if ends_by == "stopping":
                    world.poller.stop()

        if ends_by == "success":
            server.registers[0].sets[0].values.clear()
        server.traps.meanwhile = lose
        state = await world.poll()
        assert (state["leased_until"], state["lease"]) == (NOW + 2 * LEASE, 2)
        assert (state["polled_at"], state["failures"], state["due_at"]) == (None, 0, NOW)
        assert await world.rows() == (0, 0)
