"""`degnode utility`, asked at a utility over a real port; and what its platform's operator sees of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from typer.testing import Result

from bpp.api.allocations import allocation_router
from bpp.utility.statement_api import statement_router
from bpp.utility.trade_api import trade_router
from storage.database import Database
from tests.support.command_line import invoke, printed
from tests.support.grid_world import BUYER_METER, GridWorld, Member, grid_world
from tests.support.loopback_server import LoopbackServer
from tests.support.seller_api import KEY, seller_app

PERIODS = """start,end,allocated_wh,consumed_wh,produced_wh
2026-01-09T18:00:00Z,2026-01-09T19:00:00Z,4000,,9000
2026-01-09T19:00:00Z,2026-01-09T20:00:00Z,3000,,
"""


@pytest.fixture
async def world(database: Database, postgres_url: str, template_url: str) -> AsyncIterator[GridWorld]:
    async with grid_world(database, postgres_url=postgres_url, template_url=template_url) as running:
        yield running


async def _served(world: GridWorld, member: Member, *routers: APIRouter) -> LoopbackServer:
    server = LoopbackServer(seller_app(routers, uow_factory=member.uow_factory, clock=world.clock))
    await server.start()
    return server


async def run(url: str, *arguments: str) -> Result:
    environment = {"DEGNODE_API_KEY": KEY, "DEGNODE_NODE_URL": url, "COLUMNS": "250"}
    return await invoke(*arguments, environment=environment)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("begin,end\n1,2\n", "its first line is start,end,allocated_wh"),
        ("start,end,allocated_wh\n2026-01-09T18:00:00Z\n", "'' is no instant"),
        ("start,end,allocated_wh\n1,2,much\n", "its first line is start,end,allocated_wh"),
    ],
)
async def test_a_file_that_tells_no_periods_is_refused_before_anybody_is_told(
    tmp_path: Path, written: str, why: str
) -> None:
    file = tmp_path / "periods.csv"
    file.write_text(written)
    refused = await run(
        "http://127.0.0.1:1", "utility", "allocate", "o-1", "--why", "all", "--file", str(file)
    )
    assert refused.exit_code == 2
    assert why in " ".join(refused.output.split())


async def test_an_operator_cuts_a_trade_tells_what_was_delivered_and_sees_both(
    world: GridWorld, tmp_path: Path
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    hill = world.hill
    routers = (
        trade_router(uow_factory=hill.uow_factory),
        statement_router(world.telling(hill), uow_factory=hill.uow_factory),
    )
    utility = await _served(world, hill, *routers)
    seller = await _served(world, world.seller, allocation_router(uow_factory=world.seller.uow_factory))
    file = tmp_path / "periods.csv"
    file.write_text(PERIODS)
    try:
        cut = ["curtail", bought, "--reason", "CONGESTION", "--why", "feeder 7 is full"]
        at = ["--since", "2026-01-09T19:00:00Z", "--platform", "bpp.valley-solar.example", "--json"]
        [said] = json.loads(printed(await run(utility.url, "utility", *cut, *at)))
        assert (said["cut_wh"], said["since"]) == (5_000, "2026-01-09T19:00:00Z")
        told = ["allocate", bought, "--why", "account of the day", "--wh", "7000", "--file", str(file)]
        assert "account of the day" in printed(await run(utility.url, "utility", *told))
        assert "5000" in printed(await run(utility.url, "utility", "trades"))
        every: list[dict[str, Any]] = json.loads(
            printed(await run(utility.url, "utility", "said", bought, "--json"))
        )
        assert [(each["cut_wh"], each["delivered_wh"], each["periods"]) for each in every] == [
            (5_000, None, 0),
            (None, 7_000, 2),
        ]
        await world.settle_down()
        shown = printed(await run(seller.url, "contract", "allocations", bought))
        assert shown.count("hill-grid.example") == shown.count("NOT_METERED") == 3
        [account] = json.loads(printed(await run(seller.url, "contract", "allocations", bought, "--json")))
        assert account["whole"]["said_wh"] == 7_000
        hours = ["--from", "2026-01-09T18:00:00Z", "--to", "2026-01-09T20:00:00Z", "--why", "the meter"]
        shared = ["apportion", BUYER_METER, "--side", "BUYER", "--wh", "4000", *hours]
        assert "the meter" in printed(await run(utility.url, "utility", *shared))
        printed(await run(utility.url, "utility", *shared))
        unknown = await run(utility.url, "utility", "apportion", "42", *shared[2:])
        assert "is no customer's" in str(unknown.exception)
        backwards = [*hours[2:4], "--from", "2026-01-09T21:00:00Z", *hours[4:]]
        turned = await run(utility.url, "utility", *shared[:6], *backwards)
        assert "a period ends after it starts" in str(turned.exception)
        await world.settle_down()
        newest, _ = json.loads(printed(await run(seller.url, "contract", "allocations", bought, "--json")))
        [period] = newest["periods"]
        assert (period["said_wh"], period["consumed_wh"]) == (4_000, 4_000)
    finally:
        await utility.stop()
        await seller.stop()
