"""A seller's platform that follows a utility's server, as a real process; killed in the middle."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from degnode.demo.scenario import make_scenario
from degnode.processes import Network, small_network
from kernel.clock import SystemClock
from tests.support.metering_documents import QUARTER
from tests.support.processes import rows
from tests.support.utility_server import ServedReadings, ServedRegister, Traps, UtilityServer, notification
from tests.support.waiting import eventually

READINGS = 96
SETS = "/sep/register/0/sets"


@pytest.fixture
async def server() -> AsyncIterator[UtilityServer]:
    """A utility's server with a day of readings until now, two on a page."""
    now = int(SystemClock().now().timestamp())
    start = now - now % QUARTER - READINGS * QUARTER
    values = {start + n * QUARTER: 250 + n for n in range(READINGS)}
    register = ServedRegister(sets=[ServedReadings(start=start, values=values)])
    traps = Traps(largest_page=2, subscribable=True, poll_rate=86_400)
    async with UtilityServer(register, now=now, traps=traps) as running:
        yield running


@pytest.fixture
async def network(tmp_path: Path, server: UtilityServer) -> AsyncIterator[Network]:
    """A BPP that follows the server; there is nobody to trade with."""
    catalog = tmp_path / "catalog.yaml"
    now = SystemClock().now()
    make_scenario(now, lead=now - now).write_catalogue(catalog)
    feeds = tmp_path / "feeds.yaml"
    feeds.write_text(f"feeds:\n  - {{name: north, url: {server.root}, clock_tolerance: P1D}}\n")
    settings = {"bpp": {"DEGNODE_METER_FEEDS": str(feeds)}}
    async with small_network(catalog=catalog, settings=settings, start=("registry", "bpp")) as running:
        yield running


async def kept(network: Network) -> list[Any]:
    """Return how many readings are kept, how many of them are corrections, and what they come to."""
    query = "SELECT count(*) AS n, sum(revision) AS r, sum(watt_hours) AS w FROM meter_readings"
    found = await rows(network.database_urls["bpp"], query)
    return [found[0]["n"], int(found[0]["r"] or 0), int(found[0]["w"] or 0)]


async def test_a_killed_platform_goes_on_where_it_was_and_is_then_notified(
    network: Network, server: UtilityServer
) -> None:
    total = sum(250 + n for n in range(READINGS))

    async def is_under_way() -> bool:
        return bool((await kept(network))[0] >= 10)

    await eventually(is_under_way, expected=True)
    await network.bpp.kill()
    await end_lease(network)
    await network.bpp.start()

    async def all_of_it() -> list[Any]:
        return await kept(network)

    await eventually(all_of_it, expected=[READINGS, 0, total])

    async def is_subscribed() -> bool:
        return SETS in server.subscriptions

    await eventually(is_subscribed, expected=True)
    values = server.registers[0].sets[0].values
    newest = max(values)
    values[newest] = 1
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            server.subscriptions[SETS],
            content=notification(SETS, status=4, readings=[(newest, 345)]),
            headers={"Content-Type": "application/sep+xml"},
        )
    assert answer.status_code == 204
    await eventually(all_of_it, expected=[READINGS + 1, 1, total + 1])
    assert [event for event in network.bpp.log_events() if event.get("level") == "error"] == []


async def end_lease(network: Network) -> None:
    """Have the time pass that a dead process's poll is waited for."""
    connection = await asyncpg.connect(network.database_urls["bpp"])
    try:
        await connection.execute("UPDATE meter_feeds SET leased_until = NULL")
    finally:
        await connection.close()
