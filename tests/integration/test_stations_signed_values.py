"""Where a meter's key is known, what is signed counts as the meter signed it, or does not count."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final

import ocpp.v201.call
import pytest

from kernel.energy import Energy
from metering.doubt import Doubt, Reason
from metering.energy import Direction
from stations.intake import Said, stand_at, take_in
from stations.port import StationEventKind, Verb
from stations.signed_values import second_of
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charge_points import ChargePoint16, ChargePoint201, sampled, text_of
from tests.support.signed_meter import SignedMeter
from tests.support.station_world import METER, NOW, STATIONS, TAG, StationWorld, station_world

K = StationEventKind
MINUTE = timedelta(minutes=1)
END: Final = NOW + 20 * MINUTE
ITS: Final = SignedMeter()
OTHER: Final = SignedMeter()


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> AsyncIterator[StationWorld]:
    named = f'meter: "{METER}"'
    stations = STATIONS.replace(named, f"{named}, meter_key: {ITS.public_key}")
    async with station_world(uow_factory, stations=stations) as world:
        await world.tell(Verb.START)
        yield world


def with_record(at: datetime, watt_hours: int | None, record: str) -> dict[str, Any]:
    """Return a meterValue of 1.6 with a record beside its value, or in its place."""
    value = sampled(at, watt_hours or 0)
    plain = value["sampledValue"] if watt_hours is not None else []
    return {**value, "sampledValue": [*plain, {"value": record, "format": "SignedData"}]}


async def charged(world: StationWorld, *values: dict[str, Any], stop: int) -> None:
    """Let a car charge for twenty minutes from 1 kWh on, with these values at the end."""
    async with ChargePoint16(world.url) as station:
        started = await station.start(TAG, NOW, 1_000)
        world.clock.advance(20 * MINUTE)
        await station.stop(started.transaction_id, NOW + 20 * MINUTE, stop, data=list(values))
        await world.until(K.STOPPED)


async def reasons(world: StationWorld) -> set[str]:
    return {item.doubt.reason.value for item in await world.quarantined()}


async def test_a_stand_counts_as_the_meter_signed_it(world: StationWorld) -> None:
    end = with_record(NOW + 20 * MINUTE, 3_500, ITS.record("3.4987"))
    await charged(world, end, stop=3_500)
    assert await world.energy(NOW, NOW + 20 * MINUTE) == Energy(2_498)
    assert await world.quarantined() == []


async def test_a_signed_stand_counts_whatever_the_station_says_at_that_second(world: StationWorld) -> None:
    end = with_record(NOW + 20 * MINUTE, None, ITS.record("3.4"))
    await charged(world, end, stop=4_900)
    assert await world.energy(NOW, NOW + 20 * MINUTE) == Energy(2_400)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (ITS.record("3.4").replace("3.4", "3.9"), "SIGNATURE_INVALID"),
        (OTHER.record("3.9"), "SIGNATURE_INVALID"),
        (ITS.record("3.9", ST="M"), "SIGNATURE_INVALID"),
        ("EDL40 of some kind", "SIGNATURE_INVALID"),
        (ITS.record("3.4"), "SIGNED_OTHERWISE"),
        (ITS.record("3.9", RI="1-b:2.8.0"), "SIGNED_OTHERWISE"),
    ],
)
async def test_a_stand_that_the_meter_does_not_vouch_for_is_set_aside(
    world: StationWorld, record: str, reason: str
) -> None:
    half = sampled(NOW + 10 * MINUTE, 2_000)
    await charged(world, half, with_record(NOW + 20 * MINUTE, 3_900, record), stop=3_900)
    assert await world.energy(NOW, NOW + 20 * MINUTE) == Energy(1_000)  # what was believed last
    assert await reasons(world) == {reason}
    [charging] = await world.chargings()
    assert charging.doubt


@pytest.mark.parametrize(
    ("record", "reason", "why"),
    [
        (OTHER.record("9"), "SIGNATURE_INVALID", "its signature is not that of the meter"),
        (
            ITS.record("2", RI="01-00:B2.08.00*FF"),  # of the transaction, not of the meter
            "SIGNED_OTHERWISE",
            "the signed record says nothing of this register",
        ),
    ],
)
async def test_an_end_is_not_believed_whose_record_is_not(
    world: StationWorld, record: str, reason: str, why: str
) -> None:
    half = sampled(NOW + 10 * MINUTE, 2_000)
    await charged(world, half, with_record(NOW + 20 * MINUTE, None, record), stop=9_000)
    [charging] = await world.chargings()
    assert charging.doubt == why
    assert await reasons(world) == {reason}
    assert await world.energy(NOW, NOW + 20 * MINUTE) == Energy(1_000)  # what was believed last


async def test_a_signed_stand_counts_whatever_is_said_beside_it_at_that_second(world: StationWorld) -> None:
    end = with_record(NOW + 20 * MINUTE, None, ITS.record("3.4"))
    await charged(world, end, sampled(NOW + 20 * MINUTE, 4_900), stop=4_900)
    assert await world.energy(NOW, NOW + 20 * MINUTE) == Energy(2_400)


async def test_a_record_at_no_instant_is_told(world: StationWorld) -> None:
    value = {**with_record(NOW, None, ITS.record("3")), "timestamp": "noon"}
    await charged(world, value, stop=2_000)
    [charging] = await world.chargings()
    assert "noon" in (charging.doubt or "")


async def test_in_ocpp_2_a_record_stands_beside_its_value(world: StationWorld) -> None:
    def value(minutes: int, kwh: float, record: str) -> dict[str, Any]:
        signed = {
            "signedMeterData": b64encode(record.encode()).decode(),
            "signingMethod": "ECDSA-secp256r1-SHA256",
            "encodingMethod": "OCMF",
            "publicKey": "",
        }
        stand = {"value": kwh, "unitOfMeasure": {"unit": "kWh"}, "signedMeterValue": signed}
        return {"timestamp": text_of(NOW + minutes * MINUTE), "sampledValue": [stand]}

    async with ChargePoint201(world.url) as station:
        await station.event("Started", NOW, tag=TAG, kwh=1.0)
        world.clock.advance(20 * MINUTE)
        values = [
            value(10, 2.5, ITS.record("2.5001")),
            value(11, 2.6, OTHER.record("2.6")),
            value(12, 2.7, ITS.record("2.6988")),
        ]
        await station.call(ocpp.v201.call.MeterValues(evse_id=1, meter_value=values))
    assert await world.energy(NOW, NOW + 12 * MINUTE) == Energy(1_698)
    assert await reasons(world) == {"SIGNATURE_INVALID"}


async def test_what_is_sent_beside_a_signed_value_needs_no_record_of_its_own(world: StationWorld) -> None:
    signed = {
        "signedMeterData": b64encode(ITS.record("2.5").encode()).decode(),
        "signingMethod": "ECDSA-secp256r1-SHA256",
        "encodingMethod": "OCMF",
        "publicKey": "",
    }
    kwh = {"unitOfMeasure": {"unit": "kWh"}}
    taken = {"value": 2.5, "signedMeterValue": signed, **kwh}
    given = {"value": 0, "measurand": "Energy.Active.Export.Register", **kwh}
    value = {"timestamp": text_of(NOW + 10 * MINUTE), "sampledValue": [taken, given]}
    async with ChargePoint201(world.url) as station:
        await station.event("Started", NOW, tag=TAG, kwh=1.0)
        world.clock.advance(20 * MINUTE)
        await station.call(ocpp.v201.call.MeterValues(evse_id=1, meter_value=[value]))
    assert await world.energy(NOW, NOW + 10 * MINUTE) == Energy(1_500)
    assert await world.quarantined() == []


async def test_of_what_is_said_of_one_second_the_last_counts(world: StationWorld) -> None:
    end = NOW + 20 * MINUTE
    await charged(world, sampled(end, 3_490), sampled(end, 3_500), stop=3_499)
    assert await world.energy(NOW, end) == Energy(2_499)
    assert await world.quarantined() == []


async def test_a_value_that_nobody_signed_counts_as_before(world: StationWorld) -> None:
    await charged(world, sampled(NOW + 20 * MINUTE, 3_000), stop=3_000)
    assert await world.energy(NOW, NOW + 20 * MINUTE) == Energy(2_000)


async def test_what_was_set_aside_counts_when_it_comes_again_and_the_right_key_is_known(
    world: StationWorld,
) -> None:
    doubt = Doubt(Reason.SIGNATURE_INVALID, "its signature is not that of the meter")
    for verdict, stands in ((doubt, {}), (doubt, {}), (None, {second_of(NOW): 1_000})):
        said = Said(
            readings=[stand_at(NOW, 1_000)],
            raw=b"the same bytes",
            signatures={(Direction.IMPORT, second_of(NOW)): verdict},
        )
        async with world.uow_factory() as uow:
            taken = await take_in(
                said,
                place=world.roster.get_place_at("CP-7", 1),
                uow=uow,
                now=NOW,
                on_recorded=world._on_recorded,
            )
        assert taken.stands == stands
        assert bool(await world.quarantined()) == (verdict is not None)


@pytest.fixture
async def strict(uow_factory: UnitOfWorkFactory) -> AsyncIterator[StationWorld]:
    """Return a station of which only what its meter has signed counts; 2 kWh were bought."""
    named = f'meter: "{METER}"'
    stations = STATIONS.replace(named, f"{named}, meter_key: {ITS.public_key}, signed_only: true")
    async with station_world(uow_factory, stations=stations) as world:
        await world.tell(Verb.START, limit=Energy(2_000))
        yield world


async def test_where_only_signed_values_count_a_session_has_what_its_meter_signed(
    strict: StationWorld,
) -> None:
    begin, end = with_record(NOW, None, ITS.record("1.0")), with_record(END, None, ITS.record("2.4"))
    await charged(strict, begin, sampled(NOW + 10 * MINUTE, 1_900), end, stop=2_900)
    assert await strict.energy(NOW, END) == Energy(1_400)
    assert await reasons(strict) == {"UNSIGNED"}  # the value on the way, and the stand of the start
    [charging] = await strict.chargings()
    assert (charging.start_wh, charging.doubt) == (1_000, None)


@pytest.mark.parametrize(
    ("records", "energy", "doubt"),
    [
        pytest.param({0: "1.0"}, 0, "signed no stand of its end, and 1000 Wh at last", id="start"),
        pytest.param({0: "1.0", 15: "2.2"}, 1_200, "of its end, and 2200 Wh at last", id="no end"),
        pytest.param({20: "2.4"}, 0, "signed no stand of its start, and 2400 Wh at first", id="end"),
        pytest.param({}, 0, "its meter has signed nothing of it", id="nothing"),
    ],
)
async def test_what_no_signature_vouches_for_is_not_charged_for(
    strict: StationWorld, records: dict[int, str], energy: int, doubt: str
) -> None:
    values = [with_record(NOW + at * MINUTE, None, ITS.record(kwh)) for at, kwh in records.items()]
    await charged(strict, *values, sampled(NOW + 17 * MINUTE, 2_300), stop=2_900)
    assert await strict.energy(NOW, END) == Energy(energy)
    assert await reasons(strict) == {"UNSIGNED"}
    [charging] = await strict.chargings()
    assert doubt in (charging.doubt or "")
    [told] = [event for event in strict.events if event.kind is K.STOPPED]
    assert doubt in told.why


@pytest.mark.parametrize(("shown", "is_stopped"), [(2_990, False), (3_000, True), (900_000, False)])
async def test_who_has_all_that_was_bought_is_stopped_by_what_is_shown_too(
    strict: StationWorld, shown: int, is_stopped: bool
) -> None:
    async with ChargePoint16(strict.url) as station:
        await strict.carry_out()
        started = await station.start(TAG, NOW, 1_000)
        strict.clock.advance(20 * MINUTE)
        await station.values((END, shown), transaction=started.transaction_id)
        await strict.carry_out()
    told = [command.verb for command, _ in strict.results]
    assert told == ([Verb.STOP] if is_stopped else [])
