"""From the outbox to real sockets: peers that answer, fail, dawdle, lie or are not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from node.transport import Transport
from node.worker import Worker
from protocol.actions import Action
from protocol.signing import FOUR_LINES, parse_header
from registry_client.reach import Reach
from storage.peers import record_heard
from storage.tables import outbox
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.dock import LEASE, PATIENCE, Dock, delivery_dock, once
from tests.support.outgoing import NOW
from tests.support.simulated_peer import Reply
from tests.support.waiting import eventually


@pytest.fixture
async def dock(uow_factory: UnitOfWorkFactory) -> AsyncIterator[Dock]:
    async with delivery_dock(uow_factory) as dock:
        yield dock


async def test_a_message_is_delivered_as_it_was_put_and_signed_for_real(dock: Dock) -> None:
    message = dock.write()
    await dock.put(message)
    delivery = dock.delivery()
    assert await once(delivery)
    assert not await once(delivery)
    (received,) = dock.buyer.received
    (row,) = await dock.rows()
    dock.check_signature(received)
    assert received.body == message.body
    assert (row.state, row.attempts, row.last_status, row.finished_at) == ("delivered", 1, 200, NOW)
    assert row.authorizations == [received.authorization]
    labels = {"action": "on_status", "outcome": "delivered"}
    assert dock.metrics.registry.get_sample_value("degnode_deliveries_total", labels) == 1


async def test_a_callback_signs_the_request_that_it_answers(dock: Dock) -> None:
    await dock.put(replace(dock.write(), request_signature="c2ln"))
    await once(dock.delivery())
    (received,) = dock.buyer.received
    assert parse_header(received.authorization).headers == FOUR_LINES
    dock.check_signature(received, request_signatures=("c2ln",))


async def test_the_signature_is_on_record_before_the_peer_sees_it(dock: Dock) -> None:
    gate = asyncio.Event()
    dock.buyer.reply = Reply(after=gate)
    await dock.put(dock.write())
    delivery = dock.delivery()
    await delivery.step()
    (received,) = await dock.buyer.wait_for(Action.ON_STATUS)
    (row,) = await dock.rows()
    assert (row.state, row.authorizations) == ("claimed", [received.authorization])
    gate.set()
    await delivery.drain()
    assert await dock.states() == ["delivered"]


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_peer_in_trouble_is_tried_again_under_a_fresh_signature_and_gets_it_once(
    dock: Dock, status: int
) -> None:
    dock.buyer.replies = [Reply(status=status, body=b"Sorry"), Reply(status=status)]
    await dock.put(dock.write())
    delivery = dock.delivery()
    await once(delivery)
    (row,) = await dock.rows()
    assert (row.state, row.last_status) == ("pending", status)
    assert await dock.blocked() == [("bap.example.com", 1)]
    for seconds in (2, 4):
        assert not await once(delivery)
        dock.clock.advance(timedelta(seconds=seconds))
        assert await once(delivery)
    (row,) = await dock.rows()
    assert (row.state, row.attempts, row.last_status) == ("delivered", 3, 200)
    assert row.authorizations == [received.authorization for received in dock.buyer.received]
    assert len(set(row.authorizations)) == 3
    assert len({received.body for received in dock.buyer.received}) == 1
    assert await dock.blocked() == []


async def test_a_message_that_a_peer_cannot_take_does_not_come_at_once_again_while_others_do_well(
    dock: Dock,
) -> None:
    dock.buyer.replies = [Reply(status=500)]
    await dock.put(dock.write())
    delivery = dock.delivery()
    await once(delivery)
    await dock.put(dock.write(transaction_id="t-2"))
    async with dock.uow_factory() as uow:
        await record_heard(uow.connection, subscriber_id="bap.example.com")
    await once(delivery)
    assert not await once(delivery)
    assert await dock.states() == ["pending", "delivered"]
    assert len(dock.buyer.received) == 2


async def test_a_peer_that_takes_too_long_is_left_alone_for_a_while(dock: Dock) -> None:
    gate = asyncio.Event()
    dock.buyer.replies = [Reply(after=gate)]
    await dock.put(dock.write())
    delivery = dock.delivery()
    async with Transport(timeout=timedelta(seconds=0.3), reach=Reach.LOOPBACK) as impatient:
        await once(dock.delivery(transport=impatient))
    (row,) = await dock.rows()
    assert (row.state, row.last_status) == ("pending", None)
    assert row.last_error == "TimeoutError: no answer within 0.3 s"
    assert not await once(delivery)
    gate.set()
    dock.clock.advance(timedelta(seconds=2))
    await once(delivery)
    assert await dock.states() == ["delivered"]


async def test_a_peer_that_is_down_is_left_alone_until_it_is_heard(dock: Dock) -> None:
    await dock.buyer.server.stop()
    await dock.put(dock.write(), dock.write(transaction_id="t-2"))
    delivery = dock.delivery()
    await once(delivery)
    assert await dock.states() == ["pending", "pending"]
    assert await dock.blocked() == [("bap.example.com", 1)]
    assert not await once(delivery)
    await dock.buyer.server.start()
    async with dock.uow_factory() as uow:
        await record_heard(uow.connection, subscriber_id="bap.example.com")
    assert await once(delivery)
    assert await dock.states() == ["delivered", "delivered"]


async def test_a_worker_that_died_while_sending_is_followed_by_another_when_its_lease_ends(
    dock: Dock,
) -> None:
    gate = asyncio.Event()
    dock.buyer.replies = [Reply(status=500, after=gate)]
    await dock.put(dock.write())
    dead, alive = dock.delivery(), dock.delivery()
    await dead.step()
    await dock.buyer.wait_for(Action.ON_STATUS)
    assert not await once(alive)
    dock.clock.advance(LEASE)
    assert await once(alive)
    first, second = dock.buyer.received
    assert (first.body, await dock.states()) == (second.body, ["delivered"])
    gate.set()
    await dead.drain()  # not quite dead, but too late
    assert await dock.states() == ["delivered"]
    assert await dock.blocked() == []


async def test_a_slow_peer_holds_up_its_own_messages_only(dock: Dock) -> None:
    gate = asyncio.Event()
    dock.buyer.reply = Reply(after=gate)
    slow = [dock.write(transaction_id=f"slow-{number}") for number in range(30)]
    quick = [dock.write(dock.other, transaction_id=f"quick-{number}") for number in range(10)]
    await dock.put(*slow, *quick)
    delivery = dock.delivery(concurrency=4)
    worker = Worker("delivery", delivery.step, poll_interval=timedelta(seconds=20))
    delivery.wake = worker.wake
    worker.start()
    assert len(await dock.other.wait_for(Action.ON_STATUS, count=10)) == 10
    assert len(dock.buyer.received) <= 2
    gate.set()
    assert len(await dock.buyer.wait_for(Action.ON_STATUS, count=30)) == 30
    await eventually(dock.states, ["delivered"] * 40)
    await worker.stop()
    await delivery.drain()


async def test_an_answer_without_end_is_read_only_so_far(dock: Dock) -> None:
    dock.buyer.reply = Reply(body=orjson.dumps({"ack_status": "ACK", "more": "x" * 200_000}), pieces=2)
    await dock.put(dock.write())
    await once(dock.delivery())
    assert await dock.states() == ["delivered"]


async def test_a_peer_that_hangs_up_without_a_word_is_tried_again(dock: Dock) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await dock.put(dock.write())
    async with dock.uow_factory() as uow:
        await uow.connection.execute(outbox.update().values(url=f"http://127.0.0.1:{port}/x"))
    await once(dock.delivery())
    (row,) = await dock.rows()
    assert row.state == "pending"
    assert row.last_error.startswith("ConnectionError: ")
    server.close()
    await server.wait_closed()


async def test_what_nobody_foresaw_costs_its_own_message_only(dock: Dock) -> None:
    class Odd(Transport):
        async def post(self, url: str, body: bytes, *, headers: Mapping[str, str]) -> Any:
            raise ZeroDivisionError(url)

    await dock.put(dock.write())
    await once(dock.delivery(transport=Odd(timeout=PATIENCE, reach=Reach.LOOPBACK)))
    (row,) = await dock.rows()
    assert (row.state, row.last_error.split(":")[0]) == ("pending", "ZeroDivisionError")


async def test_a_transport_that_is_not_open_sends_nothing() -> None:
    transport = Transport(timeout=PATIENCE, reach=Reach.LOOPBACK)
    with pytest.raises(RuntimeError, match="not open"):
        await transport.post("http://127.0.0.1:9/", b"", headers={})
    await transport.__aexit__(None, None, None)
