"""How far notifications are believed: the server's own pages have the last word, old secrets end nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from metering.feeds.feed_store import FeedStore
from metering.tables import meter_reading_types
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.feed_world import NAME, FeedWorld
from tests.support.loopback_server import LoopbackServer
from tests.support.metering_documents import EXPORT_REGISTER, METER, NOW, QUARTER, START
from tests.support.notified_world import NotifiedWorld
from tests.support.utility_server import ServedRegister, Traps, UtilityServer, day, notification

SETS = "/sep/register/0/sets"
LAST = START + 95 * QUARTER
MINUTE = timedelta(minutes=1)
SEP_XML = {"Content-Type": "application/sep+xml"}


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> AsyncIterator[NotifiedWorld]:
    app = FastAPI()
    async with (
        LoopbackServer(app) as node,
        UtilityServer(ServedRegister(sets=[day()]), now=0, traps=Traps(subscribable=True)) as server,
    ):
        yield NotifiedWorld(server, uow_factory, app, node.url)


async def tell(address: str, *, status: int = 0, value: int = 1) -> None:
    body = notification(SETS, status=status, readings=[(LAST, value)])
    async with httpx.AsyncClient() as client:
        assert (await client.post(address, content=body, headers=SEP_XML)).status_code == 204


@pytest.mark.parametrize("etags", [False, True])
async def test_a_notification_that_comes_late_is_put_right_by_the_next_poll(
    world: NotifiedWorld, *, etags: bool
) -> None:
    world.server.traps.etags = etags
    await world.poll()
    await world.server.notify(SETS, status=0, readings=[(LAST, 1)])
    await world.server.notify(SETS, status=0, readings=[(LAST, 2)])
    world.server.registers[0].sets[0].values[LAST] = 2
    await world.poll(after=MINUTE)
    await world.poll(after=timedelta(hours=1))
    await world.server.notify(SETS, status=0, readings=[(LAST, 1)])
    assert (await world.energies())[-1][0] == 1
    await world.poll(after=MINUTE)
    assert (await world.energies())[-1][0] == 2
    kept = await world.rows()
    for _ in range(2):
        await world.poll(after=timedelta(hours=1))
    assert await world.rows() == kept


async def test_the_address_that_the_server_has_is_heard_however_often_renewing_fails(
    world: NotifiedWorld,
) -> None:
    await world.poll()
    told = world.server.subscriptions[SETS]
    world.server.traps.refuses_subscriptions = True
    for _ in range(4):
        await world.poll(after=timedelta(hours=25))
    await tell(told, value=7)
    assert (await world.energies())[-1][0] == 7


async def test_an_address_whose_answer_was_lost_is_heard_too_once_the_server_used_it(
    world: NotifiedWorld,
) -> None:
    await world.poll()
    world.server.traps.loses_answers = True
    await world.poll(after=timedelta(hours=25))
    told = world.server.subscriptions[SETS]
    await tell(told, value=7)
    world.server.traps.loses_answers = False
    world.server.traps.refuses_subscriptions = True
    for _ in range(3):
        await world.poll(after=timedelta(hours=25))
    await tell(told, value=8)
    assert (await world.energies())[-1][0] == 8


async def test_the_end_of_a_former_subscription_does_not_end_the_present_one(world: NotifiedWorld) -> None:
    await world.poll()
    former = world.server.subscriptions[SETS]
    await world.poll(after=timedelta(hours=25))
    present = world.server.subscriptions[SETS]
    await tell(former, status=1)
    await world.poll(after=MINUTE)
    assert world.server.subscriptions[SETS] == present
    await tell(present, status=1)
    await world.poll(after=MINUTE)
    assert world.server.subscriptions[SETS] != present


def named(**changes: Any) -> dict[str, Any]:
    """Return an entry of the file of feeds."""
    kind = {"flow_direction": 19, "power_of_ten_multiplier": changes.pop("power", 0)}
    entry = {"resource": "/sep/told", "meter": METER, "register": EXPORT_REGISTER, "reading_type": kind}
    return entry | changes


@pytest.mark.parametrize(
    "wrong",
    [{"meter": "F" * 24 + "00000001"}, {"resource": "https://elsewhere.example/told"}],
    ids=["provisional", "foreign"],
)
async def test_an_entry_of_the_file_that_cannot_be_used_hinders_no_other(
    uow_factory: UnitOfWorkFactory, wrong: dict[str, str]
) -> None:
    app = FastAPI()
    entries = [named(**{"meter": "0100200400", "resource": "/sep/other"} | wrong), named()]
    server = UtilityServer(ServedRegister(sets=[day()]), now=0, traps=Traps(subscribable=True))
    async with LoopbackServer(app) as node, server:
        world = NotifiedWorld(server, uow_factory, app, node.url, notified=entries)
        state = await world.poll()
        assert (state["failures"], state["last_error"].startswith("notified ")) == (0, True)
        assert (await world.values())[0] == 250
        await server.notify("/sep/told", status=0, readings=[])
        assert "/sep/told" in server.subscriptions


async def test_a_reading_type_of_the_file_that_changes_back_counts(uow_factory: UnitOfWorkFactory) -> None:
    async with UtilityServer(now=0, traps=Traps(meters_under="nowhere")) as server:
        for power in (3, 0, 3):
            world = FeedWorld(server, uow_factory, notified=[named(power=power)])
            world.clock.set(NOW + timedelta(hours=power))
            async with uow_factory() as uow:
                await FeedStore(uow.connection).hint(NAME, now=NOW, whole=True)
            await world.poll()
        async with uow_factory() as uow:
            kinds = select(meter_reading_types.c.power_of_ten_multiplier).order_by(
                meter_reading_types.c.version
            )
            assert (await uow.connection.execute(kinds)).scalars().all() == [3, 0, 3]


async def test_an_end_that_is_told_while_a_poll_is_under_way_has_everything_read_after_it(
    world: NotifiedWorld,
) -> None:
    await world.poll()
    values = world.server.registers[0].sets[0].values

    answers = []

    async def tell_once(_path: str) -> None:
        world.server.traps.meanwhile = None
        world.clock.advance(timedelta(seconds=1))
        answers.append(await world.server.notify(SETS, status=4, readings=[(LAST, 3)]))

    world.server.traps.meanwhile = tell_once
    await world.poll(after=timedelta(hours=2))
    assert [answer.status_code for answer in answers] == [204]
    values[LAST] = 7
    await world.poll(after=MINUTE)
    assert (await world.energies())[-1][0] == 7
    asked = len(world.server.asked)
    await world.poll(after=MINUTE)
    assert len(world.server.asked) == asked
