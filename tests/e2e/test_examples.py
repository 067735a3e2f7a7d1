"""The examples do what they say: the trade runs, the meters are heard."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from envoy_schema.server.schema.sep2.metering_mirror import MirrorUsagePointRequest

from degnode.demo.scenario import zone_at_noon
from degnode.processes import Network, small_network
from kernel.clock import SystemClock
from node.api_keys import HEADER
from tests.support.calling import calling
from tests.support.processes import seller_of

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"
METERS: Final = ("rooftop", "bakery")
SECONDS: Final = 8


def meter_document(meter: str, *, start: int, seconds: int) -> bytes:
    """Return the meter's example document, its reading moved to another time."""
    text = (EXAMPLES / "meter" / f"{meter}.xml").read_text(encoding="utf-8")
    text = re.sub(r"<start>\d+", f"<start>{start}", text)
    return re.sub(r"<duration>\d+", f"<duration>{seconds}", text).encode()


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """A network that sells from the example catalogue, on days that do not end while it runs."""
    text = (EXAMPLES / "catalog" / "solar-rooftop.yaml").read_text(encoding="utf-8")
    assert "zone: UTC" in text
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(text.replace("zone: UTC", f"zone: {zone_at_noon(SystemClock().now())}"))
    async with small_network(catalog=catalog) as running:
        yield running


async def start_trade(network: Network, *arguments: str) -> Process:
    """Start the example as an app's developer does."""
    where = ("--bap", network.bap.url, "--seller", seller_of(network), "--api-key", network.api_key)
    return await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLES / "p2p_trade.py"), *where, *arguments, stdout=PIPE, stderr=PIPE
    )


async def test_the_trade_runs_from_the_first_look_to_the_bill(network: Network) -> None:
    start = int(SystemClock().now().timestamp())
    process = await start_trade(network, "--start", str(start), "--seconds", str(SECONDS))
    await asyncio.sleep(SECONDS)
    async with calling(headers={HEADER: network.api_key}) as client:
        for meter in METERS:
            response = await client.post(
                f"{network.bpp.url}/mup",
                content=meter_document(meter, start=start, seconds=SECONDS),
                headers={"Content-Type": "application/sep+xml"},
            )
            assert response.status_code == 201
    async with asyncio.timeout(30):
        output, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    told = [line.split(maxsplit=1) for line in output.decode().splitlines()]
    steps = [word for word, _ in told if word not in ("delivery", "bill")]
    assert steps == ["found", "quoted", "held", "confirmed", "contract"]
    assert [rest for word, rest in told if word == "delivery"][-1] == "COMPLETED, 10 kWh"
    assert [rest.split() for word, rest in told if word == "bill"] == [
        ["Energy", "Cost", "1.50", "USD"],
        ["Wheeling", "Charges", "2.50", "USD"],
        ["Total", "4.00", "USD"],
    ]


async def test_a_refusal_of_the_seller_ends_the_trade_with_its_words(network: Network) -> None:
    process = await start_trade(network, "--kwh", "21")
    _, complaint = await process.communicate()
    assert process.returncode == 1
    assert complaint.decode() == "failed     select: 21 kWh is too much at once (BIZ_QUANTITY_UNAVAILABLE)\n"


@pytest.mark.parametrize("meter", METERS)
def test_a_meter_document_is_one_to_other_readers_of_ieee_2030_5_too(meter: str) -> None:
    document = MirrorUsagePointRequest.from_xml((EXAMPLES / "meter" / f"{meter}.xml").read_bytes())
    assert document.deviceLFDI
