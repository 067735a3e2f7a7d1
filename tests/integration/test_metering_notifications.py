"""Notifications of a utility's server, as real ones send them, through the route into a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from metering.energy import Direction
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.feed_world import FeedWorld
from tests.support.loopback_server import LoopbackServer
from tests.support.metering_documents import EXPORT_REGISTER, METER, NOW, QUARTER, START
from tests.support.notified_world import NotifiedWorld
from tests.support.utility_server import (
    ServedReadings,
    ServedRegister,
    Traps,
    UtilityServer,
    day,
    export_register,
    notification,
)

SETS = "/sep/register/0/sets"
LAST = START + 95 * QUARTER
ORDERS = [((0, 1), (4, 345)), ((4, 345), (0, 1))]
MINUTE = timedelta(minutes=1)
SEP_XML = {"Content-Type": "application/sep+xml"}


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> AsyncIterator[NotifiedWorld]:
    app = FastAPI()
    registers = ServedRegister(sets=[day()])
    async with (
        LoopbackServer(app) as node,
        UtilityServer(registers, now=0, traps=Traps(subscribable=True)) as server,
    ):
        yield NotifiedWorld(server, uow_factory, app, node.url)


def served(world: NotifiedWorld) -> ServedReadings:
    return world.server.registers[0].sets[0]


async def test_what_can_be_subscribed_to_is_subscribed_to_once(world: NotifiedWorld) -> None:
    await world.poll()
    assert set(world.server.subscriptions) == {SETS, "/sep/points"}
    assert (await world.state())["subscriptions"] == 2
    before = dict(world.server.subscriptions)
    await world.poll(after=timedelta(hours=1))
    assert world.server.subscriptions == before


async def test_subscriptions_are_renewed_in_time_and_the_former_address_is_still_heard(
    world: NotifiedWorld,
) -> None:
    await world.poll()
    former = world.server.subscriptions[SETS]
    await world.poll(after=timedelta(hours=25))
    assert world.server.subscriptions[SETS] != former
    for address, value in ((former, 1), (world.server.subscriptions[SETS], 2)):
        body = notification(SETS, status=0, readings=[(LAST, value)])
        async with httpx.AsyncClient() as client:
            answer = await client.post(address, content=body, headers=SEP_XML)
        assert answer.status_code == 204
    assert (await world.energies())[-1] == (2, 2)


async def test_a_server_that_takes_no_subscriptions_is_polled_all_the_same(world: NotifiedWorld) -> None:
    world.server.traps.refuses_subscriptions = True
    assert (await world.poll())["last_error"] is None
    assert len(await world.values()) == 96
    asked = len(world.server.asked_for("subscriptions"))
    world.server.traps.refuses_subscriptions = False
    await world.poll(after=timedelta(hours=2))
    assert len(world.server.asked_for("subscriptions")) == 2 * asked
    assert SETS in world.server.subscriptions


async def test_readings_that_come_along_are_taken_at_once_where_a_meter_has_one_register(
    world: NotifiedWorld,
) -> None:
    await world.poll()
    answer = await world.server.notify(SETS, status=0, readings=[(LAST, 1)])
    assert answer.status_code == 204
    assert (await world.energies())[-1] == (1, 1)


@pytest.mark.parametrize("order", ORDERS, ids=["0-before-4", "4-before-0"])
async def test_a_correction_told_of_twice_ends_in_the_new_value_in_either_order(
    world: NotifiedWorld, order: tuple[tuple[int, int], ...]
) -> None:
    await world.poll()
    served(world).values[LAST] = 1
    for status, value in order:
        await world.server.notify(SETS, status=status, readings=[(LAST, value)])
        await world.poll(after=MINUTE)
    assert (await world.energies())[-1] == (1, 1)
    assert len(await world.values()) == 96


@pytest.mark.parametrize("order", ORDERS, ids=["0-before-4", "4-before-0"])
async def test_the_same_holds_while_the_server_cannot_be_polled(
    world: NotifiedWorld, order: tuple[tuple[int, int], ...]
) -> None:
    await world.poll()
    world.server.traps.status = 503
    for status, value in order:
        await world.server.notify(SETS, status=status, readings=[(LAST, value)])
        await world.poll(after=MINUTE)
    assert (await world.energies())[-1] == (1, 1)
    assert len(await world.values()) == 96


async def test_status_4_neither_deletes_readings_nor_ends_the_feed(world: NotifiedWorld) -> None:
    await world.poll()
    told = world.server.subscriptions[SETS]
    everything = [(start, value) for start, value in served(world).values.items()]
    assert (await world.server.notify(SETS, status=4, readings=everything)).status_code == 204
    assert len(await world.values()) == 96
    state = await world.poll(after=MINUTE)
    assert state["last_error"] is None
    assert world.server.subscriptions[SETS] != told, "it must subscribe anew"
    assert len(await world.values()) == 96


async def test_a_mixed_list_of_import_and_export_is_only_a_hint(world: NotifiedWorld) -> None:
    world.server.registers.append(export_register(day(500)))
    await world.poll()
    served(world).values[LAST] = 12
    world.server.registers[1].sets[0].values[LAST] = 22
    mixed = [(START, 11), (LAST, 12), (START, 21), (LAST, 22)]
    await world.server.notify(SETS, status=0, readings=mixed)
    assert (await world.energies())[-1] == (345, 0)
    await world.poll(after=MINUTE)
    assert (await world.energies())[-1] == (12, 1)
    assert (await world.values())[0] == 250


async def test_readings_without_a_repeated_time_are_no_proof_that_they_are_one_registers(
    world: NotifiedWorld,
) -> None:
    world.server.registers.append(export_register(day(500)))
    await world.poll()
    await world.server.notify(SETS, status=0, readings=[(START, 11), (LAST, 22)])
    assert (await world.values())[0] == 250
    assert (await world.values(direction=Direction.EXPORT))[-1] == 595


async def test_a_hint_has_older_readings_looked_at_than_a_poll_does(world: NotifiedWorld) -> None:
    world.server.registers.append(export_register(day(500)))
    await world.poll()
    served(world).values[START] = 1
    await world.server.notify(SETS, status=0, readings=[(START, 1)])
    assert (await world.register())["look_from"] == START
    world.server.asked.clear()
    await world.poll(after=MINUTE)
    assert (await world.energies())[0] == (1, 1)
    assert (await world.register())["look_from"] is None
    assert world.server.asked_for("/register/1/") == [], "nobody spoke of the other register"


async def test_the_whole_is_still_polled_when_it_is_due_after_a_hint(world: NotifiedWorld) -> None:
    due_at = (await world.poll())["due_at"]
    await world.server.notify(SETS, status=0, readings=[])
    assert (await world.poll(after=MINUTE))["due_at"] == due_at


async def test_a_notification_of_the_list_of_meters_has_all_of_it_polled(world: NotifiedWorld) -> None:
    await world.poll()
    world.server.registers.append(export_register(day(500)))
    await world.server.notify("/sep/points", status=0, readings=[], kind="UsagePointList")
    await world.poll(after=MINUTE)
    assert len(await world.values(direction=Direction.EXPORT)) == 96


async def test_a_repeated_notification_changes_nothing(world: NotifiedWorld) -> None:
    await world.poll()
    for _ in range(3):
        await world.server.notify(SETS, status=0, readings=[(LAST, 1)])
    assert (await world.energies())[-1] == (1, 1)


async def test_an_address_that_nobody_was_told_is_not_found_whatever_is_sent(world: NotifiedWorld) -> None:
    await world.poll()
    address = world.server.subscriptions[SETS]
    async with httpx.AsyncClient() as client:
        for wrong in (address[:-1], address + "x", address.rpartition("/")[0] + "/0"):
            answer = await client.post(wrong, content=b"no XML at all", headers=SEP_XML)
            assert answer.status_code == 404
            assert b"nobody was asked" in answer.content


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"no XML", SEP_XML, 400),
        (b"<!DOCTYPE a []><a/>", SEP_XML, 400),
        (b'<Notification xmlns="urn:ieee:std:2030.5:ns"><status>0</status></Notification>', SEP_XML, 400),
        (b'<Reading xmlns="urn:ieee:std:2030.5:ns"/>', SEP_XML, 400),
        (b" " * 2_000_001, SEP_XML, 413),
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"", {"Content-Type": "application/sep-exi"}, 415),
    ],
    ids=["no-xml", "doctype", "no-resource", "another-document", "too-long", "json", "exi"],
)
async def test_what_is_no_notification_is_refused_and_changes_nothing(
    world: NotifiedWorld, body: bytes, headers: dict[str, str], status: int
) -> None:
    state = await world.poll()
    async with httpx.AsyncClient() as client:
        answer = await client.post(world.server.subscriptions[SETS], content=body, headers=headers)
    assert answer.status_code == status
    assert b"<reasonCode>" in answer.content
    assert await world.state() == state


async def test_the_secret_is_nowhere_in_the_database(world: NotifiedWorld) -> None:
    await world.poll()
    secret = world.server.subscriptions[SETS].rpartition("/")[2]
    async with world.uow_factory() as uow:
        rows = (await uow.connection.exec_driver_sql("SELECT s::text FROM meter_subscriptions AS s")).all()
    assert len(secret) == 43
    assert rows
    assert not any(secret in str(row) or secret.encode().hex() in str(row) for row in rows)


async def test_without_a_public_address_nothing_is_subscribed_to(uow_factory: UnitOfWorkFactory) -> None:
    async with UtilityServer(
        ServedRegister(sets=[day()]), now=int(NOW.timestamp()), traps=Traps(subscribable=True)
    ) as server:
        await FeedWorld(server, uow_factory).poll()
        assert server.asked_for("subscriptions") == []


async def test_registers_that_are_only_notified_have_the_type_that_the_file_gives_them(
    uow_factory: UnitOfWorkFactory,
) -> None:
    app = FastAPI()
    notified = {
        "resource": "/sep/told",
        "meter": METER,
        "register": EXPORT_REGISTER,
        "reading_type": {"flow_direction": 19, "power_of_ten_multiplier": 3},
    }
    server = UtilityServer(now=0, traps=Traps(meters_under="nowhere"))
    async with LoopbackServer(app) as node, server:
        world = NotifiedWorld(server, uow_factory, app, node.url, notified=[notified])
        assert (await world.poll())["last_error"] is None
        answer = await server.notify("/sep/told", status=0, readings=[(START, 2), (LAST, 3)])
        assert answer.status_code == 204
        assert (await world.poll(after=MINUTE))["last_error"] is None
        assert await world.values(direction=Direction.EXPORT) == [2000, 3000]
