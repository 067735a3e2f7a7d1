"""A station that speaks OCPP 2.0.1 charges a session; events may come late, twice and out of order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import ocpp.v201.call
import pytest
from ocpp.exceptions import OCPPError

from kernel.energy import Energy
from stations.port import Acceptance, StationEventKind, Verb
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charge_points import ChargePoint201, text_of
from tests.support.station_world import CONNECTOR, NOW, SESSION, TAG, StationWorld, station_world

K = StationEventKind
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> AsyncIterator[StationWorld]:
    async with station_world(uow_factory) as world:
        yield world


@pytest.fixture
async def station(world: StationWorld) -> AsyncIterator[ChargePoint201]:
    async with ChargePoint201(world.url) as station:
        await world.until(K.ONLINE)
        yield station


async def test_a_session_is_charged_from_plug_to_plug(world: StationWorld, station: ChargePoint201) -> None:
    assert (await station.boot()).status == "Accepted"
    assert (await station.call(ocpp.v201.call.Heartbeat())).current_time == text_of(NOW)
    await station.status("Available", NOW)
    await station.status("Occupied", NOW)
    result = await world.tell(Verb.START)
    assert result is not None
    assert result.acceptance is Acceptance.ACCEPTED
    told = await station.heard("RequestStartTransaction")
    assert (told["evse_id"], told["id_token"]) == (1, {"id_token": TAG, "type": "Central"})

    started = await station.event("Started", NOW, tag=TAG, kwh=100.0, state="Charging")
    assert started.id_token_info["status"] == "Accepted"
    await station.status("Occupied", NOW)
    world.clock.advance(30 * MINUTE)
    await station.event("Updated", NOW + 10 * MINUTE, kwh=103.5)
    await station.event("Updated", NOW + 12 * MINUTE, state="SuspendedEVSE")
    await station.event("Updated", NOW + 20 * MINUTE, state="Charging")
    assert await world.tell(Verb.STOP)
    assert await station.heard("RequestStopTransaction") == {"transaction_id": "tx-1"}
    await station.event("Ended", NOW + 30 * MINUTE, kwh=107.123, reason="Remote")
    await station.status("Available", NOW + 30 * MINUTE)

    assert world.told() == [
        K.ONLINE, K.AVAILABLE, K.PREPARING, K.STARTED, K.SUSPENDED_BY_STATION, K.RESUMED, K.STOPPED,
        K.AVAILABLE,
    ]  # fmt: skip
    registers = [event.register for event in world.events if event.register is not None]
    assert registers == [Energy(100_000), Energy(107_123)]
    assert await world.energy(NOW, NOW + 30 * MINUTE) == Energy(7_123)


async def test_a_charging_that_began_at_plug_in_is_the_sessions_from_its_token_on(
    world: StationWorld, station: ChargePoint201
) -> None:
    await station.event("Started", NOW, kwh=50.0, state="EVConnected")
    assert world.told() == [K.ONLINE]
    world.clock.advance(10 * MINUTE)
    await world.tell(Verb.START)
    updated = await station.event("Updated", NOW + 5 * MINUTE, tag=TAG, kwh=50.0, state="Charging")
    assert updated.id_token_info["status"] == "Accepted"
    await station.event("Updated", NOW + 6 * MINUTE, tag=TAG, kwh=50.2)
    started = await world.until(K.STARTED)
    assert (started.session_id, started.at, started.register) == (SESSION, NOW + 5 * MINUTE, Energy(50_000))
    assert world.told() == [K.ONLINE, K.STARTED]


async def test_an_unknown_token_is_refused_and_stays_nobodys(
    world: StationWorld, station: ChargePoint201
) -> None:
    answer = await station.call(ocpp.v201.call.Authorize(id_token={"idToken": "04A2B3", "type": "ISO14443"}))
    assert answer.id_token_info["status"] == "Invalid"
    started = await station.event("Started", NOW, tag="04A2B3", kwh=1.0)
    assert started.id_token_info["status"] == "Invalid"
    await station.event("Ended", NOW, kwh=1.0, reason="DeAuthorized")
    assert world.told() == [K.ONLINE]


async def test_events_that_come_late_and_out_of_order_change_nothing_but_the_readings(
    world: StationWorld, station: ChargePoint201
) -> None:
    await world.tell(Verb.START)
    await station.event("Started", NOW, tag=TAG, kwh=10.0, state="Charging", seq_no=0)
    await station.lose_network()
    await world.until(K.OFFLINE)
    world.clock.advance(10 * MINUTE)
    await station.connect()
    world.events.clear()
    await station.event("Updated", NOW + 2 * MINUTE, kwh=10.4, state="SuspendedEV", seq_no=2)
    await station.event("Updated", NOW + 1 * MINUTE, kwh=10.3, state="SuspendedEVSE", seq_no=1)
    await station.event("Updated", NOW + 2 * MINUTE, kwh=10.4, state="SuspendedEV", seq_no=2)
    await station.event("Ended", NOW + 3 * MINUTE, kwh=10.5, reason="EVDisconnected", seq_no=3)
    await station.event("Ended", NOW + 3 * MINUTE, kwh=10.5, reason="EVDisconnected", seq_no=3)
    assert [kind for kind in world.told() if kind is not K.ONLINE] == [K.SUSPENDED_BY_CAR, K.STOPPED]
    assert await world.energy(NOW, NOW + MINUTE) == Energy(300)
    assert await world.energy(NOW, NOW + 3 * MINUTE) == Energy(500)


async def test_a_lying_register_is_set_aside(world: StationWorld, station: ChargePoint201) -> None:
    await world.tell(Verb.START)
    await station.event("Started", NOW, tag=TAG, kwh=10.0)
    world.clock.advance(30 * MINUTE)
    await station.event("Updated", NOW + 10 * MINUTE, kwh=12.0)
    await station.event("Updated", NOW + 15 * MINUTE, kwh=3.0)
    await station.event("Ended", NOW + 20 * MINUTE, kwh=11.0)
    stopped = await world.until(K.STOPPED)
    assert stopped.register == Energy(12_000)
    assert "fell" in stopped.why
    assert await world.energy(NOW, NOW + 20 * MINUTE) == Energy(2_000)
    assert len(await world.quarantined()) == 2


async def test_values_beside_transactions_count_for_their_meter(
    world: StationWorld, station: ChargePoint201
) -> None:
    world.clock.advance(30 * MINUTE)
    for at, value in ((NOW, 1000), (NOW + 15 * MINUTE, 1600)):
        for evse in (0, 1):
            await station.call(
                ocpp.v201.call.MeterValues(
                    evse_id=evse,
                    meter_value=[{"timestamp": text_of(at), "sampledValue": [{"value": value}]}],
                )
            )
    assert await world.energy(NOW, NOW + 15 * MINUTE) == Energy(600)


async def test_a_value_that_cannot_be_read_spoils_no_other(
    world: StationWorld, station: ChargePoint201
) -> None:
    await world.tell(Verb.START)
    await station.event("Started", NOW, tag=TAG, kwh=10.0)
    world.clock.advance(MINUTE)
    values = [
        {"timestamp": "2026-11-27T09:00:20", "sampledValue": [{"value": 10_001}]},  # of which zone?
        {
            "timestamp": text_of(NOW + MINUTE / 2),
            "sampledValue": [
                {"value": 10_002, "signedMeterValue": _signed()},
                {"value": 230, "measurand": "Voltage"},
                {"value": 99, "location": "Inlet"},
            ],
        },
    ]
    await station.call(ocpp.v201.call.MeterValues(evse_id=1, meter_value=values))
    assert await world.energy(NOW, NOW + MINUTE / 2) == Energy(2)
    [charging] = await world.chargings()
    assert "no offset" in (charging.doubt or "")


async def test_what_a_station_cannot_do_is_a_refusal(world: StationWorld, station: ChargePoint201) -> None:
    result = await world.tell(Verb.RESERVE, until=NOW + 60 * MINUTE)
    assert result is not None
    assert result.acceptance is Acceptance.REJECTED
    assert "NotImplemented" in result.why
    assert (await world.tell(Verb.RESERVE)).why.startswith("a reservation needs")  # type: ignore[union-attr]
    assert (await world.tell(Verb.STOP)).why == "there was nothing to stop"  # type: ignore[union-attr]
    assert (await world.tell(Verb.RELEASE)).why == "there was nothing to release"  # type: ignore[union-attr]


async def test_a_connector_lets_go_of_its_cable_unless_somebody_charges(
    world: StationWorld, station: ChargePoint201
) -> None:
    for status, acceptance in (
        ("Unlocked", Acceptance.ACCEPTED),
        ("OngoingAuthorizedTransaction", Acceptance.REJECTED),
    ):
        station.replies["UnlockConnector"] = status
        result = await world.tell(Verb.UNLOCK)
        assert await station.heard("UnlockConnector") == {"evse_id": 1, "connector_id": 1}
        assert result is not None
        assert result.acceptance is acceptance


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (ocpp.v201.call.StatusNotification(text_of(NOW), "Available", 9, 1), "has no connector 9"),
        (ocpp.v201.call.StatusNotification("yesterday", "Available", 1, 1), r"\$.timestamp"),
        (ocpp.v201.call.ClearedChargingLimit("EMS"), "is not taken here"),
        (
            ocpp.v201.call.TransactionEvent(
                "Updated", text_of(NOW), "Trigger", 4, {"transactionId": "of whom nobody heard"}
            ),
            "says where",
        ),
    ],
)
async def test_a_call_that_cannot_be_taken_is_answered_by_why(
    station: ChargePoint201, message: object, said: str
) -> None:
    with pytest.raises(OCPPError, match=said):
        await station.call(message)


async def test_other_vendors_data_is_refused_and_notes_are_taken(station: ChargePoint201) -> None:
    assert (await station.call(ocpp.v201.call.DataTransfer(vendor_id="volt"))).status == "UnknownVendorId"
    assert await station.call(ocpp.v201.call.FirmwareStatusNotification(status="Idle"))
    await station.status("Reserved", NOW)
    await station.status("Faulted", NOW)


def _signed() -> dict[str, str]:
    return {
        "signedMeterData": "AA==",
        "signingMethod": "ECDSA",
        "encodingMethod": "OCMF",
        "publicKey": "AA==",
    }


@pytest.mark.parametrize("told_kwh", [None, 3.0], ids=["told at the end", "told at the stop"])
async def test_what_is_stopped_and_stays_plugged_in_has_charged_until_the_stop(
    world: StationWorld, told_kwh: float | None
) -> None:
    """Its TxStopPoint is EVConnected: the transaction ends when the cable is pulled."""
    await world.tell(Verb.START)
    async with ChargePoint201(world.url) as station:
        await station.event("Started", NOW, tag=TAG, kwh=1.0, state="EVConnected", trigger="CablePluggedIn")
        world.clock.advance(90 * MINUTE)
        await station.event("Updated", NOW, state="Charging", trigger="ChargingStateChanged")
        await station.event("Updated", NOW + 20 * MINUTE, kwh=2.5)
        stop = NOW + 30 * MINUTE
        await station.event("Updated", stop, kwh=told_kwh, state="EVConnected", trigger="RemoteStop")
        await station.status("Occupied", stop)
        [charging] = await world.chargings()
        assert charging.is_open
        await station.event("Ended", NOW + 90 * MINUTE, kwh=3.0, reason="EVDisconnected")
        await station.status("Available", NOW + 90 * MINUTE)
    events = [(event.kind, event.at) for event in world.events if event.connector_id == CONNECTOR]
    assert events[1:] == [
        (K.STARTED, NOW),
        (K.STOPPED, stop),
        (K.STOPPED, NOW + 90 * MINUTE),  # whose session had stopped then
        (K.AVAILABLE, NOW + 90 * MINUTE),
    ]
    assert await world.energy(NOW, stop) == Energy(2_000)
    assert await world.energy(stop, NOW + 90 * MINUTE) == Energy(0)
