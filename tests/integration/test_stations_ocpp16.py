"""A station that speaks OCPP 1.6 charges a session; whatever it does, the energy comes out right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from kernel.energy import Energy
from stations.port import Acceptance, StationEventKind, Verb
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charge_points import ChargePoint16
from tests.support.station_world import CONNECTOR, NOW, SESSION, TAG, StationWorld, station_world

K = StationEventKind
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> AsyncIterator[StationWorld]:
    async with station_world(uow_factory) as world:
        yield world


@pytest.fixture
async def station(world: StationWorld) -> AsyncIterator[ChargePoint16]:
    async with ChargePoint16(world.url) as station:
        await world.until(K.ONLINE)
        yield station


async def test_a_session_is_charged_from_plug_to_plug(world: StationWorld, station: ChargePoint16) -> None:
    assert (await station.boot()).status == "Accepted"
    await station.status("Available", NOW)
    await station.status("Preparing", NOW)
    result = await world.tell(Verb.START)
    assert result is not None
    assert result.acceptance is Acceptance.ACCEPTED
    assert await station.heard("RemoteStartTransaction") == {"connector_id": 1, "id_tag": TAG}

    assert (await station.call_authorize(TAG)) == "Accepted"
    started = await station.start(TAG, NOW, 100_000)
    assert started.id_tag_info["status"] == "Accepted"
    await station.status("Charging", NOW)
    world.clock.advance(30 * MINUTE)
    await station.values(
        (NOW + 15 * MINUTE, 105_000), (NOW + 30 * MINUTE, "110000"), transaction=started.transaction_id
    )
    await station.status("SuspendedEV", NOW + 30 * MINUTE)
    await station.status("Charging", NOW + 30 * MINUTE)

    assert await world.tell(Verb.STOP)
    assert await station.heard("RemoteStopTransaction") == {"transaction_id": started.transaction_id}
    await station.stop(started.transaction_id, NOW + 30 * MINUTE, 110_000)
    await station.status("Finishing", NOW + 30 * MINUTE)
    await station.status("Available", NOW + 30 * MINUTE)

    assert world.told() == [
        K.ONLINE, K.AVAILABLE, K.PREPARING, K.STARTED, K.SUSPENDED_BY_CAR, K.RESUMED, K.STOPPED, K.AVAILABLE,
    ]  # fmt: skip
    at_start, *_, at_stop, left = [event for event in world.events if event.session_id == SESSION]
    assert (at_start.kind, at_start.at, at_start.register) == (K.STARTED, NOW, Energy(100_000))
    assert (at_stop.at, at_stop.register, at_stop.why) == (NOW + 30 * MINUTE, Energy(110_000), "Remote")
    assert left.kind is K.AVAILABLE
    assert await world.energy(NOW, NOW + 30 * MINUTE) == Energy(10_000)
    assert await world.energy(NOW, NOW + 15 * MINUTE) == Energy(5_000)
    [charging] = await world.chargings()
    assert (charging.start_wh, charging.stop_wh, charging.doubt) == (100_000, 110_000, None)


async def test_only_what_was_bought_is_charged(world: StationWorld, station: ChargePoint16) -> None:
    assert (await station.call_authorize("04A2B3C4D5")) == "Invalid"
    started = await station.start("04A2B3C4D5", NOW, 100_000)
    assert started.id_tag_info["status"] == "Invalid"
    await station.stop(started.transaction_id, NOW, 100_000, reason="DeAuthorized")
    assert world.told() == [K.ONLINE]
    assert [charging.session_id for charging in await world.chargings()] == [None]


async def test_a_session_does_not_charge_at_another_connector(
    world: StationWorld, station: ChargePoint16
) -> None:
    await world.tell(Verb.START)
    started = await station.start(TAG, NOW, 100_000, connector=2)
    assert started.id_tag_info["status"] == "Invalid"


async def test_a_start_that_the_station_refuses_lets_nobody_charge(
    world: StationWorld, station: ChargePoint16
) -> None:
    station.replies["RemoteStartTransaction"] = "Rejected"
    result = await world.tell(Verb.START)
    assert result is not None
    assert result.acceptance is Acceptance.REJECTED
    assert "plugged in" in result.why
    assert (await station.start(TAG, NOW, 1)).id_tag_info["status"] == "Invalid"


async def test_a_pulled_plug_ends_the_session_at_what_was_given(
    world: StationWorld, station: ChargePoint16
) -> None:
    await world.tell(Verb.START)
    started = await station.start(TAG, NOW, 0)
    world.clock.advance(10 * MINUTE)
    await station.stop(started.transaction_id, NOW + 7 * MINUTE, 2_333, reason="EVDisconnected")
    await station.status("Available", NOW + 7 * MINUTE)
    assert world.told() == [K.ONLINE, K.STARTED, K.STOPPED, K.AVAILABLE]
    stopped = await world.until(K.STOPPED)
    assert (stopped.at, stopped.register, stopped.why) == (
        NOW + 7 * MINUTE, Energy(2_333), "EVDisconnected",
    )  # fmt: skip
    assert await world.energy(NOW, NOW + 10 * MINUTE) == Energy(2_333)


async def test_what_happened_without_a_network_is_told_afterwards_and_counts(
    world: StationWorld, station: ChargePoint16
) -> None:
    await world.tell(Verb.START)
    started = await station.start(TAG, NOW, 0)
    await station.lose_network()
    offline = await world.until(K.OFFLINE)
    assert offline.session_id == SESSION
    world.clock.advance(MINUTE)
    assert await world.tell(Verb.STOP) is None  # it waits for the station
    await station.connect()
    world.events.clear()
    await station.boot()
    await station.status("Available", NOW + MINUTE)  # before the queue
    await station.values((NOW + MINUTE / 2, 150), transaction=started.transaction_id)
    for _ in range(2):  # it did not hear the answer, and says it again
        await station.stop(started.transaction_id, NOW + MINUTE / 2, 150, reason="EVDisconnected")
    told = [(event.kind, event.session_id) for event in world.events if event.connector_id == CONNECTOR]
    assert told == [(K.ONLINE, SESSION), (K.STOPPED, SESSION), (K.AVAILABLE, SESSION)]
    result = await world.carry_out()
    assert result is not None
    assert (result.acceptance, result.why) == (Acceptance.ACCEPTED, "there was nothing to stop")
    assert await world.energy(NOW, NOW + MINUTE) == Energy(150)


async def test_a_session_that_began_without_a_network_is_still_its_own(
    world: StationWorld, station: ChargePoint16
) -> None:
    await world.tell(Verb.START)
    await station.lose_network()
    await world.until(K.OFFLINE)
    world.clock.advance(MINUTE)
    await world.tell(Verb.STOP)
    await station.connect()
    first = await station.start(TAG, NOW + MINUTE / 4, 10)
    again = await station.start(TAG, NOW + MINUTE / 4, 10)
    assert first == again
    assert first.id_tag_info["status"] == "Invalid"  # it is to stop by now
    await station.stop(first.transaction_id, NOW + MINUTE / 2, 60)
    stopped = await world.until(K.STOPPED)
    assert (stopped.session_id, stopped.register) == (SESSION, Energy(60))


async def test_a_register_that_runs_backwards_or_leaps_is_set_aside(
    world: StationWorld, station: ChargePoint16
) -> None:
    await world.tell(Verb.START)
    started = await station.start(TAG, NOW, 100_000)
    world.clock.advance(40 * MINUTE)
    await station.values(
        (NOW + 10 * MINUTE, 102_000),
        (NOW + 15 * MINUTE, 101_000),  # backwards
        (NOW + 20 * MINUTE, 104_000),
        (NOW + 25 * MINUTE, 9_104_000),  # 9 MWh in five minutes
        (NOW + 30 * MINUTE, 106_000),
        transaction=started.transaction_id,
    )
    await station.stop(started.transaction_id, NOW + 30 * MINUTE, 106_000)
    assert await world.energy(NOW, NOW + 30 * MINUTE) == Energy(6_000)
    assert {item.doubt.reason.value for item in await world.quarantined()} == {
        "REGISTER_FELL",
        "REGISTER_LEAPT",
    }
    [charging] = await world.chargings()
    assert "fell" in (charging.doubt or "")
    assert "leapt" in (charging.doubt or "")


@pytest.mark.parametrize("lie", [101_500, 9_000_000])
async def test_a_last_stand_that_cannot_be_counts_for_nothing(
    world: StationWorld, station: ChargePoint16, lie: int
) -> None:
    await world.tell(Verb.START)
    started = await station.start(TAG, NOW, 100_000)
    world.clock.advance(30 * MINUTE)
    await station.values((NOW + 15 * MINUTE, 105_000), transaction=started.transaction_id)
    await station.stop(started.transaction_id, NOW + 20 * MINUTE, lie)
    stopped = await world.until(K.STOPPED)
    assert stopped.register == Energy(105_000)
    assert str(lie) in stopped.why
    assert await world.energy(NOW, NOW + 20 * MINUTE) == Energy(5_000)
    [charging] = await world.chargings()
    assert (charging.stop_wh, charging.highest_wh) == (lie, 105_000)


async def test_a_last_stand_below_a_value_of_the_same_second_is_told(
    world: StationWorld, station: ChargePoint16
) -> None:
    await world.tell(Verb.START)
    started = await station.start(TAG, NOW, 100_000)
    world.clock.advance(30 * MINUTE)
    await station.values((NOW + 20 * MINUTE, 105_000), transaction=started.transaction_id)
    await station.stop(started.transaction_id, NOW + 20 * MINUTE, 104_000)
    stopped = await world.until(K.STOPPED)
    assert stopped.register == Energy(104_000)
    assert "its values had said 105000 Wh" in stopped.why


async def test_a_session_is_stopped_when_it_has_what_it_may_take(
    world: StationWorld, station: ChargePoint16
) -> None:
    await world.tell(Verb.START, limit=Energy(5_000))
    await station.heard("RemoteStartTransaction")
    started = await station.start(TAG, NOW, 100_000)
    world.clock.advance(20 * MINUTE)
    await station.values((NOW + 10 * MINUTE, 104_999), transaction=started.transaction_id)
    assert await world.carry_out() is None
    await station.values((NOW + 12 * MINUTE, 105_000), transaction=None)
    await station.values((NOW + 13 * MINUTE, 105_400), transaction=None)
    assert await world.carry_out()
    assert await station.heard("RemoteStopTransaction") == {"transaction_id": started.transaction_id}
    assert station.told.empty()


async def test_an_end_that_got_lost_is_made_up_for_when_the_next_begins(
    world: StationWorld, station: ChargePoint16
) -> None:
    await world.tell(Verb.START)
    started = await station.start(TAG, NOW, 100_000)
    world.clock.advance(20 * MINUTE)
    await station.values((NOW + 10 * MINUTE, 103_000), transaction=started.transaction_id)
    await station.start("another", NOW + 15 * MINUTE, 103_000)
    stopped = await world.until(K.STOPPED)
    assert (stopped.session_id, stopped.register) == (SESSION, Energy(103_000))
    assert "never told" in stopped.why
    left = world.events[-1]
    assert (left.kind, left.session_id) == (K.AVAILABLE, SESSION)
    assert stopped.at == left.at == NOW + 10 * MINUTE  # nobody pays for the time until the next car


async def test_a_car_that_leaves_in_the_second_of_its_end_has_left(
    world: StationWorld, station: ChargePoint16
) -> None:
    await world.tell(Verb.START)
    started = await station.start(TAG, NOW, 0)
    world.clock.advance(10 * MINUTE)
    await station.status("Available", NOW + 7 * MINUTE)
    await station.stop(started.transaction_id, NOW + 7 * MINUTE, 2_333, reason="EVDisconnected")
    assert [(event.kind, event.session_id) for event in world.events[-2:]] == [
        (K.STOPPED, SESSION),
        (K.AVAILABLE, SESSION),
    ]


async def test_a_tag_charges_once(world: StationWorld, station: ChargePoint16) -> None:
    await world.tell(Verb.START)
    started = await station.start(TAG, NOW, 0)
    world.clock.advance(10 * MINUTE)
    await station.stop(started.transaction_id, NOW + 7 * MINUTE, 2_333, reason="EVDisconnected")
    assert (await station.call_authorize(TAG)) == "Invalid"
    again = await station.start(TAG, NOW + 8 * MINUTE, 2_333)
    assert again.id_tag_info["status"] == "Invalid"
    assert [charging.session_id for charging in await world.chargings()] == [None, SESSION]


async def test_a_first_stand_that_is_not_believed_does_not_say_when_a_session_has_all(
    world: StationWorld, station: ChargePoint16
) -> None:
    await station.values((NOW - MINUTE, 100_000), transaction=None)
    await world.tell(Verb.START, limit=Energy(5_000))
    await station.heard("RemoteStartTransaction")
    started = await station.start(TAG, NOW, 5)
    world.clock.advance(30 * MINUTE)
    await station.values((NOW + 5 * MINUTE, 101_000), transaction=started.transaction_id)
    await station.values((NOW + 10 * MINUTE, 103_000), transaction=started.transaction_id)
    assert await world.carry_out() is None
    [charging] = await world.chargings()
    assert charging.start_wh == 101_000
    await station.values((NOW + 20 * MINUTE, 106_000), transaction=started.transaction_id)
    assert await world.carry_out()
    assert await station.heard("RemoteStopTransaction")


async def test_a_full_session_whose_stop_is_refused_is_stopped_again(
    world: StationWorld, station: ChargePoint16
) -> None:
    await world.tell(Verb.START, limit=Energy(1_000))
    started = await station.start(TAG, NOW, 0)
    world.clock.advance(30 * MINUTE)
    station.replies["RemoteStopTransaction"] = "Rejected"
    await station.values((NOW + 10 * MINUTE, 1_500), transaction=started.transaction_id)
    assert (await world.carry_out()).acceptance is Acceptance.REJECTED  # type: ignore[union-attr]
    station.replies["RemoteStopTransaction"] = "Accepted"
    await station.values((NOW + 11 * MINUTE, 1_600), transaction=started.transaction_id)
    assert (await world.carry_out()).acceptance is Acceptance.ACCEPTED  # type: ignore[union-attr]
    await station.values((NOW + 12 * MINUTE, 1_700), transaction=started.transaction_id)
    assert await world.carry_out() is None


async def test_what_is_doubted_of_a_charging_has_an_end(world: StationWorld, station: ChargePoint16) -> None:
    started = await station.start(TAG, NOW, 100_000)
    world.clock.advance(40 * MINUTE)
    for minute in range(1, 31):
        await station.values((NOW + minute * MINUTE, 100_000 - minute), transaction=started.transaction_id)
    [charging] = await world.chargings()
    assert "fell" in (charging.doubt or "")
    assert len(charging.doubt or "") <= 1_000


async def test_a_reservation_is_told_and_taken_back(world: StationWorld, station: ChargePoint16) -> None:
    assert (await world.tell(Verb.RELEASE)).why == "there was nothing to release"  # type: ignore[union-attr]
    assert "instant" in (await world.tell(Verb.RESERVE)).why  # type: ignore[union-attr]
    assert await world.tell(Verb.RESERVE, until=NOW + 60 * MINUTE)
    told = await station.heard("ReserveNow")
    assert (told["id_tag"], told["expiry_date"]) == (TAG, "2026-11-27T10:00:00Z")
    station.replies["ReserveNow"] = "Occupied"
    result = await world.tell(Verb.RESERVE, until=NOW + 60 * MINUTE)
    assert (result.acceptance, result.why) == (Acceptance.REJECTED, "the connector is occupied")  # type: ignore[union-attr]
    await station.heard("ReserveNow")
    assert await world.tell(Verb.RELEASE)
    assert await station.heard("CancelReservation") == {"reservation_id": told["reservation_id"]}


async def test_a_connector_that_fails_and_recovers_is_told(
    world: StationWorld, station: ChargePoint16
) -> None:
    await world.tell(Verb.START)
    await station.start(TAG, NOW, 100_000)
    await station.status("Faulted", NOW, error="GroundFailure")
    await station.status("Faulted", NOW, error="GroundFailure")
    await station.status("Charging", NOW)
    await station.status("Charging", NOW)
    await station.status("Unavailable", NOW)
    await station.status("Available", NOW - MINUTE)  # old news
    await station.status("Available", NOW, connector=0)
    assert world.told() == [K.ONLINE, K.STARTED, K.FAULTED, K.RESUMED, K.FAULTED]
    assert [event.why for event in world.events if event.kind is K.FAULTED] == [
        "GroundFailure",
        "the connector is out of service",
    ]
