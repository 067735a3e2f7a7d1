"""A charging session from order to bill, over every wire, at plugs with and without a station behind them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from bpp.cancelling import end_contract
from kernel.energy import Energy
from kernel.money import Money
from protocol.actions import Action
from protocol.profile import V1_1, V2_LTS, V2_RC, Profile
from stations.command_store import CommandStore
from stations.port import Acceptance, StationEventKind, Verb
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charging_world import (
    CHARGE,
    NOON,
    answer_command,
    buy_session,
    cancel,
    count,
    happen_at_plug,
    left,
    lines_of,
    session_status,
    statement_of,
    station,
    status_of,
    wish,
)
from tests.support.official import official_bundle_accepts, official_order_errors
from tests.support.seller_world import SellerWorld
from trading.cancellation import Reason
from trading.cancellation_terms import CancellationTerm
from trading.charging.session import SessionEvent
from trading.charging.session_store import SessionStore
from trading.contracts import ContractStore
from trading.delivery import ConnectorStatus, DeliveryStatus, SessionStatus
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.report import ContractReport
from trading.request import SessionWish
from trading.wheeling import Side

generations = pytest.mark.parametrize("profile", [V1_1, V2_RC, V2_LTS], ids=lambda profile: profile.name)
MINUTE = timedelta(minutes=1)
LATER = replace(CHARGE, trade_start=NOON + 60 * MINUTE, trade_end=NOON + 120 * MINUTE)
"""A slot from one to two o'clock."""


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await station(uow_factory).open()


