"""A charging session from order to bill by its driver's word, over every wire."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from bpp.deliveries.station_desk import StationDesk
from kernel.energy import Energy
from kernel.interval import Interval
from protocol.actions import Action
from protocol.profile import V1_1, V2_LTS, V2_RC, Profile
from stations.port import StationEvent, StationEventKind
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charging_world import (
    CHARGE,
    LATER,
    MINUTE,
    NOON,
    PLUG,
    buy_session,
    count,
    happen_at_plug,
    history,
    lines_of,
    session_status,
    statement_of,
    station,
    status_of,
    wish,
)
from tests.support.official import official_bundle_accepts, official_order_errors
from tests.support.seller_world import SellerWorld
from trading.charging.session_states import SessionEvent
from trading.delivery import DeliveryStatus, SessionStatus
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.request import SessionWish

generations = pytest.mark.parametrize("profile", [V1_1, V2_RC, V2_LTS], ids=lambda profile: profile.name)


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await station(uow_factory).open()


@pytest.fixture
async def moved(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    """Return a world in which a station moves the plug."""
    return await station(uow_factory, is_moved=True).open()


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
        SessionEvent.LEFT,
    ]


async def test_a_walk_in_that_does_not_start_costs_nothing_and_frees_the_plug(world: SellerWorld) -> None:
    bought = await buy_session(world)
    world.clock.advance(16 * MINUTE)
    await world.refresh_all()
    assert lines_of(await statement_of(world, bought)) == {"Energy Cost": 0}
    assert await buy_session(world)


async def test_a_running_session_is_stopped_and_not_cancelled(world: SellerWorld) -> None:
    bought = await buy_session(world)
    await wish(world, bought, SessionWish.START)
    message = wire_of("v2_rc").write_order_id(replace(CHARGE, order_id=bought.order_id))
    refusal = await world.refusal(Action.CANCEL, message)
    assert refusal.hint == "Stop it by an update."


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


@generations
async def test_a_session_that_was_over_before_it_began_is_told_as_a_second(
    moved: SellerWorld, profile: Profile
) -> None:
    """A station whose clock is an hour behind tells of nothing within the slot."""
    world = moved.speaking(profile)
    bought = await buy_session(world)
    await wish(world, bought, SessionWish.START)
    desk = StationDesk(bpp=world.bpp)
    for kind in (StationEventKind.STARTED, StationEventKind.STOPPED, StationEventKind.AVAILABLE):
        event = StationEvent(connector_id=PLUG, kind=kind, at=NOON - 60 * MINUTE, session_id=bought.order_id)
        async with world.uow_factory() as uow:
            await desk.on_event(uow, event, world.clock.now())
    told = await status_of(world, bought)
    assert told.window == Interval(NOON, NOON + timedelta(seconds=1))
