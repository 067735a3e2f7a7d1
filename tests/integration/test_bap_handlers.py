"""The buyer's handlers on a real PostgreSQL: what a callback changes, and what it must not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from bap.admission import NothingAsked, TransactionUnknown
from bap.bindings import bind
from bap.examples import CALLBACKS, REQUESTS
from bap.handlers import record_undeliverable
from bap.tables import CallState, bap_calls, bap_messages, bap_transactions
from bap.transactions import Transactions
from kernel.clock import format_instant
from protocol.actions import Action
from protocol.errors import WireError
from storage.database import Database
from tests.support.buyer_world import (
    NOW,
    BuyerWorld,
    SellerPlatform,
    buyer_world,
    count,
    order,
)

SECOND = timedelta(seconds=1)


@pytest.fixture
async def world(database: Database) -> AsyncIterator[BuyerWorld]:
    async with buyer_world(database) as running:
        yield running


async def send(world: BuyerWorld, action: Action, **fields: Any) -> tuple[str, str]:
    sent = (await world.send(action, REQUESTS[action] | fields)).json()
    return sent["transaction_id"], sent["message_id"]


async def confirmed(world: BuyerWorld) -> str:
    """Return a transaction whose contract was confirmed."""
    transaction_id, message_id = await send(world, Action.CONFIRM)
    message = order(Action.ON_CONFIRM, lastUpdated=format_instant(world.clock.now()))
    await world.seller.answer(message_id, message)
    return transaction_id


async def contract_of(world: BuyerWorld, transaction_id: str) -> dict[str, Any]:
    view = (await world.api.get(f"/api/v1/transactions/{transaction_id}")).json()
    found: dict[str, Any] = view["contract"]
    return found


async def call_state(world: BuyerWorld, message_id: str) -> str:
    async with world.uow_factory() as uow:
        call = await Transactions(uow).find_call(message_id)
    assert call is not None
    return call.state


async def messages(world: BuyerWorld) -> int:
    async with world.uow_factory() as uow:
        return await count(uow, bap_messages)


async def test_a_callback_closes_its_call(world: BuyerWorld) -> None:
    _, message_id = await send(world, Action.TRACK)
    assert await call_state(world, message_id) == CallState.SENT
    await world.seller.answer(message_id, CALLBACKS[Action.ON_TRACK])
    assert await call_state(world, message_id) == CallState.ANSWERED


async def test_an_unsolicited_status_of_a_known_transaction_is_welcome(world: BuyerWorld) -> None:
    transaction_id = await confirmed(world)
    world.clock.advance(SECOND)
    later = format_instant(world.clock.now())
    message = order(contractStatus="COMPLETED", lastUpdated=later)
    await world.seller.tell(Action.ON_STATUS, message, transaction_id=transaction_id)
    assert (await contract_of(world, transaction_id))["contractStatus"] == "COMPLETED"


async def test_a_stale_status_does_not_overwrite_a_newer_order(world: BuyerWorld) -> None:
    transaction_id = await confirmed(world)
    before = await messages(world)
    message = order(contractStatus="PENDING", lastUpdated=format_instant(NOW - 60 * SECOND))
    await world.seller.tell(Action.ON_STATUS, message, transaction_id=transaction_id, at=NOW - 60 * SECOND)
    assert (await contract_of(world, transaction_id))["contractStatus"] == "ACTIVE"
    assert await messages(world) == before + 1, "it is kept all the same"


async def test_an_old_contract_in_a_new_message_does_not_overwrite_a_newer_one(world: BuyerWorld) -> None:
    transaction_id = await confirmed(world)
    world.clock.advance(SECOND)
    message = order(contractStatus="PENDING", lastUpdated=format_instant(NOW - SECOND))
    await world.seller.tell(Action.ON_UPDATE, message, transaction_id=transaction_id)
    assert (await contract_of(world, transaction_id))["contractStatus"] == "ACTIVE"


async def test_statuses_in_any_order_end_with_the_latest(world: BuyerWorld) -> None:
    transaction_id = await confirmed(world)
    for seconds in (3, 1, 2):
        at = NOW + seconds * SECOND
        message = order(contractedQuantity=seconds, lastUpdated=format_instant(at))
        await world.seller.tell(Action.ON_STATUS, message, transaction_id=transaction_id, at=at)
    assert (await contract_of(world, transaction_id))["contractedQuantity"] == 3


async def test_a_callback_with_an_error_leaves_the_order(world: BuyerWorld) -> None:
    transaction_id = await confirmed(world)
    world.clock.advance(SECOND)
    _, message_id = await send(world, Action.CANCEL, transaction_id=transaction_id)
    refusal = WireError(code="POL_CANCELLATION_NOT_ALLOWED", message="it is being delivered")
    await world.seller.answer(message_id, refusal)
    assert (await contract_of(world, transaction_id))["contractStatus"] == "ACTIVE"
    assert await call_state(world, message_id) == CallState.ANSWERED


async def test_a_callback_of_an_unknown_transaction_is_refused_and_touches_nothing(
    world: BuyerWorld,
) -> None:
    await confirmed(world)
    before = await messages(world)
    with pytest.raises(TransactionUnknown) as refusal:
        await world.seller.tell(Action.ON_STATUS, order(), transaction_id="t-unknown")
    assert refusal.value.code == "CTX_TRANSACTION_ID_UNKNOWN"
    assert await messages(world) == before
    async with world.uow_factory() as uow:
        assert await count(uow, bap_transactions) == 1


async def test_another_platform_cannot_speak_in_a_transaction(world: BuyerWorld) -> None:
    transaction_id = await confirmed(world)
    world.clock.advance(SECOND)
    stranger = SellerPlatform.called("bpp.stranger.example", uow_factory=world.uow_factory, clock=world.clock)
    with pytest.raises(TransactionUnknown):
        await stranger.tell(
            Action.ON_STATUS, order(contractStatus="TERMINATED"), transaction_id=transaction_id
        )
    assert (await contract_of(world, transaction_id))["contractStatus"] == "ACTIVE"


async def test_another_platform_cannot_answer_a_call(world: BuyerWorld) -> None:
    _, message_id = await send(world, Action.SELECT)
    stranger = SellerPlatform.called("bpp.stranger.example", uow_factory=world.uow_factory, clock=world.clock)
    with pytest.raises(TransactionUnknown):
        await stranger.answer(message_id, CALLBACKS[Action.ON_SELECT])
    assert await call_state(world, message_id) == CallState.SENT


async def test_a_quote_of_a_platform_that_was_left_does_not_become_the_order(world: BuyerWorld) -> None:
    transaction_id, first = await send(world, Action.SELECT)
    elsewhere = {"bpp_id": "bpp.other.example", "bpp_uri": "https://bpp.other.example"}
    await send(world, Action.SELECT, transaction_id=transaction_id, **elsewhere)
    await world.seller.answer(first, CALLBACKS[Action.ON_SELECT])
    view = (await world.api.get(f"/api/v1/transactions/{transaction_id}")).json()
    assert (view["bpp_id"], view["order"]) == ("bpp.other.example", None)
    assert await call_state(world, first) == CallState.ANSWERED


async def test_a_callback_that_answers_nothing_and_may_not_come_unasked_is_refused(
    world: BuyerWorld,
) -> None:
    transaction_id = await confirmed(world)
    with pytest.raises(NothingAsked):
        await world.seller.tell(Action.ON_SELECT, CALLBACKS[Action.ON_SELECT], transaction_id=transaction_id)


async def test_a_callback_under_another_actions_message_id_does_not_answer_it(world: BuyerWorld) -> None:
    _, message_id = await send(world, Action.SELECT)
    with pytest.raises(NothingAsked):
        await world.seller.answer(message_id, CALLBACKS[Action.ON_INIT], callback=Action.ON_INIT)
    assert await call_state(world, message_id) == CallState.SENT


async def test_a_status_without_an_order_changes_no_order(world: BuyerWorld) -> None:
    transaction_id = await confirmed(world)
    world.clock.advance(SECOND)
    await world.seller.tell(Action.ON_STATUS, {}, transaction_id=transaction_id)
    assert (await contract_of(world, transaction_id))["contractStatus"] == "ACTIVE"


async def test_a_message_with_characters_that_columns_cannot_hold_is_kept(world: BuyerWorld) -> None:
    transaction_id, message_id = await send(world, Action.CONFIRM)
    message = order(Action.ON_CONFIRM)
    message["order"]["beckn:id"] = "order\0\n"
    await world.seller.answer(message_id, message)
    view = (await world.api.get(f"/api/v1/transactions/{transaction_id}")).json()
    assert (view["order_id"], view["order"]["beckn:id"]) == (None, "order\0\n")


async def test_an_answer_counts_even_after_the_request_was_given_up(world: BuyerWorld) -> None:
    transaction_id, message_id = await send(world, Action.CONFIRM)
    async with world.uow_factory() as uow:
        (claimed,) = await uow.outbox.claim(now=NOW, lease=SECOND, limit=1)
        error = WireError(code="NET_CALLBACK_FAILED", message="no answer within 10 s")
        await record_undeliverable(uow, claimed, error, NOW)
    assert await call_state(world, message_id) == CallState.UNDELIVERED
    await world.seller.answer(message_id, CALLBACKS[Action.ON_CONFIRM])
    assert await call_state(world, message_id) == CallState.ANSWERED
    async with world.uow_factory() as uow:
        await record_undeliverable(uow, claimed, error, NOW)
    assert await call_state(world, message_id) == CallState.ANSWERED
    assert (await contract_of(world, transaction_id))["contractStatus"] == "ACTIVE"


async def test_a_message_that_is_no_call_of_the_buyers_is_not_minded(world: BuyerWorld) -> None:
    await send(world, Action.SELECT)
    async with world.uow_factory() as uow:
        (claimed,) = await uow.outbox.claim(now=NOW, lease=SECOND, limit=1)
        error = WireError(code="NET_CALLBACK_FAILED", message="gone")
        await record_undeliverable(uow, replace(claimed, message_id="another"), error, NOW)
        states = await uow.connection.execute(select(bap_calls.c.state))
        assert list(states.scalars()) == [CallState.SENT]


async def test_arrivals_become_visible_in_the_order_of_their_numbers(world: BuyerWorld) -> None:
    """Otherwise a reader who goes on after the last number it saw would miss the smaller ones."""
    first, second = [await confirmed(world) for _ in range(2)]
    async with world.uow_factory() as uow:
        inbound = world.seller.arrive(
            world.seller.write(Action.ON_STATUS, {}, transaction_id=first), sender=world.seller.signer
        )
        await bind()[Action.ON_STATUS](inbound, uow, NOW)
        telling = asyncio.create_task(world.seller.tell(Action.ON_STATUS, {}, transaction_id=second))
        while not telling.done() and not await is_queueing(world):  # noqa: ASYNC110  the database says when
            await asyncio.sleep(0.01)
        assert not telling.done()
    await telling
    async with world.uow_factory() as uow:
        rows = await uow.connection.execute(
            select(bap_messages.c.transaction_id)
            .where(bap_messages.c.action == Action.ON_STATUS)
            .order_by(bap_messages.c.sequence)
        )
        assert list(rows.scalars()) == [first, second]


async def is_queueing(world: BuyerWorld) -> bool:
    """Say whether somebody waits for an advisory lock."""
    async with world.uow_factory() as uow:
        waiting = text("SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool((await uow.connection.execute(waiting)).scalar_one())
