"""The examples do what they say: the trade runs, the meters are heard."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from envoy_schema.server.schema.sep2.metering_mirror import MirrorUsagePointRequest

from degnode.processes import Network
from kernel.clock import SystemClock
from tests.support.example_market import EXAMPLES, METERS, example_market, report_meters
from tests.support.processes import seller_of

SECONDS: Final = 8


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """A network that sells from the example catalogue, on days that do not end while it runs."""
    async with example_market(tmp_path) as running:
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
    await report_meters(network, start=start, seconds=SECONDS)
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
