"""`degnode bench callbacks`: signed callbacks on the way out, from the outbox to a peer.

The outbox is filled first; then a BPP's delivery is let go, over real HTTP, against a peer in a
process of its own that acknowledges at once. The reference is the bare rate at which the same HTTP
client posts the same bytes to the same peer with as many in flight, doing nothing else.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final
from uuid import uuid4

import orjson
import uvicorn
from sqlalchemy import text

from bap.examples import CALLBACKS
from degnode.processes import BAP_ID, BPP_ID, free_port
from kernel.clock import Clock, SystemClock
from node.correspondence import Correspondent, Peer
from node.delivery import Delivery
from node.ingress import Scope
from node.message_body import Receive
from node.signed_answer import Send
from node.telemetry import Metrics
from node.transport import Transport
from node.worker import Worker
from protocol.actions import Action, Role
from protocol.answers import write_answer
from protocol.keys import new_private_key
from protocol.profile import V2_RC
from protocol.signing import Signer
from registry_client.reach import Reach
from storage.database import Database
from storage.embedded import start_embedded
from storage.migrate import migrate
from storage.outbox import OUTBOX_CHANNEL, Outgoing
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener

_TIMEOUT: Final = timedelta(seconds=10)
_FILL_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackReport:
    """Callbacks a second, and posts a second with nothing around them."""

    callbacks: int
    rate: float
    bare_rate: float

    @property
    def ratio(self) -> float:
        return self.rate / self.bare_rate


async def bench_callbacks(*, callbacks: int, in_flight: int) -> CallbackReport:
    """Run the benchmark."""
    port = free_port()
    peer = multiprocessing.get_context("spawn").Process(target=_serve_peer, args=(port,), daemon=True)
    peer.start()
    try:
        await _until_it_listens(port)
        with TemporaryDirectory(prefix="degnode-bench-") as folder:
            server = await asyncio.to_thread(start_embedded, Path(folder) / "postgres")
            try:
                return await _measure(server.get_uri(), port, callbacks=callbacks, in_flight=in_flight)
            finally:
                await asyncio.to_thread(server.cleanup)
    finally:
        peer.terminate()
        peer.join()


async def _measure(database_url: str, port: int, *, callbacks: int, in_flight: int) -> CallbackReport:
    clock = SystemClock()
    database = Database.connect(database_url)
    await migrate(database)
    uow_factory = UnitOfWorkFactory(database)
    try:
        messages = _messages(port, callbacks, now=clock.now())
        async with Transport(timeout=_TIMEOUT, reach=Reach.LOOPBACK) as transport:
            bare = await _bare_rate(transport, messages, in_flight=in_flight)
            await _fill(uow_factory, messages)
            seconds = await _deliver_all(database, uow_factory, transport, clock, in_flight=in_flight)
        return CallbackReport(callbacks=callbacks, rate=callbacks / seconds, bare_rate=bare)
    finally:
        await database.close()


def _messages(port: int, count: int, *, now: datetime) -> list[Outgoing]:
    correspondent = Correspondent(
        role=Role.BPP,
        subscriber_id=BPP_ID,
        url="http://127.0.0.1:1",
        domain="beckn.one:deg:p2p-trading:2.0.0",
        profile=V2_RC,
        request_ttl=timedelta(seconds=30),
        callback_ttl=timedelta(hours=1),
    )
    buyer = Peer(subscriber_id=BAP_ID, url=f"http://127.0.0.1:{port}")
    return [
        correspondent.unsolicited(
            Action.ON_STATUS,
            to=buyer,
            message=CALLBACKS[Action.ON_STATUS],
            transaction_id=str(uuid4()),
            now=now,
        )
        for _ in range(count)
    ]


async def _bare_rate(transport: Transport, messages: list[Outgoing], *, in_flight: int) -> float:
    remaining = iter(messages)

    async def post() -> None:
        for message in remaining:
            await transport.post(message.url, message.body, headers={"Authorization": "Signature"})

    started = perf_counter()
    await asyncio.gather(*(post() for _ in range(in_flight)))
    return len(messages) / (perf_counter() - started)


async def _fill(uow_factory: UnitOfWorkFactory, messages: list[Outgoing]) -> None:
    for start in range(0, len(messages), _FILL_AT_ONCE):
        async with uow_factory() as uow:
            for message in messages[start : start + _FILL_AT_ONCE]:
                await uow.outbox.put(message)
    async with uow_factory() as uow:  # what autovacuum does by itself when a backlog builds up
        await uow.connection.execute(text("ANALYZE outbox"))


async def _deliver_all(
    database: Database,
    uow_factory: UnitOfWorkFactory,
    transport: Transport,
    clock: Clock,
    *,
    in_flight: int,
) -> float:
    """Return the seconds that it takes until the outbox is empty."""
    delivery = Delivery(
        uow_factory=uow_factory,
        transport=transport,
        signers=Signer(subscriber_id=BPP_ID, key_id="bench", private_key=new_private_key()),
        clock=clock,
        metrics=Metrics(),
        concurrency=in_flight,
    )
    worker = Worker("delivery", delivery.step, poll_interval=timedelta(seconds=1))
    delivery.wake = worker.wake
    listener = Listener(database)
    listener.on(OUTBOX_CHANNEL, worker.wake)
    await listener.start()
    started = perf_counter()
    worker.start()
    try:
        while await _open_messages(uow_factory):  # noqa: ASYNC110  the database has no event for it
            await asyncio.sleep(0.05)
        return perf_counter() - started
    finally:
        await worker.stop()
        await delivery.drain()
        await listener.stop()


async def _open_messages(uow_factory: UnitOfWorkFactory) -> bool:
    async with uow_factory() as uow:
        return await uow.outbox.has_open()


def _serve_peer(port: int) -> None:
    uvicorn.run(_acknowledge, host="127.0.0.1", port=port, access_log=False, log_level="error", loop="uvloop")


async def _acknowledge(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    at = SystemClock().now()
    body = orjson.dumps(write_answer(V2_RC.ack, transaction_id="bench", message_id="bench", at=at))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _until_it_listens(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
