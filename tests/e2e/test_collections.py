"""The Postman and the Bruno collection buy energy from real processes, down to the bill.

Newman runs the one and Bruno's command line the other where they are installed; the small interpreter of
`tests.support` runs the first always.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
import simplejson

from degnode.demo.scenario import zone_at_noon
from degnode.processes import Network, small_network
from examples.api_calls.steps import VARIABLES, steps
from examples.write_collections import texts
from kernel.clock import SystemClock
from tests.support.calling import calling
from tests.support.collection_run import CollectionRun, ScriptUnknown
from tests.support.processes import seller_of

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"
COLLECTIONS: Final = EXAMPLES / "collections"
POSTMAN: Final = COLLECTIONS / "degnode.postman_collection.json"
TOOLS: Final = Path(sys.prefix) / "node_tools" / "node_modules" / ".bin"
SECONDS: Final = 4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    """A network that sells from the example catalogue, on days that do not end while it runs."""
    text = (EXAMPLES / "catalog" / "solar-rooftop.yaml").read_text(encoding="utf-8")
    catalog = tmp_path_factory.mktemp("collections") / "catalog.yaml"
    catalog.write_text(text.replace("zone: UTC", f"zone: {zone_at_noon(SystemClock().now())}"))
    async with small_network(catalog=catalog) as running:
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


def collection() -> dict[str, Any]:
    found: dict[str, Any] = simplejson.loads(POSTMAN.read_bytes())
    return found


def test_the_collections_are_as_they_are_written_and_hold_no_secret() -> None:
    files = {path.relative_to(COLLECTIONS).as_posix() for path in COLLECTIONS.rglob("*") if path.is_file()}
    assert {name: (COLLECTIONS / name).read_text(encoding="utf-8") for name in files} == texts()
    assert VARIABLES["api_key"] == ""


@pytest.mark.asyncio(loop_scope="module")
async def test_the_collection_buys_energy_down_to_the_bill(network: Network) -> None:
    async with calling() as http:
        run = CollectionRun(
            collection=collection(),
            steps=steps(),
            http=http,
            clock=SystemClock(),
            variables=settings_of(network),
        )
        await run.run()
    (bill,) = run.answers["bill"]["body"]["bill"]["billing_cycles"]
    assert (bill["totalAmount"], bill["currency"]) == (Decimal("4.00"), "USD")
    assert run.variables["order_id"] == run.answers["bill"]["body"]["order_id"]


async def test_a_script_that_says_something_else_is_not_passed_over(network: Network) -> None:
    changed = collection()
    changed["item"][0]["event"][1]["script"]["exec"].append("pm.collectionVariables.clear();")
    async with calling() as http:
        run = CollectionRun(
            collection=changed,
            steps=steps(),
            http=http,
            clock=SystemClock(),
            variables=settings_of(network),
        )
        with pytest.raises(ScriptUnknown, match="discover"):
            await run.run()


@pytest.mark.asyncio(loop_scope="module")
async def test_newman_runs_the_collection_down_to_the_bill(network: Network) -> None:
    variables = [f"{name}={value}" for name, value in settings_of(network).items()]
    output = await run_tool(
        tool("newman", how="`make node-tools` installs it where there is npm"),
        "run",
        str(POSTMAN),
        "--bail",
        *(part for variable in variables for part in ("--env-var", variable)),
    )
    assert "Energy Cost" in output


@pytest.mark.asyncio(loop_scope="module")
async def test_bruno_runs_the_collection_down_to_the_bill(network: Network, tmp_path: Path) -> None:
    shutil.copytree(COLLECTIONS / "bruno", tmp_path / "bruno")
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
