"""A power cut in the middle of an import: the same command again ends as if nothing had happened."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from kernel.clock import SystemClock
from tests.support.processes import eventually, own_environment, rows

METERS: Final = 80
QUARTERS: Final = 96
START: Final = SystemClock().now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
READINGS: Final = METERS * QUARTERS

WHAT_IS_THERE: Final = """
    SELECT u.mrid, c.direction, r.period_start, r.period_end, r.revision, r.watt_hours
    FROM meter_readings AS r JOIN meter_channels AS c ON c.id = r.channel_id
    JOIN meter_registers AS g ON g.id = c.register_id JOIN meter_usage_points AS u ON u.id = g.usage_point_id
    ORDER BY 1, 2, 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two days ago, quarter by quarter, of many meters; two lines of it cannot be read."""
    seconds = [int(START.timestamp()) + 900 * quarter for quarter in range(QUARTERS)]
    lines = [
        f"{0x100200000 + meter:010x},import,{second},{second + 900},{quarter + meter}"
        for quarter, second in enumerate(seconds)
        for meter in range(METERS)
    ]
    lines.insert(500, "0100200300,sideways,1773462600,1773463500,7")
    lines.insert(6_000, "0100200300,import,1773462600,1773463500,7kWh")
    path = tmp_path / "readings.csv"
    path.write_text("meter,direction,start,end,wh\n" + "\n".join(lines) + "\n")
    return path


async def importing(file: Path, database_url: str) -> Process:
    """Start `degnode meter import` in a process of its own."""
    words = ("-m", "degnode", "meter", "import", str(file), "--json", "--database-url", database_url)
    return await asyncio.create_subprocess_exec(
        sys.executable, *words, env=own_environment(), stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
    )


async def documents(database_url: str) -> int:
    (found,) = await rows(database_url, "SELECT count(*) AS n FROM meter_documents")
    return int(found["n"])


def written(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


async def finish(process: Process) -> dict[str, Any]:
    printed, _ = await process.communicate()
    assert process.returncode == 1, printed  # of the two lines that cannot be read
    (view,) = json.loads(printed)
    return dict(view)


@pytest.mark.timeout(400)  # five imports, each a process that has to start
async def test_an_import_killed_at_any_moment_ends_the_same_when_it_is_repeated(
    file: Path, database_url: str
) -> None:
    for reached in (1, 25, 50):
        process = await importing(file, database_url)

        async def far_enough(least: int = reached) -> bool:
            return await documents(database_url) >= least

        await eventually(far_enough, what=f"{reached} documents are taken", seconds=90, every=0.05)
        process.kill()
        await process.wait()
    view = await finish(await importing(file, database_url))
    assert view["accepted"] + view["duplicates"] == READINGS
    assert (view["revised"], view["quarantined"], view["rejected"]) == (0, 0, 2)
    assert view["accepted"] < READINGS  # what was taken before the power went is there
    found = await rows(database_url, WHAT_IS_THERE)
    assert len(found) == READINGS
    assert {row["revision"] for row in found} == {0}
    expected = sorted(quarter + meter for quarter in range(QUARTERS) for meter in range(METERS))
    assert sorted(row["watt_hours"] for row in found) == expected
    rejected = [line.rpartition(",")[0] for line in written(view["reject_file"])]
    assert [line.rpartition(",")[2] for line in rejected] == ["reject_code", "DIRECTION", "NO_VALUE"]

    again = await finish(await importing(file, database_url))
    assert (again["accepted"], again["duplicates"], again["reject_file"]) == (
        0,
        READINGS,
        view["reject_file"],
    )
    assert await rows(database_url, WHAT_IS_THERE) == found
