"""`degnode simulate meters` against a running seller: what it promises is what the mirror then knows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from degnode.processes import Network
from kernel.clock import parse_instant
from kernel.interval import Interval
from metering.energy import Direction
from metering.query import interval_energy, total_energy
from storage.database import Database
from tests.support.command_line import invoke, printed
from tests.support.processes import rows

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]


async def simulate(network: Network, *options: str, seed: int) -> Json:
    """Post a world to the network's seller, and return the summary."""
    common = ("--url", network.bpp.url, "--json", "--batch", "6h", "--seed", str(seed))
    result = await invoke(
        "simulate", "meters", *common, *options, environment={"DEGNODE_API_KEY": network.api_key}
    )
    summary: Json = json.loads(printed(result))
    return summary


async def known(network: Network, summary: Json) -> dict[str, list[int]]:
    """Return for every meter what the seller's mirror knows: Wh imported, exported."""
    window = Interval(parse_instant(summary["start"]), parse_instant(summary["end"]))
    database = Database.connect(network.database_urls["bpp"])
    try:
        async with database.engine.connect() as connection:
            return {
                meter["mRID"]: [
                    total_energy(
                        await interval_energy(
                            connection, meter=meter["mRID"], direction=direction, window=window
                        )
                    ).watt_hours
                    for direction in Direction
                ]
                for meter in summary["meters"]
            }
    finally:
        await database.close()


def promised(summary: Json, *names: str) -> dict[str, list[int]]:
    return {meter["mRID"]: [meter[name] or 0 for name in names] for meter in summary["meters"]}


async def reasons(network: Network, summary: Json) -> set[str]:
    """Return why readings of the summary's meters were set aside."""
    found = await rows(
        network.database_urls["bpp"],
        "SELECT q.reason FROM meter_quarantined_readings AS q JOIN meter_usage_points AS u "
        "ON u.id = q.usage_point_id WHERE u.mrid = ANY(:mrids)",
        mrids=[meter["mRID"] for meter in summary["meters"]],
    )
    return {row["reason"] for row in found}


async def test_a_sound_world_arrives_to_the_watt_hour_and_nothing_is_set_aside(network: Network) -> None:
    summary = await simulate(network, "--count", "6", "--days", "2", "--telemetry", seed=1)
    assert await known(network, summary) == promised(summary, "importedWh", "exportedWh")
    assert await reasons(network, summary) == set()
    assert summary["exportedWh"] > 0


async def test_late_repeated_and_corrected_documents_change_nothing_in_the_end(network: Network) -> None:
    faults = ("--fault", "late:0.4", "--fault", "duplicate:0.4", "--fault", "correction:0.05")
    summary = await simulate(network, "--count", "6", "--days", "2", *faults, seed=2)
    assert set(summary["faults"]) == {"late", "duplicate", "correction"}
    assert await known(network, summary) == promised(summary, "importedWh", "exportedWh")
    assert await reasons(network, summary) == set()


async def test_meters_with_intervals_alone_end_with_what_was_told_gaps_and_all(network: Network) -> None:
    faults = ("--fault", "gap:0.05", "--fault", "stale:0.05", "--registers", "intervals", "--interval", "30m")
    summary = await simulate(network, "--count", "4", "--days", "1", *faults, seed=3)
    assert await known(network, summary) == promised(summary, "toldImportWh", "toldExportWh")
    assert sum(meter["toldImportWh"] for meter in summary["meters"]) < summary["importedWh"]


async def test_meters_with_stands_alone_come_to_the_same_energy(network: Network) -> None:
    summary = await simulate(network, "--count", "4", "--days", "1", "--registers", "stands", seed=4)
    assert await known(network, summary) == promised(summary, "importedWh", "exportedWh")


async def test_a_register_that_was_reset_is_set_aside_and_the_intervals_still_count(network: Network) -> None:
    summary = await simulate(network, "--count", "2", "--days", "1", "--fault", "reset@1:50", seed=5)
    assert await known(network, summary) == promised(summary, "importedWh", "exportedWh")
    assert await reasons(network, summary) == {"REGISTER_FELL"}
