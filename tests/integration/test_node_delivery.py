"""From the outbox to real sockets: peers that answer, refuse, fail, dawdle, lie or are not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from kernel.clock import ManualClock
from node.delivery import Delivery
from node.telemetry import Metrics
from node.transport import Transport
from node.worker import Worker
from protocol.actions import Action, Role
from protocol.errors import WireError
from protocol.keys import new_private_key
from protocol.profile import V2_RC
from protocol.signing import FOUR_LINES, parse_header, verify
from registry_client.reach import Reach
from storage.backoff import Backoff
from storage.outbox import ClaimedOutgoing, Outgoing
from storage.peers import record_failure, record_heard
from storage.tables import outbox
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.support.outgoing import NOW
from tests.support.peers import unhealthy_peers
from tests.support.rc_examples import example
from tests.support.simulated_peer import Received, Reply, SimulatedPeer
from tests.support.waiting import eventually

BACKOFF = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=1))
LEASE = timedelta(seconds=30)
PATIENCE = timedelta(seconds=20)
REFUSAL = b'{"ack_status": "NACK", "error": {"code": "SCH_NO", "message": "not like this"}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Dock:
    """A seller's way out, and two buyers' platforms to deliver to."""

    seller: SimulatedPeer
    buyer: SimulatedPeer
    other: SimulatedPeer
    uow_factory: UnitOfWorkFactory
    clock: ManualClock
    transport: Transport
    metrics: Metrics = field(default_factory=Metrics)

    def delivery(self, **changes: Any) -> Delivery:
        values: dict[str, Any] = {
            "uow_factory": self.uow_factory,
            "transport": self.transport,
            "signers": self.seller.signer,
            "clock": self.clock,
            "metrics": self.metrics,
            "lease": LEASE,
            "backoff": BACKOFF,
        }
        return Delivery(**values | changes)

    def write(self, to: SimulatedPeer | None = None, *, transaction_id: str = "t-1") -> Outgoing:
        return self.seller.write(
            Action.ON_STATUS,
            example("on_status")["message"],
            to=(to or self.buyer).address,
            transaction_id=transaction_id,
        )

    async def put(self, *messages: Outgoing) -> None:
        async with self.uow_factory() as uow:
            for message in messages:
                await uow.outbox.put(message)

    async def rows(self) -> list[Any]:
        async with self.uow_factory() as uow:
            return list((await uow.connection.execute(select(outbox).order_by(outbox.c.id))).all())

    async def states(self) -> list[str]:
        return [row.state for row in await self.rows()]

    async def blocked(self) -> list[tuple[str, int]]:
        async with self.uow_factory() as uow:
            return [(peer.subscriber_id, peer.failures) for peer in await unhealthy_peers(uow.connection)]

    def check_signature(self, received: Received, *, request_signatures: tuple[str, ...] = ()) -> None:
        verify(
            received.body,
            parse_header(received.authorization),
            key=self.seller.signer.public_key,
            now=self.clock.now(),
            labels=V2_RC.digest_labels[:1],
            request_signatures=request_signatures,
        )


@pytest.fixture
async def dock(uow_factory: UnitOfWorkFactory) -> AsyncIterator[Dock]:
    clock = ManualClock(NOW)
    async with AsyncExitStack() as stack:
        peers = [
            await stack.enter_async_context(SimulatedPeer(role, subscriber_id, clock=clock))
            for role, subscriber_id in (
                (Role.BPP, "bpp.example.com"),
                (Role.BAP, "bap.example.com"),
                (Role.BAP, "bap.other.example"),
            )
        ]
        transport = await stack.enter_async_context(Transport(timeout=PATIENCE, reach=Reach.LOOPBACK))
        yield Dock(
            seller=peers[0],
            buyer=peers[1],
            other=peers[2],
            uow_factory=uow_factory,
            clock=clock,
            transport=transport,
        )


class Domain:
    """Hears what cannot be delivered, and changes something in the same transaction."""

    def __init__(self) -> None:
        self.told: list[tuple[str, WireError]] = []

    async def __call__(
        self, uow: UnitOfWork, message: ClaimedOutgoing, error: WireError, now: datetime
    ) -> None:
        self.told.append((message.message_id, error))
        await record_failure(
            uow.connection, subscriber_id="domain", error="told", tried_at=now, now=now, backoff=BACKOFF
        )


async def once(delivery: Delivery) -> bool:
    """Send what is due and record what came of it; say whether there was anything."""
    did = await delivery.step()
    await delivery.drain()
    return did


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


@pytest.mark.parametrize(
    ("reply", "status", "error"),
    [
        (Reply(status=400, body=REFUSAL), 400, WireError(code="SCH_NO", message="not like this")),
        (Reply(status=400, body=REFUSAL, pieces=3), 400, WireError(code="SCH_NO", message="not like this")),
        (Reply(status=200, body=REFUSAL), 200, WireError(code="SCH_NO", message="not like this")),
        (Reply(status=200, body=REFUSAL, pieces=9), 200, WireError(code="SCH_NO", message="not like this")),
        (
            Reply(status=404, body=b"<h1>no</h1>"),
            404,
            WireError(code="UNKNOWN", message="HTTP 404 with status None"),
        ),
        (
            Reply(status=400, body=REFUSAL.replace(b"not", b"\\u0000")),
            400,
            WireError(code="SCH_NO", message="\ufffd like this"),
        ),
    ],
)
async def test_a_no_is_final_and_the_domain_is_told(
    dock: Dock, reply: Reply, status: int, error: WireError
) -> None:
    dock.buyer.reply = reply
    message, domain = dock.write(), Domain()
    await dock.put(message)
    delivery = dock.delivery(on_undeliverable=domain)
    await once(delivery)
    assert not await once(delivery)
    (row,) = await dock.rows()
    assert (row.state, row.last_status, row.finished_at) == ("refused", status, NOW)
    assert row.last_error == f"{error.code}: {error.message}"
    assert domain.told == [(message.message_id, error)]
    assert await dock.blocked() == [("domain", 1)]  # the peer itself was heard


UNBELIEVED = b'{"ack_status": "NACK", "error": {"code": "AUT_KEY_EXPIRED_OR_REVOKED", "message": "no"}}'


async def test_a_message_whose_key_ended_under_way_is_signed_anew_and_the_peer_is_not_to_blame(
    dock: Dock,
) -> None:
    next_key = replace(dock.seller.signer, key_id="k2", private_key=new_private_key())
    dock.buyer.replies = [Reply(status=401, body=UNBELIEVED)]
    await dock.put(dock.write())
    delivery, domain = dock.delivery(), Domain()
    delivery.on_undeliverable = domain
    delivery.may_be_unheard_of = lambda key_id, now: key_id != next_key.key_id
    await once(delivery)
    (row,) = await dock.rows()
    assert (row.state, row.last_status, await dock.blocked()) == ("pending", 401, [])
    delivery.signers = next_key
    dock.clock.advance(timedelta(seconds=2))
    await once(delivery)
    (row,) = await dock.rows()
    assert (row.state, domain.told) == ("delivered", [])
    assert [parse_header(header).key_id for header in row.authorizations] == ["k1", "k2"]


async def test_a_no_to_a_key_that_peers_must_know_is_final(dock: Dock) -> None:
    dock.buyer.reply = Reply(status=401, body=UNBELIEVED)
    await dock.put(dock.write())
    await once(dock.delivery())
    assert await dock.states() == ["refused"]


async def test_a_key_that_no_peer_ever_believes_makes_dead_letters_in_the_end(dock: Dock) -> None:
    dock.buyer.reply = Reply(status=401, body=UNBELIEVED)
    message, domain = dock.write(), Domain()
    await dock.put(message)
    dock.clock.set(message.expires_at)
    await once(dock.delivery(on_undeliverable=domain, may_be_unheard_of=lambda key_id, now: True))
    assert await dock.states() == ["dead"]
    assert [message_id for message_id, _ in domain.told] == [message.message_id]


async def test_what_the_domain_does_about_it_is_in_the_same_transaction(dock: Dock) -> None:
    domain = Domain()

    async def fail_afterwards(*arguments: Any) -> None:
        await domain(*arguments)
        raise ZeroDivisionError

    dock.buyer.reply = Reply(status=400, body=REFUSAL)
    await dock.put(dock.write())
    await once(dock.delivery(on_undeliverable=fail_afterwards))
    assert (await dock.states(), await dock.blocked()) == (["claimed"], [])
    dock.clock.advance(LEASE)
    await once(dock.delivery(on_undeliverable=domain))
    assert (await dock.states(), await dock.blocked()) == (["refused"], [("domain", 1)])


async def test_a_message_that_cannot_be_recorded_takes_no_other_along(dock: Dock) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    dock.buyer.reply = Reply(status=400, body=REFUSAL)
    await dock.put(dock.write(), *(dock.write(dock.other, transaction_id=f"t-{n}") for n in range(3)))
    await once(dock.delivery(on_undeliverable=fail))
    assert await dock.states() == ["claimed", "delivered", "delivered", "delivered"]


async def test_a_message_past_its_time_is_a_dead_letter_and_the_domain_is_told(dock: Dock) -> None:
    await dock.buyer.server.stop()
    message, domain = dock.write(), Domain()
    await dock.put(message)
    dock.clock.set(message.expires_at)
    await once(dock.delivery(on_undeliverable=domain))
    (row,) = await dock.rows()
    assert (row.state, row.finished_at) == ("dead", message.expires_at)
    ((message_id, error),) = domain.told
    assert (message_id, error.code) == (message.message_id, "NET_CALLBACK_FAILED")
    assert "ConnectionError" in error.message


async def test_a_dead_letter_is_one_even_if_the_domain_does_not_care(dock: Dock) -> None:
    dock.buyer.reply = Reply(status=503)
    message = dock.write()
    await dock.put(message)
    dock.clock.set(message.expires_at)
    await once(dock.delivery())
    assert await dock.states() == ["dead"]


async def test_a_redirect_is_not_followed(dock: Dock) -> None:
    message = dock.write()
    dock.buyer.reply = Reply(status=307, headers={"Location": f"{dock.other.url}/beckn/on_status"})
    await dock.put(message)
    await once(dock.delivery())
    assert await dock.states() == ["refused"]
    assert (len(dock.buyer.received), dock.other.received) == (1, [])


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


async def test_an_address_that_is_none_costs_its_own_message_only(dock: Dock) -> None:
    await dock.put(dock.write(), dock.write(dock.other, transaction_id="t-2"))
    async with dock.uow_factory() as uow:
        broken = outbox.update().where(outbox.c.transaction_id == "t-1").values(url="http://h:port/")
        await uow.connection.execute(broken)
    await once(dock.delivery())
    assert await dock.states() == ["refused", "delivered"]


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/on_confirm", "http://10.0.0.7/on_confirm"])
async def test_what_goes_where_this_node_does_not_go_is_given_up_at_once(dock: Dock, url: str) -> None:
    told: list[WireError] = []

    async def tell(_uow: UnitOfWork, _message: ClaimedOutgoing, error: WireError, _now: datetime) -> None:
        told.append(error)

    await dock.put(dock.write())
    async with dock.uow_factory() as uow:
        await uow.connection.execute(outbox.update().values(url=url))
    await once(dock.delivery(on_undeliverable=tell))
    (row,) = await dock.rows()
    assert (row.state, row.last_status) == ("refused", None)
    assert row.last_error.startswith("CTX_INVALID_FIELD: ")
    assert [error.code for error in told] == ["CTX_INVALID_FIELD"]
    async with dock.uow_factory() as uow:
        assert await unhealthy_peers(uow.connection) == []


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