@pytest.fixture
async def moved(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    """Return a world in which a station moves the plug."""
    return await station(uow_factory, is_moved=True).open()


async def history(world: SellerWorld, bought: ContractReport) -> list[SessionEvent]:
    async with world.uow_factory() as uow:
        return [entry.event for entry in await SessionStore(uow.connection).history(bought.order_id)]


@generations
async def test_a_walk_in_goes_from_order_to_bill_by_the_drivers_word(
    world: SellerWorld, profile: Profile
) -> None:
    world = world.speaking(profile)
    bought = await buy_session(world)
    assert (bought.status, session_status(bought)) == (ContractStatus.ACTIVE, SessionStatus.PENDING)

    world.clock.advance(5 * MINUTE)
    started = await wish(world, bought, SessionWish.START)
    assert session_status(started) is SessionStatus.ACTIVE
    assert started.window.start == NOON + 5 * MINUTE
    world.clock.advance(10 * MINUTE)
    await count(world, NOON + 5 * MINUTE, 10, 2_000)
    charging = await status_of(world, bought)
    assert charging.delivery.delivered == Energy(2_000)
    assert charging.delivery.status is DeliveryStatus.IN_PROGRESS
    assert charging.delivery.telemetry[-1].metrics[0].value == 2

    stopped = await wish(world, bought, SessionWish.STOP)
    assert (session_status(stopped), stopped.window.end) == (SessionStatus.COMPLETED, NOON + 15 * MINUTE)
    await world.refresh_all()
    told = wire_of(profile.name).read_contract((await world.unsolicited())[-1])
    assert told.status is ContractStatus.COMPLETED
    [bill] = told.bills
    # 2 kWh at 45, surge 20, less 15; service 10; 2.5 % of 90
    assert bill.total.minor == 9000 + 2000 - 1500 + 1000 + 225
    assert lines_of(await statement_of(world, bought)) == {
        "Energy Cost": 7500,
        "Surge price": 2000,
        "Service fee": 1000,
        "Buyer finder fee (2.5 %)": 225,
    }


async def test_wishes_that_are_repeated_change_nothing(world: SellerWorld) -> None:
    bought = await buy_session(world)
    first = await wish(world, bought, SessionWish.START)
    world.clock.advance(MINUTE)
    again = await wish(world, bought, SessionWish.START)
    assert again.window == first.window
    await wish(world, bought, SessionWish.STOP)
    await wish(world, bought, SessionWish.STOP)
    assert await history(world, bought) == [
        SessionEvent.START,
        SessionEvent.STARTED,
        SessionEvent.STOP,
        SessionEvent.STOPPED,
        SessionEvent.LEFT,
    ]


async def test_a_station_is_told_and_tells_and_idle_time_is_billed(moved: SellerWorld) -> None:
    bought = await buy_session(moved)
    asked = await wish(moved, bought, SessionWish.START)
    assert session_status(asked) is SessionStatus.PENDING
    command = await answer_command(moved, Verb.START, Acceptance.ACCEPTED)
    assert (command.session_id, command.limit) == (bought.order_id, Energy(2_800))
    assert command.until == NOON + timedelta(hours=4)

    await happen_at_plug(moved, StationEventKind.STARTED, bought)
    moved.clock.advance(30 * MINUTE)
    await count(moved, NOON, 30, 2_700)
    await happen_at_plug(moved, StationEventKind.STOPPED, bought)
    assert session_status(await status_of(moved, bought)) is SessionStatus.STOP
    assert await moved.refresh_all() == 0  # the bill waits until the plug is free
    moved.clock.advance(40 * MINUTE)
    await happen_at_plug(moved, StationEventKind.AVAILABLE)

    told = await status_of(moved, bought)
    assert (told.status, session_status(told)) == (ContractStatus.COMPLETED, SessionStatus.COMPLETED)
    assert told.delivery.session is not None
    assert told.delivery.session.minutes == 30
    lines = lines_of(await statement_of(moved, bought))
    assert lines["Energy Cost"] == 12150 - 1500  # 200 Wh more than was ordered
    assert lines["Idle Fee"] == 600  # 30 of 40 minutes at 2 for each 10
    statuses = [session_status(wire_of("v2_rc").read_contract(each)) for each in await moved.unsolicited()]
    assert statuses[0] is SessionStatus.ACTIVE
    assert statuses[-1] is SessionStatus.COMPLETED


async def test_a_full_battery_is_idle_though_the_plug_is_still_live(moved: SellerWorld) -> None:
    bought = await buy_session(moved)
    await wish(moved, bought, SessionWish.START)
    await happen_at_plug(moved, StationEventKind.STARTED, bought)
    moved.clock.advance(10 * MINUTE)
    await happen_at_plug(moved, StationEventKind.SUSPENDED_BY_CAR, bought)
    moved.clock.advance(20 * MINUTE)
    await count(moved, NOON, 30, 1_000)
    await happen_at_plug(moved, StationEventKind.STOPPED, bought)
    await happen_at_plug(moved, StationEventKind.AVAILABLE, bought)
    lines = lines_of(await statement_of(moved, bought))
    assert (lines["Energy Cost"], lines["Idle Fee"]) == (4500 - 1500, 200)


async def test_no_more_is_billed_than_was_ordered_and_is_paid_for(moved: SellerWorld) -> None:
    bought = await buy_session(moved)
    await wish(moved, bought, SessionWish.START)
    await happen_at_plug(moved, StationEventKind.STARTED, bought)
    moved.clock.advance(10 * MINUTE)
    await count(moved, NOON, 10, 9_000)
    await happen_at_plug(moved, StationEventKind.AVAILABLE)
    assert lines_of(await statement_of(moved, bought))["Energy Cost"] == 12600 - 1500  # 2.8 kWh


async def test_an_interruption_is_told_and_ends(moved: SellerWorld) -> None:
    bought = await buy_session(moved)
    await wish(moved, bought, SessionWish.START)
    await happen_at_plug(moved, StationEventKind.STARTED, bought)
    await happen_at_plug(moved, StationEventKind.OFFLINE)
    assert session_status(await status_of(moved, bought)) is SessionStatus.INTERRUPTED
    moved.clock.advance(MINUTE)
    await happen_at_plug(moved, StationEventKind.ONLINE)
    assert session_status(await status_of(moved, bought)) is SessionStatus.ACTIVE
    told = [session_status(wire_of("v2_rc").read_contract(each)) for each in await moved.unsolicited()]
    assert told == [SessionStatus.ACTIVE, SessionStatus.INTERRUPTED, SessionStatus.ACTIVE]


async def test_a_start_that_the_plug_refuses_is_told_and_can_be_tried_again(moved: SellerWorld) -> None:
    bought = await buy_session(moved)
    await wish(moved, bought, SessionWish.START)
    await answer_command(moved, Verb.START, Acceptance.REJECTED, why="the cable is not locked")
    told = wire_of("v2_rc").read_contract((await moved.unsolicited())[-1])
    assert session_status(told) is SessionStatus.PENDING
    assert told.delivery.session is not None
    assert told.delivery.session.connector is ConnectorStatus.UNAVAILABLE
    await wish(moved, bought, SessionWish.START)
    assert (await answer_command(moved, Verb.START, Acceptance.ACCEPTED)).id


async def test_a_stop_that_the_plug_refuses_goes_on(moved: SellerWorld) -> None:
    bought = await buy_session(moved)
    await wish(moved, bought, SessionWish.START)
    await answer_command(moved, Verb.START, Acceptance.ACCEPTED)
    await happen_at_plug(moved, StationEventKind.STARTED, bought)
    assert session_status(await wish(moved, bought, SessionWish.STOP)) is SessionStatus.STOP
    await answer_command(moved, Verb.STOP, Acceptance.REJECTED)
    assert session_status(await status_of(moved, bought)) is SessionStatus.ACTIVE


async def test_a_stop_that_the_plug_refuses_after_the_slot_is_told_once(moved: SellerWorld) -> None:
    bought = await buy_session(moved)
    await wish(moved, bought, SessionWish.START)
    await answer_command(moved, Verb.START, Acceptance.ACCEPTED)
    await happen_at_plug(moved, StationEventKind.STARTED, bought)
    moved.clock.set(NOON + timedelta(hours=4))
    await moved.refresh_all()
    await answer_command(moved, Verb.STOP, Acceptance.REJECTED)
    assert (await history(moved, bought))[-1] is SessionEvent.STOP
    async with moved.uow_factory() as uow:
        assert (
            await CommandStore(uow.connection).claim(
                holder="here", now=moved.clock.now(), until=moved.clock.now()
            )
            is None
        )


async def test_a_start_that_ran_out_at_the_plug_is_told_and_can_be_tried_again(moved: SellerWorld) -> None:
    bought = await buy_session(moved)
    await wish(moved, bought, SessionWish.START)
    await answer_command(moved, Verb.START, Acceptance.ACCEPTED)
    moved.clock.advance(MINUTE)
    await happen_at_plug(moved, StationEventKind.AVAILABLE)
    assert session_status(await status_of(moved, bought)) is SessionStatus.PENDING
    await wish(moved, bought, SessionWish.START)
    await answer_command(moved, Verb.START, Acceptance.ACCEPTED)
    assert await history(moved, bought) == [SessionEvent.START, SessionEvent.TIMED_OUT, SessionEvent.START]


async def test_a_tag_ends_with_a_walk_in_that_was_told_to_start_and_did_not(moved: SellerWorld) -> None:
    bought = await buy_session(moved)
    await wish(moved, bought, SessionWish.START)
    await answer_command(moved, Verb.START, Acceptance.ACCEPTED)
    moved.clock.set(NOON + timedelta(hours=4))
    await moved.refresh_all()
    assert await answer_command(moved, Verb.RELEASE, Acceptance.ACCEPTED)


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


async def test_a_walk_in_that_does_not_start_costs_nothing_and_frees_the_plug(world: SellerWorld) -> None:
    bought = await buy_session(world)
    world.clock.advance(16 * MINUTE)
    await world.refresh_all()
    assert lines_of(await statement_of(world, bought)) == {"Energy Cost": 0}
    assert await buy_session(world)


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


async def test_a_session_of_which_nothing_is_heard_any_more_ends_after_a_day(moved: SellerWorld) -> None:
    bought = await buy_session(moved)
    await wish(moved, bought, SessionWish.START)
    await happen_at_plug(moved, StationEventKind.STARTED, bought)
    moved.clock.set(NOON + timedelta(hours=4))
    await moved.refresh_all()
    assert session_status(await status_of(moved, bought)) is SessionStatus.STOP
    moved.clock.set(NOON + timedelta(hours=28))
    await moved.refresh_all()
    assert session_status(await status_of(moved, bought)) is SessionStatus.COMPLETED


async def test_a_running_session_is_stopped_and_not_cancelled(world: SellerWorld) -> None:
    bought = await buy_session(world)
    await wish(world, bought, SessionWish.START)
    message = wire_of("v2_rc").write_order_id(replace(CHARGE, order_id=bought.order_id))
    refusal = await world.refusal(Action.CANCEL, message)
    assert refusal.hint == "Stop it by an update."


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


async def test_one_plug_has_one_driver_at_a_time(world: SellerWorld) -> None:
    await buy_session(world, LATER)
    wire = wire_of("v2_rc")
    world.transaction_id = str(uuid4())
    taken = await world.refusal(Action.INIT, wire.write_order_request(LATER))
    assert "the plug is taken from 2026-01-09T13:00:00Z until 2026-01-09T14:00:00Z" in taken.message
    walk_in = await buy_session(world)
    assert walk_in.window.end == NOON + 60 * MINUTE  # until the slot begins
    world.transaction_id = str(uuid4())
    busy = await world.refusal(Action.SELECT, wire.write_order_request(CHARGE))
    assert busy.code == "BIZ_FULFILLMENT_UNAVAILABLE"


async def test_an_update_that_names_another_quantity_is_about_that(world: SellerWorld) -> None:
    bought = await buy_session(world, LATER)
    wire = wire_of("v2_rc")
    more = replace(CHARGE, order_id=bought.order_id, quantity=Energy(3_000), session=SessionWish.START)
    answer = await world.send(Action.UPDATE, wire.write_update(more))
    assert wire.read_contract(answer["order"]).quantity == Energy(3_000)


async def test_only_a_session_can_be_started(world: SellerWorld) -> None:
    wire = wire_of("v2_rc")
    held = wire.read_contract((await world.send(Action.INIT, wire.write_order_request(CHARGE)))["order"])
    early = wire.write_update(replace(CHARGE, order_id=held.order_id, session=SessionWish.START))
    answer = wire.read_contract((await world.send(Action.UPDATE, early))["order"])
    assert answer.status is ContractStatus.PENDING


async def test_what_a_station_tells_of_nobody_changes_nothing(moved: SellerWorld) -> None:
    for kind in StationEventKind:
        await happen_at_plug(moved, kind)
    assert await moved.unsolicited() == []


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
        ended, _ = await end_contract(
            world.bpp, contract, uow, side=side, reason=Reason(), now=world.clock.now()
        )
        await store.save(ended)
    await world.refresh_all()
    assert lines_of(await statement_of(world, bought)) == lines


async def test_every_order_of_a_session_is_valid_by_the_official_documents(moved: SellerWorld) -> None:
    wire = wire_of("v2_rc")
    held = await moved.send(Action.INIT, wire.write_order_request(CHARGE))
    bought = wire.read_contract((await moved.send(Action.CONFIRM, held))["order"])
    await wish(moved, bought, SessionWish.START)
    await happen_at_plug(moved, StationEventKind.STARTED, bought)
    moved.clock.advance(10 * MINUTE)
    await count(moved, NOON, 10, 2_000)
    await happen_at_plug(moved, StationEventKind.OFFLINE)
    await happen_at_plug(moved, StationEventKind.AVAILABLE)
    orders = [held["order"], *await moved.unsolicited()]
    assert len(orders) > 3
    for order in orders:
        assert official_order_errors(order) == []
        bag = order["beckn:fulfillment"]["beckn:deliveryAttributes"]
        assert official_bundle_accepts("EvChargingSession", bag, family="ev", kind="ChargingSession")
        assert order["beckn:fulfillment"]["beckn:mode"] == "RESERVATION"
