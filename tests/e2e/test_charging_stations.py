"""A station written with the `ocpp` library's client charges cars that are bought through the BAP's API.

Between the two stand real platforms, and nothing but their protocols. Whatever a station does on the way,
the bill is for what the car was given.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
import pytest_asyncio

from degnode.processes import Network
from kernel.clock import SystemClock
from tests.support.charge_points import ChargePoint16, ChargePoint201
from tests.support.charging_market import Driver, app_of, charging_market
from tests.support.processes import rows

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = timedelta(seconds=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    """A driver's platform and an operator's with four plugs, each of a station of its own."""
    async with charging_market(tmp_path_factory.mktemp("charging"), plugs=4) as network:
        yield network


@asynccontextmanager
async def driver_at(market: Network, number: int) -> AsyncIterator[Driver]:
    async with app_of(market) as app:
        yield Driver(market, app, number)


def now() -> datetime:
    return SystemClock().now().replace(microsecond=0)


async def started(driver: Driver, station: ChargePoint16, *, register: int) -> tuple[int, datetime]:
    """Buy 5 kWh, start the session, let the station begin; return its transaction, and since when it runs."""
    await station.boot()
    await station.status("Preparing", now())
    await driver.buy(5)
    await driver.wish("ACTIVE")
    tag = (await station.heard("RemoteStartTransaction"))["id_tag"]
    at = now()
    begun = await station.start(tag, at, register)
    assert begun.id_tag_info["status"] == "Accepted"
    await driver.hears("ACTIVE")
    return begun.transaction_id, at


async def passed(instant: datetime) -> None:
    """Return when an instant is over: what a meter says, it says of the past."""
    await asyncio.sleep(max(0.0, (instant - SystemClock().now()).total_seconds()))


async def is_billed(driver: Driver, energy_cost: str) -> bool:
    """Say whether the bill is for so much energy, at 45 INR a kWh, and for nothing else."""
    bill = await driver.bill()
    lines = [(line["title"], str(line["amount"])) for line in bill["lineItems"]]
    assert lines == [("Energy Cost", energy_cost)]
    return str(bill["totalAmount"]) == energy_cost


async def test_a_car_is_charged_that_was_bought_through_the_app(market: Network) -> None:
    async with driver_at(market, 1) as driver, ChargePoint16(market.bpp.url, "CP-1") as station:
        transaction, at = await started(driver, station, register=100_000)
        await passed(at + 3 * SECOND)
        await station.values((at + SECOND, 101_000), transaction=transaction)
        await driver.wish("STOP")
        assert await station.heard("RemoteStopTransaction") == {"transaction_id": transaction}
        await station.stop(transaction, at + 3 * SECOND, 102_500)
        await station.status("Available", at + 3 * SECOND)
        await driver.hears("COMPLETED")
        assert await is_billed(driver, "112.50")  # 2.5 kWh


async def test_who_pulls_the_plug_pays_for_what_came_through_it(market: Network) -> None:
    async with driver_at(market, 2) as driver, ChargePoint16(market.bpp.url, "CP-2") as station:
        transaction, at = await started(driver, station, register=7_000)
        await passed(at + 2 * SECOND)
        await station.stop(transaction, at + 2 * SECOND, 8_200, reason="EVDisconnected")
        await station.status("Available", at + 2 * SECOND)
        await driver.hears("COMPLETED")
        assert await is_billed(driver, "54.00")  # 1.2 kWh


async def test_a_station_that_loses_its_network_for_a_minute_tells_afterwards_what_it_gave(
    market: Network,
) -> None:
    async with driver_at(market, 3) as driver, ChargePoint16(market.bpp.url, "CP-3") as station:
        transaction, at = await started(driver, station, register=0)
        await station.lose_network()
        lost_at = now()
        await driver.hears("INTERRUPTED")
        await passed(lost_at + 61 * SECOND)  # a minute by every clock
        assert await driver.session_status() == "INTERRUPTED"
        await station.connect()
        await station.boot()
        await station.values(
            *((at + second * SECOND, 60 * second) for second in range(10, 60, 10)), transaction=transaction
        )
        for _ in range(2):  # it is not sure that it was heard
            await station.stop(transaction, at + 60 * SECOND, 3_600, reason="EVDisconnected")
        await station.status("Available", at + 60 * SECOND)
        await driver.hears("COMPLETED")
        assert await is_billed(driver, "162.00")  # 3.6 kWh


async def test_a_meter_that_lies_is_billed_by_what_can_be_believed(market: Network) -> None:
    async with driver_at(market, 4) as driver, ChargePoint16(market.bpp.url, "CP-4") as station:
        transaction, at = await started(driver, station, register=50_000)
        await passed(at + 4 * SECOND)
        await station.values(
            (at + SECOND, 51_000),
            (at + 2 * SECOND, 9_051_000),  # nine megawatt-hours in a second
            (at + 3 * SECOND, 52_000),
            transaction=transaction,
        )
        await station.stop(transaction, at + 4 * SECOND, 12)  # and less than it began with
        await station.status("Available", at + 4 * SECOND)
        await driver.hears("COMPLETED")
        assert await is_billed(driver, "90.00")  # 2 kWh
    found = await rows(
        market.database_urls["bpp"],
        "SELECT DISTINCT reason FROM meter_quarantined_readings",
    )
    assert {row["reason"] for row in found} == {"REGISTER_FELL", "REGISTER_LEAPT"}


async def test_a_station_of_ocpp_2_charges_the_next_car_at_the_same_plug(market: Network) -> None:
    async with driver_at(market, 1) as driver, ChargePoint201(market.bpp.url, "CP-1") as station:
        await station.boot()
        await driver.buy(5)
        await driver.wish("ACTIVE")
        token = (await station.heard("RequestStartTransaction"))["id_token"]["id_token"]
        at = now()
        begun = await station.event("Started", at, tag=token, kwh=102.5, state="Charging")
        assert begun.id_token_info["status"] == "Accepted"
        await driver.hears("ACTIVE")
        await passed(at + 3 * SECOND)
        await station.event("Updated", at + 2 * SECOND, kwh=104.1)
        await driver.wish("STOP")
        await station.heard("RequestStopTransaction")
        await station.event("Ended", at + 3 * SECOND, kwh=104.5, reason="Remote")
        await station.status("Available", at + 3 * SECOND)
        await driver.hears("COMPLETED")
        assert await is_billed(driver, "90.00")  # 2 kWh
