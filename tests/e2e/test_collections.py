"""The Postman and the Bruno collections buy energy from real processes, down to the bill.

Newman runs the ones and Bruno's command line the others where they are installed; the small interpreter of
`tests.support` runs the first ones always.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import httpx
import pytest
import pytest_asyncio
import simplejson

from degnode.processes import Network
from examples.api_calls.market import in_plain_words, of_two_lines
from examples.api_calls.messages import in_messages
from examples.api_calls.steps import VARIABLES, Purchase
from examples.write_collections import texts
from kernel.clock import SystemClock
from tests.support.calling import calling
from tests.support.collection_run import CollectionRun, ScriptUnknown
from tests.support.example_market import EXAMPLES, example_market
from tests.support.processes import seller_of

COLLECTIONS: Final = EXAMPLES / "collections"
TOOLS: Final = Path(sys.prefix) / "node_tools" / "node_modules" / ".bin"
SECONDS: Final = 4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    """A network that sells from the example catalogue, on days that do not end while it runs."""
    async with example_market(tmp_path_factory.mktemp("collections")) as running:
        yield running


def settings_of(network: Network) -> dict[str, str]:
    """Return what whoever runs a collection sets."""
    return {
        "bap": network.bap.url,
        "bpp": network.bpp.url,
        "seller": seller_of(network),
        "api_key": network.api_key,
        "seconds": str(SECONDS),
    }


def tool(name: str, *, how: str) -> str:
    """Return the path of a tool of Node.js, or skip the test and say how it is had."""
    found = shutil.which(name, path=str(TOOLS)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed ({how})")
    return found


async def run_tool(*command: str, cwd: Path | None = None) -> str:
    """Return what a tool printed; it must end well."""
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT, cwd=cwd)
    async with asyncio.timeout(120):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


def postman_file(purchase: Purchase) -> Path:
    return COLLECTIONS / f"degnode{purchase.suffix}.postman_collection.json"


def run_of(purchase: Purchase, network: Network, http: httpx.AsyncClient) -> CollectionRun:
    return CollectionRun(
        collection=simplejson.loads(postman_file(purchase).read_bytes()),
        steps=purchase.steps,
        http=http,
        clock=SystemClock(),
        variables=settings_of(network),
    )


@pytest.fixture(params=[in_messages(), in_plain_words(), of_two_lines()], ids=lambda each: each.name)
def purchase(request: pytest.FixtureRequest) -> Purchase:
    found: Purchase = request.param
    return found


def test_the_collections_are_as_they_are_written_and_hold_no_secret() -> None:
    files = {path.relative_to(COLLECTIONS).as_posix() for path in COLLECTIONS.rglob("*") if path.is_file()}
    assert {name: (COLLECTIONS / name).read_text(encoding="utf-8") for name in files} == texts()
    assert VARIABLES["api_key"] == ""


@pytest.mark.asyncio(loop_scope="module")
async def test_the_collection_buys_energy_down_to_the_bill(network: Network) -> None:
    async with calling() as http:
        run = run_of(in_messages(), network, http)
        await run.run()
    (bill,) = run.answers["bill"]["body"]["bill"]["billing_cycles"]
    assert (bill["totalAmount"], bill["currency"]) == (Decimal("4.00"), "USD")
    assert run.variables["order_id"] == run.answers["bill"]["body"]["order_id"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("bought", "totals"),
    [(in_plain_words(), ["4.00"]), (of_two_lines(), ["3.10", "2.95"])],
    ids=["one line", "two lines"],
)
async def test_the_plain_collections_buy_energy_down_to_the_bills(
    bought: Purchase, totals: list[str], network: Network
) -> None:
    async with calling() as http:
        run = run_of(bought, network, http)
        await run.run()
    bills = run.answers["bills"]["body"]
    assert [bill["total"] for bill in bills] == [{"amount": total, "currency": "USD"} for total in totals]
    done = run.answers["order until completed"]["body"]
    assert [line["status"] for line in done["lines"]] == ["completed"] * len(totals)


async def test_a_script_that_says_something_else_is_not_passed_over(network: Network) -> None:
    async with calling() as http:
        run = run_of(in_messages(), network, http)
        run.collection["item"][0]["event"][1]["script"]["exec"].append("pm.collectionVariables.clear();")
        with pytest.raises(ScriptUnknown, match="discover"):
            await run.run()


@pytest.mark.asyncio(loop_scope="module")
async def test_newman_runs_the_collection_down_to_the_bill(purchase: Purchase, network: Network) -> None:
    variables = [f"{name}={value}" for name, value in settings_of(network).items()]
    output = await run_tool(
        tool("newman", how="`make node-tools` installs it where there is npm"),
        "run",
        str(postman_file(purchase)),
        "--bail",
        *(part for variable in variables for part in ("--env-var", variable)),
    )
    assert "Energy Cost" in output


@pytest.mark.asyncio(loop_scope="module")
async def test_bruno_runs_the_collection_down_to_the_bill(
    purchase: Purchase, network: Network, tmp_path: Path
) -> None:
    shutil.copytree(COLLECTIONS / f"bruno{purchase.suffix}", tmp_path / "bruno")
    variables = [f"{name}={value}" for name, value in settings_of(network).items()]
    output = await run_tool(
        tool("bru", how="npm install -g @usebruno/cli"),
        "run",
        "--env",
        "local",
        "--bail",
        *(part for variable in variables for part in ("--env-var", variable)),
        cwd=tmp_path / "bruno",
    )
    assert "Energy Cost" in output
