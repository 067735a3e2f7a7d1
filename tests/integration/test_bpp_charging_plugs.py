"""A charging session at a plug that a station moves: what it is told, what it tells, what is billed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kernel.energy import Energy
from stations.command_store import CommandStore
from stations.port import Acceptance, StationEventKind, Verb
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charging_world import (
    MINUTE,
    NOON,
    answer_command,
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
from tests.support.seller_world import SellerWorld
from trading.charging.session_states import SessionEvent
from trading.delivery import ConnectorStatus, SessionStatus
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.request import SessionWish


@pytest.fixture
async def moved(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    """Return a world in which a station moves the plug."""
    return await station(uow_factory, is_moved=True).open()


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


async def test_what_a_station_tells_of_nobody_changes_nothing(moved: SellerWorld) -> None:
    for kind in StationEventKind:
        await happen_at_plug(moved, kind)
    assert await moved.unsolicited() == []
