"""The power that the source's meter tells, in what its buyers are told: on a real database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from kernel.interval import Interval
from metering.documents import (
    MirrorMeterReading,
    MirrorReadingSet,
    MirrorUsagePoint,
    Reading,
    ReadingType,
    TimePeriod,
)
from metering.ingest import record_mirror_document
from metering.power_store import newest_power
from metering.sep.writer import write_mirror_usage_point
from protocol.actions import Action
from protocol.profile import PROFILES, Profile
from schemas import jsonld
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.official import official_bundle_accepts, official_message_errors, official_order_errors
from tests.support.seller_world import SOURCE_METER, TARGET_METER, WINDOW, SellerWorld
from trading.delivery import MetricName
from trading.mapping import wire_of

Json = dict[str, Any]

MINUTE = timedelta(minutes=1)
WATTS = ReadingType(
    accumulation_behaviour=12, commodity=1, data_qualifier=12, flow_direction=1, kind=37,
    power_of_ten_multiplier=-1, uom=38,
)  # fmt: skip


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


async def tell_power(
    world: SellerWorld, deciwatts: Sequence[int], *, meter: str = SOURCE_METER, first: int = 0
) -> None:
    """Have a meter tell its net power, in tenths of a W, minute by minute from the window's start on."""
    readings = tuple(
        Reading(
            value=value,
            time_period=TimePeriod(
                start=int((WINDOW.start + (first + number) * MINUTE).timestamp()), duration=0
            ),
        )
        for number, value in enumerate(deciwatts)
    )
    mrid = meter.zfill(len(meter) + len(meter) % 2)
    register = MirrorMeterReading(
        mrid=f"{mrid}26".zfill(32),
        mrid_as_sent=f"{mrid}26",
        reading_type=WATTS,
        reading_sets=(MirrorReadingSet(readings=readings),),
    )
    point = MirrorUsagePoint(
        mrid=mrid.zfill(32), mrid_as_sent=mrid, device_lfdi="", role_flags=0x13, meter_readings=(register,)
    )
    async with world.uow_factory() as uow:
        raw = write_mirror_usage_point(point)
        taken = await record_mirror_document(raw, uow=uow, now=world.clock.now(), sender=meter)
        assert not taken.quarantined


def telemetry(order: Json) -> list[Json] | None:
    found: list[Json] | None = order["beckn:fulfillment"]["beckn:deliveryAttributes"].get("telemetry")
    return found


async def test_the_power_of_the_source_is_told_with_what_was_delivered(world: SellerWorld) -> None:
    await world.buy(10)
    world.clock.set(WINDOW.start + timedelta(hours=2))
    await tell_power(world, [-15_005, 2_000])
    await tell_power(world, [90_000], meter=TARGET_METER)
    await world.deliver([1_000] * 2)
    [told] = await world.unsolicited()
    assert telemetry(told) == [
        {
            "eventTime": "2026-01-09T10:00:00Z",
            "metrics": [{"name": "POWER", "value": Decimal("1.5005"), "unitCode": "KW"}],
        },
        {
            "eventTime": "2026-01-09T10:01:00Z",
            "metrics": [{"name": "POWER", "value": Decimal("-0.2"), "unitCode": "KW"}],
        },
    ]


async def test_without_power_there_is_no_telemetry(world: SellerWorld) -> None:
    await world.buy(10)
    world.clock.set(WINDOW.start + timedelta(hours=2))
    await world.deliver([1_000] * 2)
    [told] = await world.unsolicited()
    assert telemetry(told) is None


async def test_only_the_newest_events_within_the_window_are_told(world: SellerWorld) -> None:
    bought = await world.buy(10)
    world.clock.set(WINDOW.end + timedelta(hours=1))
    await tell_power(world, [-10 * number for number in range(1, 41)], first=-10)
    await tell_power(world, [-77, -88], first=8 * 60)  # at the window's very end, and after it
    events = telemetry(await world.status(bought["beckn:id"]))
    assert events is not None
    assert len(events) == 12
    assert events[0]["eventTime"] == "2026-01-09T10:19:00Z"
    assert events[-1]["eventTime"] == "2026-01-09T18:00:00Z"
    await tell_power(world, [-5_000], first=8 * 60)  # corrected
    events = telemetry(await world.status(bought["beckn:id"]))
    assert events is not None
    assert events[-1]["metrics"][0]["value"] == Decimal("0.5")


async def test_power_of_before_the_window_is_not_told(world: SellerWorld) -> None:
    bought = await world.buy(10)
    world.clock.set(WINDOW.start)
    await tell_power(world, [-10, -20], first=-2)
    assert telemetry(await world.status(bought["beckn:id"])) is None


async def test_a_fulfilled_contract_keeps_the_telemetry_that_was_told(world: SellerWorld) -> None:
    bought = await world.buy(10)
    world.clock.set(WINDOW.end + MINUTE)
    await tell_power(world, [-10_000])
    await world.deliver([1_000] * 8)
    told = await world.status(bought["beckn:id"])
    world.clock.advance(timedelta(hours=1))
    await tell_power(world, [-20_000], first=5)
    assert await world.status(bought["beckn:id"]) == told
    async with world.uow_factory() as uow:
        now = await newest_power(
            uow.connection, meter=SOURCE_METER, window=Interval(WINDOW.start, WINDOW.end), most=5
        )
    assert [reading.watts for reading in now] == [Decimal(-1000), Decimal(-2000)]


async def test_telemetry_passes_the_official_schema_and_expands(world: SellerWorld) -> None:
    bought = await world.buy(10)
    world.clock.set(WINDOW.start + timedelta(hours=2))
    await tell_power(world, [-15_005])
    told = await world.status(bought["beckn:id"])
    delivery = told["beckn:fulfillment"]["beckn:deliveryAttributes"]
    assert official_order_errors(told) == []
    assert official_bundle_accepts("EnergyTradeDelivery", delivery)
    assert "TelemetryMetricPower" in str(jsonld.expand(told))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
async def test_every_generation_tells_the_same_telemetry(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    world = await SellerWorld(uow_factory=uow_factory, profile=profile).open()
    await _buy_and_deliver(world)
    wire = wire_of(profile.name)
    [told] = [wire.read_contract(order) for order in await world.unsolicited()]
    [event] = told.delivery.telemetry
    [metric] = event.metrics
    assert (event.at, metric.name, metric.value) == (WINDOW.start, MetricName.POWER, Decimal("1.5005"))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
async def test_every_official_document_takes_telemetry(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    world = await SellerWorld(uow_factory=uow_factory, profile=profile).open()
    await _buy_and_deliver(world)
    [(_, document)] = await world.documents(Action.ON_STATUS)
    assert official_message_errors("on_status", document, profile=profile.name) == []


async def _buy_and_deliver(world: SellerWorld) -> None:
    await world.buy_wanted()
    world.clock.set(WINDOW.start + timedelta(hours=2))
    await tell_power(world, [-15_005])
    await world.deliver([1_000] * 2)
