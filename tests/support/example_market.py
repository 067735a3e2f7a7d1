"""A network of real processes that sells from the example catalogue, and the meters of its trades."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from degnode.demo.scenario import zone_at_noon
from degnode.processes import Network, small_network
from kernel.clock import SystemClock
from node.api_keys import HEADER
from tests.support.calling import calling

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"
METERS: Final = ("rooftop", "bakery")


@asynccontextmanager
async def example_market(folder: Path) -> AsyncIterator[Network]:
    """Run a network that sells from the example catalogue, on days that do not end while it runs."""
    text = (EXAMPLES / "catalog" / "solar-rooftop.yaml").read_text(encoding="utf-8")
    assert "zone: UTC" in text
    catalog = folder / "catalog.yaml"
    catalog.write_text(text.replace("zone: UTC", f"zone: {zone_at_noon(SystemClock().now())}"))
    async with small_network(catalog=catalog) as running:
        yield running


def meter_document(meter: str, *, start: int, seconds: int) -> bytes:
    """Return the meter's example document, its reading moved to another time."""
    text = (EXAMPLES / "meter" / f"{meter}.xml").read_text(encoding="utf-8")
    text = re.sub(r"<start>\d+", f"<start>{start}", text)
    return re.sub(r"<duration>\d+", f"<duration>{seconds}", text).encode()


async def report_meters(network: Network, *, start: int, seconds: int) -> None:
    """Have both meters report what flowed from `start` on."""
    async with calling(headers={HEADER: network.api_key}) as client:
        for meter in METERS:
            response = await client.post(
                f"{network.bpp.url}/mup",
                content=meter_document(meter, start=start, seconds=seconds),
                headers={"Content-Type": "application/sep+xml"},
            )
            assert response.status_code in (201, 204), response.text
