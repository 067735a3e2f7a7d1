"""The demo, run as a newcomer runs it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Any

import pytest
import simplejson
from rich.console import Console

from degnode.demo.program import perform
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from protocol.detection import detect
from protocol.profile import PROFILES, V1_1, V2_LTS, V2_RC, Profile
from tests.support.official import official_message_errors
from tests.support.processes import eventually, processes_that_mention
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of

USD = Currency("USD")
DEMO = (sys.executable, "-m", "degnode", "demo")


def assert_nobody_holds_anything(folder: Path) -> None:
    """The embedded server's library keeps an empty file to lock; nobody may hold it."""
    left = list(folder.iterdir())
    assert [path.name for path in left] in ([], [".lockfile"])
    for path in left:
        with path.open("r+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


async def test_the_demo_trades_settles_and_prints_the_last_on_status_alone(
    tmp_path: Path, shared: Path
) -> None:
    report = tmp_path / "report.html"
    process = await asyncio.create_subprocess_exec(
        *DEMO, "--json", "--report", str(report), stdout=PIPE, stderr=PIPE
    )
    output, story = await process.communicate()
    assert process.returncode == 0, story.decode()

    document = json.loads(output)
    order = document["message"]["order"]
    contract = order["beckn:orderAttributes"]
    (bill,) = contract["billingCycles"]
    (cycle,) = contract["settlementCycles"]
    assert document["context"]["action"] == "on_status"
    assert contract["contractStatus"] == "COMPLETED"
    assert (cycle["status"], cycle["amount"], cycle["currency"]) == ("SETTLED", 4.0, "USD")
    assert [(line["title"], line["amount"]) for line in bill["lineItems"]] == [
        ("Energy Cost", 1.5),
        ("Wheeling Charges", 2.5),
    ]
    assert bill["totalAmount"] == 4.0
    assert order["beckn:fulfillment"]["beckn:deliveryAttributes"]["deliveredQuantity"] == 10.0
    assert official_message_errors("on_status", document) == []
    assert "Energy Cost" in report.read_text()
    assert b"COMPLETED" in story


@pytest.mark.parametrize(("wire", "profile"), [("v1.1", V1_1), ("lts", V2_LTS)], ids=["v1_1", "v2_lts"])
async def test_the_same_trade_runs_over_each_generation(wire: str, profile: Profile, shared: Path) -> None:
    process = await asyncio.create_subprocess_exec(*DEMO, "--json", "--wire", wire, stdout=PIPE, stderr=PIPE)
    output, story = await process.communicate()
    assert process.returncode == 0, story.decode()
    document = simplejson.loads(output, use_decimal=True)
    _check_trade(document, profile)
    assert official_message_errors("on_status", json.loads(output), profile=profile.name) == []


async def test_buyer_and_seller_trade_on_what_both_of_them_speak() -> None:
    """The seller would rather speak LTS, and the buyer knows nothing but the release candidate."""
    performance = await perform(
        Console(quiet=True),
        profile=V2_RC,
        settings={
            "bap": {"DEGNODE_WIRES": "v2_rc"},
            "bpp": {"DEGNODE_WIRES": "v2_lts,v2_rc", "DEGNODE_WIRE": "v2_lts"},
        },
    )
    assert performance.outcome.transaction["wire"] == "v2_rc"
    _check_trade(performance.outcome.last_on_status, V2_RC)


def _check_trade(on_status: dict[str, Any], profile: Profile) -> None:
    """Check that the trade came to 10 kWh, 4.00 USD and a settled cycle."""
    wire = wire_of(profile.name)
    report = wire.read_contract(on_status["message"][wire.ORDER_KEY])
    (bill,), (cycle,) = report.bills, report.cycles
    assert detect(on_status, tuple(PROFILES.values())) is profile
    assert report.status is ContractStatus.COMPLETED
    assert (cycle.status, cycle.amount) == ("SETTLED", Money(400, USD))
    assert [(line.title, line.amount) for line in bill.lines] == [
        ("Energy Cost", Money(150, USD)),
        ("Wheeling Charges", Money(250, USD)),
    ]
    assert bill.total == Money(400, USD)
    assert report.delivery.delivered == Energy(10_000)


def heed_ctrl_c() -> None:
    """Heed it also where the tests run behind a shell's `&`, which has its children ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def test_ctrl_c_leaves_no_process_and_no_file_behind() -> None:
    with tempfile.TemporaryDirectory(prefix="ctrl-c-") as folder:
        process = await asyncio.create_subprocess_exec(
            *DEMO,
            stdout=PIPE,
            stderr=DEVNULL,
            env={**os.environ, "TMPDIR": folder},
            preexec_fn=heed_ctrl_c,
        )
        assert process.stdout is not None
        async with asyncio.timeout(60):
            async for line in process.stdout:
                if b"The app buys" in line:
                    break
        assert processes_that_mention(folder)
        process.send_signal(signal.SIGINT)
        rest = await process.stdout.read()
        assert await process.wait() == 130
        assert b"nothing is left running" in rest

        async def is_gone() -> bool:
            return not processes_that_mention(folder)

        await eventually(is_gone, what="every process has ended", seconds=5)
        assert_nobody_holds_anything(Path(folder))
