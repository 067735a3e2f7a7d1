"""Power cuts while meters post: what was acknowledged is there, and whatever is sent again counts once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from degnode.demo.scenario import make_scenario
from degnode.processes import Network, small_network
from kernel.clock import SystemClock
from metering.sep.writer import write_mirror_usage_point
from node.api_keys import HEADER
from tests.support.metering_documents import QUARTER, meter, reading, register
from tests.support.processes import eventually, rows

METERS: Final = 8
HOURS: Final = 40
READINGS: Final = 4 * METERS * HOURS

WHAT_IS_THERE: Final = """
    SELECT u.mrid, r.period_start, r.revision, r.watt_hours
    FROM meter_readings AS r JOIN meter_channels AS c ON c.id = r.channel_id
    JOIN meter_registers AS g ON g.id = c.register_id JOIN meter_usage_points AS u ON u.id = g.usage_point_id
    ORDER BY 1, 2
"""

Posted = tuple[int, int]
"""A document, by its meter and its hour."""


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """A seller's platform that meters post to; there is nobody to trade with."""
    catalog = tmp_path / "catalog.yaml"
    now = SystemClock().now()
    make_scenario(now, lead=now - now).write_catalogue(catalog)
    async with small_network(catalog=catalog, start=("registry", "bpp")) as running:
        yield running


def mrid_of(number: int, *, register: int = 0) -> str:
    return f"{0x100200000 + 16 * number + register:010x}"


def watt_hours_of(number: int, quarter: int) -> int:
    return 1_000 * number + quarter


def hour_of(number: int, hour: int, *, start: int) -> bytes:
    """Return the document of one hour of a meter."""
    quarters = range(4 * hour, 4 * hour + 4)
    readings = [
        reading(watt_hours_of(number, quarter), start=start + quarter * QUARTER) for quarter in quarters
    ]
    house = meter(register(readings, mrid=mrid_of(number, register=1)), mrid=mrid_of(number))
    return write_mirror_usage_point(house)


async def post_until_taken(client: httpx.AsyncClient, body: bytes) -> None:
    """Post a document again and again, as a meter does, until it is acknowledged."""
    while True:
        try:
            answer = await client.post("/mup", content=body)
        except httpx.TransportError:
            await asyncio.sleep(0.05)
            continue
        if answer.status_code in (201, 204):
            return
        assert answer.status_code == 503, answer.text
        await asyncio.sleep(0.05)


def readings_of(posted: set[Posted], *, start: int) -> set[tuple[str, datetime]]:
    """Return which meters' quarter hours are in the documents."""
    return {
        (mrid_of(number).upper().zfill(32), datetime.fromtimestamp(start + quarter * QUARTER, UTC))
        for number, hour in posted
        for quarter in range(4 * hour, 4 * hour + 4)
    }


async def found_in(network: Network) -> list[dict[str, Any]]:
    return await rows(network.database_urls["bpp"], WHAT_IS_THERE)


async def readings_in(network: Network) -> set[tuple[str, datetime]]:
    return {(row["mrid"], row["period_start"]) for row in await found_in(network)}


@pytest.mark.timeout(400)  # four starts
async def test_a_platform_killed_while_meters_post_loses_nothing_and_counts_nothing_twice(
    network: Network,
) -> None:
    now = int(SystemClock().now().timestamp())
    start = now - now % QUARTER - HOURS * 4 * QUARTER
    acknowledged: set[Posted] = set()

    async def one_meter(number: int) -> None:
        headers = {HEADER: network.api_key, "Content-Type": "application/sep+xml"}
        async with httpx.AsyncClient(base_url=network.bpp.url, headers=headers, timeout=30) as client:
            for hour in range(HOURS):
                await post_until_taken(client, hour_of(number, hour, start=start))
                acknowledged.add((number, hour))

    async with asyncio.TaskGroup() as meters:
        posting = [meters.create_task(one_meter(number)) for number in range(METERS)]
        for reached in (1, 60, 180):

            async def far_enough(least: int = reached) -> bool:
                return len(acknowledged) >= least

            await eventually(far_enough, what=f"{reached} are acknowledged", seconds=120, every=0.001)
            await network.bpp.kill()
            assert readings_of(acknowledged, start=start) <= await readings_in(network)
            assert not all(each.done() for each in posting)
            await network.bpp.start()

    found = await found_in(network)
    assert len(found) == READINGS
    assert {row["revision"] for row in found} == {0}
    expected = sorted(
        watt_hours_of(number, quarter) for number in range(METERS) for quarter in range(4 * HOURS)
    )
    assert sorted(row["watt_hours"] for row in found) == expected
