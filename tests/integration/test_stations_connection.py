"""Who may connect as a station, and what becomes of connections that are stale, hostile or broken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from fastapi import WebSocket
from starlette.types import Message
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from stations.connector_store import ConnectorStore
from stations.ocpp.door import _Socket
from stations.port import Acceptance, StationEventKind, Verb
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charge_points import PASSWORD, ChargePoint16, basic
from tests.support.station_world import StationWorld, station_world

K = StationEventKind


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> AsyncIterator[StationWorld]:
    async with station_world(uow_factory) as world:
        yield world


def knock(
    world: StationWorld, *, headers: dict[str, str], protocol: str = "ocpp1.6", at: str = "CP-7"
) -> connect:
    return connect(
        world.url.replace("http", "ws", 1) + f"/ocpp/{at}",
        subprotocols=[protocol],  # type: ignore[list-item]  # a NewType of theirs
        additional_headers=headers,
    )


@pytest.mark.parametrize(
    ("headers", "protocol", "at", "status"),
    [
        ({}, "ocpp1.6", "CP-7", 401),
        ({"Authorization": "Bearer token"}, "ocpp1.6", "CP-7", 401),
        ({"Authorization": "Basic !"}, "ocpp1.6", "CP-7", 401),
        ({"Authorization": "Basic YQ=="}, "ocpp1.6", "CP-7", 401),
        (basic("CP-7", "not the password"), "ocpp1.6", "CP-7", 401),
        (basic("CP-7", "x" * 1000), "ocpp1.6", "CP-7", 401),
        (basic("CP-8", PASSWORD), "ocpp1.6", "CP-7", 401),
        (basic("CP-8", PASSWORD), "ocpp1.6", "CP-8", 401),
        (basic("CP-7", PASSWORD), "ocpp1.5", "CP-7", 400),
    ],
)
async def test_who_does_not_show_who_it_is_stays_outside(
    world: StationWorld, headers: dict[str, str], protocol: str, at: str, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await knock(world, headers=headers, protocol=protocol, at=at)
    assert refused.value.response.status_code == status
    assert world.events == []


async def test_a_new_connection_takes_the_place_of_a_stale_one(world: StationWorld) -> None:
    async with ChargePoint16(world.url) as stale, ChargePoint16(world.url) as fresh:
        await fresh.boot()
        assert stale.socket is not None
        await stale.socket.wait_closed()
        assert await world.tell(Verb.START)
        await fresh.heard("RemoteStartTransaction")
        assert stale.told.empty()
        assert world.told() == [K.ONLINE]
    await world.until(K.OFFLINE)
    assert world.told() == [K.ONLINE, K.OFFLINE]


async def test_a_station_that_is_back_before_its_going_was_kept_is_not_away(world: StationWorld) -> None:
    async with ChargePoint16(world.url) as station, asyncio.timeout(20):
        await station.boot()
        async with world.uow_factory() as uow:  # whoever keeps something of the station waits
            await ConnectorStore(uow.connection).lock("CP-7")
            await station.lose_network()
            while "CP-7" in world.central_system._links:  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.01)
            await station.connect()
            while "CP-7" not in world.central_system._links:  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.01)
        await station.boot()
        assert world.told() == [K.ONLINE]


async def test_a_connection_that_we_ended_has_ended_for_who_reads_it_too() -> None:
    async def come() -> Message:
        return {"type": "websocket.connect"}

    async def go(_message: Message) -> None:
        pass

    socket = WebSocket({"type": "websocket", "headers": []}, come, go)
    await socket.accept()
    link = _Socket(socket)
    await link.close(1000, "another connection took its place")
    assert await link.receive() is None


async def test_a_station_that_does_not_answer_is_asked_again(world: StationWorld) -> None:
    world.central_system._answer_seconds = 0.05
    async with knock(world, headers=basic("CP-7", PASSWORD)) as socket:
        await world.until(K.ONLINE)
        assert await world.tell(Verb.START) is None
        assert json.loads(await socket.recv())[2] == "RemoteStartTransaction"
        await socket.send('[3,"of-nothing-asked",{"status":"Accepted"}]')


async def test_a_connection_that_ends_under_a_question_is_no_answer(world: StationWorld) -> None:
    async with knock(world, headers=basic("CP-7", PASSWORD)) as socket:
        await world.until(K.ONLINE)
        telling = asyncio.create_task(world.tell(Verb.START))
        await socket.recv()
        await socket.close()
        assert await telling is None
    await world.until(K.OFFLINE)


@pytest.mark.parametrize(
    ("answer", "acceptance"),
    [
        ('[4,"{id}","NotSupported","no",{{}}]', Acceptance.REJECTED),
        ('[3,"{id}",{{"status":"Perhaps"}}]', Acceptance.REJECTED),
        ('[3,"{id}",{{"status":"Accepted"}}]', Acceptance.ACCEPTED),
    ],
)
async def test_an_answer_is_taken_for_what_it_says(
    world: StationWorld, answer: str, acceptance: Acceptance
) -> None:
    async with knock(world, headers=basic("CP-7", PASSWORD)) as socket:
        await world.until(K.ONLINE)
        telling = asyncio.create_task(world.tell(Verb.START))
        asked = json.loads(await socket.recv())
        await socket.send(answer.format(id=asked[1]))
        result = await telling
    assert result is not None
    assert result.acceptance is acceptance


async def answered(socket: ClientConnection, text: str) -> list[object]:
    await socket.send(text)
    answer: list[object] = json.loads(await socket.recv())
    return answer


async def test_what_is_no_frame_is_passed_over_and_what_is_no_call_of_ours_is_answered(
    world: StationWorld,
) -> None:
    async with knock(world, headers=basic("CP-7", PASSWORD)) as socket:
        for junk in ("", "{", "7", "[]", '[2,"",1,2]', '[2,5,"Heartbeat",{}]', '[9,"a",{}]', '[2,"a",{}]'):
            await socket.send(junk)
        for text, code in (
            ('[2,"a","Heartbeat",{"x":1}]', "FormationViolation"),
            ('[2,"a","Heartbeat",[]]', "TypeConstraintViolation"),
            ('[2,"a","Authorize",{}]', "ProtocolError"),
            ('[2,"a","Authorize",{"idTag":"%s"}]' % ("x" * 21), "TypeConstraintViolation"),
            ('[2,"a","../../etc/passwd",{}]', "NotImplemented"),
            (
                '[2,"a","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Odd"}]',
                "PropertyConstraintViolation",
            ),
        ):
            assert (await answered(socket, text))[:3] == [4, "a", code]
        assert (await answered(socket, '[2,"b","Heartbeat",{}]'))[:2] == [3, "b"]


async def test_what_the_node_fails_on_is_kept_by_nobody_and_told_without_details(world: StationWorld) -> None:
    async with knock(world, headers=basic("CP-7", PASSWORD)) as socket:
        await answered(socket, '[2,"b","Heartbeat",{}]')  # by then it is known to be there
        world.fails = True
        text = '[2,"a","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Available"}]'
        assert (await answered(socket, text))[:4] == [4, "a", "InternalError", "send it again later"]
        world.fails = False
        assert (await answered(socket, text))[0] == 3
    assert world.told()[:2] == [K.ONLINE, K.AVAILABLE]


async def test_a_frame_that_is_too_long_ends_the_connection(world: StationWorld) -> None:
    async with knock(world, headers=basic("CP-7", PASSWORD)) as socket:
        await socket.send("x" * 300_000)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    await world.until(K.OFFLINE)


async def test_bytes_are_no_ocpp(world: StationWorld) -> None:
    async with knock(world, headers=basic("CP-7", PASSWORD)) as socket:
        await socket.send(b"[2]")
        with pytest.raises(ConnectionClosed):
            await socket.recv()
