"""A slot at a plug: kept, moved, cancelled, and what it costs whom nobody saw there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bpp.changes.cancelling import end_contracts
from kernel.money import Money
from protocol.actions import Action
from stations.port import Acceptance, Verb
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charging_world import (
    CHARGE,
    LATER,
    MINUTE,
    NOON,
    answer_command,
    buy_session,
    cancel,
    left,
    lines_of,
    session_status,
    statement_of,
    station,
    status_of,
    wish,
)
from tests.support.seller_world import SellerWorld
from trading.cancellation import Reason
from trading.cancellation_terms import CancellationTerm
from trading.charging.session_store import SessionStore
from trading.contracts import ContractStore
from trading.delivery import DeliveryStatus, SessionStatus
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.request import SessionWish
from trading.wheeling import Side


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await station(uow_factory).open()


@pytest.fixture
async def moved(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    """Return a world in which a station moves the plug."""
    return await station(uow_factory, is_moved=True).open()


async def test_a_slot_that_nobody_took_costs_its_fee(moved: SellerWorld) -> None:
    bought = await buy_session(moved, LATER)
    reserved = await answer_command(moved, Verb.RESERVE, Acceptance.ACCEPTED)
    assert reserved.until == NOON + 75 * MINUTE
    moved.clock.set(NOON + 74 * MINUTE)
    assert await moved.refresh_all() == 0
    moved.clock.set(NOON + 75 * MINUTE)
    await moved.refresh_all()

    told = await status_of(moved, bought)
    assert (told.status, told.delivery.status) == (ContractStatus.COMPLETED, DeliveryStatus.FAILED)
    assert lines_of(await statement_of(moved, bought)) == {"Energy Cost": 0, "No-show Fee": 5000}
    await answer_command(moved, Verb.RELEASE, Acceptance.ACCEPTED)


async def test_a_slot_whose_plug_would_not_start_costs_nothing(moved: SellerWorld) -> None:
    bought = await buy_session(moved, LATER)
    await answer_command(moved, Verb.RESERVE, Acceptance.ACCEPTED)
    moved.clock.set(NOON + 61 * MINUTE)
    await wish(moved, bought, SessionWish.START)
    await answer_command(moved, Verb.START, Acceptance.REJECTED, why="out of order")
    moved.clock.set(NOON + 120 * MINUTE)
    await moved.refresh_all()
    told = await status_of(moved, bought)
    assert session_status(told) is SessionStatus.INTERRUPTED
    async with moved.uow_factory() as uow:
        assert "out of order" in (await SessionStore(uow.connection).history(bought.order_id))[-1].why
    assert lines_of(await statement_of(moved, bought)) == {"Energy Cost": 0}


async def test_a_slot_begins_at_its_time_and_a_session_ends_with_it(world: SellerWorld) -> None:
    bought = await buy_session(world, LATER)
    wire = wire_of("v2_rc")
    start = wire.write_update(replace(CHARGE, order_id=bought.order_id, session=SessionWish.START))
    assert "slot begins" in (await world.refusal(Action.UPDATE, start)).message
    stop = wire.write_update(replace(CHARGE, order_id=bought.order_id, session=SessionWish.STOP))
    assert "was not started" in (await world.refusal(Action.UPDATE, stop)).message

    world.clock.set(NOON + 60 * MINUTE)
    await wish(world, bought, SessionWish.START)
    world.clock.set(NOON + 120 * MINUTE)
    await world.refresh_all()
    told = await status_of(world, bought)
    assert (session_status(told), told.window.end) == (SessionStatus.COMPLETED, NOON + 120 * MINUTE)


async def test_a_slot_that_is_cancelled_before_it_begins_is_free_again(moved: SellerWorld) -> None:
    bought = await buy_session(moved, LATER)
    await answer_command(moved, Verb.RESERVE, Acceptance.ACCEPTED)
    message = wire_of("v2_rc").write_order_id(replace(CHARGE, order_id=bought.order_id))
    await moved.send(Action.CANCEL, message)
    await answer_command(moved, Verb.RELEASE, Acceptance.ACCEPTED)
    assert (await buy_session(moved, LATER)).status is ContractStatus.ACTIVE
    assert bought.order_id


async def test_a_slot_that_is_cancelled_after_it_began_costs_the_fee_of_one_that_nobody_took(
    world: SellerWorld,
) -> None:
    before = await left(world)
    bought = await buy_session(world, LATER)
    world.clock.set(NOON + 70 * MINUTE)
    await cancel(world, bought)
    await world.refresh_all()
    assert lines_of(await statement_of(world, bought)) == {"Energy Cost": 0, "No-show Fee": 5000}
    assert await left(world) == before


async def test_a_slot_that_is_moved_is_kept_at_its_new_time_and_free_at_the_old_one(
    moved: SellerWorld,
) -> None:
    bought = await buy_session(moved, LATER)
    await answer_command(moved, Verb.RESERVE, Acceptance.ACCEPTED)
    wire = wire_of("v2_rc")
    shifted = replace(
        LATER,
        order_id=bought.order_id,
        trade_start=NOON + 180 * MINUTE,
        trade_end=NOON + 240 * MINUTE,
    )
    answer = wire.read_contract((await moved.send(Action.UPDATE, wire.write_update(shifted)))["order"])
    assert answer.window.start == NOON + 180 * MINUTE
    again = await answer_command(moved, Verb.RESERVE, Acceptance.ACCEPTED)
    assert again.until == NOON + 195 * MINUTE
    moved.clock.set(NOON + 76 * MINUTE)
    assert await moved.refresh_all() == 0
    moved.clock.set(NOON + 181 * MINUTE)
    assert session_status(await wish(moved, bought, SessionWish.START)) is SessionStatus.PENDING


@pytest.mark.parametrize(
    ("side", "lines"),
    [(Side.BUYER, {"Energy Cost": 0, "Cancellation Fee": 3000}), (Side.SELLER, {"Energy Cost": 0})],
)
async def test_whose_offer_has_terms_of_cancellation_owes_by_them_and_nothing_for_the_slot(
    world: SellerWorld, side: Side, lines: dict[str, int]
) -> None:
    sold = world.bpp.catalogue
    term = CancellationTerm(side=Side.BUYER, amount=Money.of(30, sold.offers[0].terms.currency))
    terms = replace(sold.offers[0].terms, cancellation=(term,))
    world = world.selling(catalogue=replace(sold, offers=(replace(sold.offers[0], terms=terms),)))
    bought = await buy_session(world, LATER)
    world.clock.set(NOON + 70 * MINUTE)
    async with world.uow_factory() as uow:
        store = ContractStore(uow.connection)
        contract = await store.get(bought.order_id, lock=True)
        [ended] = await end_contracts(
            world.bpp, [contract], uow, side=side, reason=Reason(), now=world.clock.now()
        )
        await store.save(ended.contract)
    await world.refresh_all()
    assert lines_of(await statement_of(world, bought)) == lines
