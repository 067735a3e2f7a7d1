"""What a peer does not take, and what is not sent at all: when that is final, and who is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from protocol.errors import WireError
from protocol.keys import new_private_key
from protocol.signing import parse_header
from storage.outbox import ClaimedOutgoing
from storage.peers import record_failure
from storage.tables import outbox
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.support.dock import BACKOFF, LEASE, Dock, delivery_dock, once
from tests.support.outgoing import NOW
from tests.support.peers import unhealthy_peers
from tests.support.simulated_peer import Reply

REFUSAL = b'{"ack_status": "NACK", "error": {"code": "SCH_NO", "message": "not like this"}}'
UNBELIEVED = b'{"ack_status": "NACK", "error": {"code": "AUT_KEY_EXPIRED_OR_REVOKED", "message": "no"}}'


@pytest.fixture
async def dock(uow_factory: UnitOfWorkFactory) -> AsyncIterator[Dock]:
    async with delivery_dock(uow_factory) as dock:
        yield dock


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
