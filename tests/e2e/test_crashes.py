"""Power cuts: what was acknowledged is answered, once, whoever was gone meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from degnode.demo.scenario import make_scenario
from degnode.processes import Network, small_network
from kernel.clock import SystemClock
from node.api_keys import HEADER
from tests.support.calling import calling
from tests.support.processes import again, eventually, rows, seller_of

WITHOUT_WORKERS = {"bpp": {"DEGNODE_WORKERS": "false"}}
DISCOVER: dict[str, Any] = {"text_search": "solar"}


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """A network whose BPP acknowledges and stores, but neither handles nor delivers."""
    catalog = tmp_path / "catalog.yaml"
    make_scenario(SystemClock().now(), lead=timedelta(hours=1)).write_catalogue(catalog)
    async with small_network(catalog=catalog, settings=WITHOUT_WORKERS) as running:
        yield running


async def ask(network: Network) -> str:
    """Have the app ask what there is; return the message id."""
    async with calling(headers={HEADER: network.api_key}) as client:
        response = await client.post(
            f"{network.bap.url}/api/v1/discover", json={"bpp_id": seller_of(network), "message": DISCOVER}
        )
    assert response.status_code == 202
    return str(response.json()["message_id"])


async def acknowledged(network: Network, count: int) -> bool:
    found = await rows(
        network.database_urls["bap"], "SELECT count(*) AS n FROM outbox WHERE state = 'delivered'"
    )
    return bool(found[0]["n"] >= count)


async def callbacks(network: Network) -> dict[str, int]:
    """Return how often the BAP received each callback, by message id."""
    found = await rows(
        network.database_urls["bap"],
        "SELECT message_id, count(*) AS n FROM inbox WHERE action = 'on_discover' GROUP BY message_id",
    )
    return {row["message_id"]: row["n"] for row in found}


async def test_a_bpp_killed_between_ack_and_callback_answers_once_after_its_restart(network: Network) -> None:
    message_id = await ask(network)
    await eventually(lambda: acknowledged(network, 1), what="the BPP acknowledges")
    await network.bpp.kill()

    restarted = again(network.bpp, DEGNODE_WORKERS="true")
    await restarted.start()
    try:
        await eventually(lambda: _came(network, {message_id}), what="the callback arrives")
        await asyncio.sleep(1.5)  # time enough for a second one, if there were any
        assert await callbacks(network) == {message_id: 1}
    finally:
        await restarted.stop()


async def test_a_bpp_killed_at_work_loses_no_answer_and_doubles_none(network: Network) -> None:
    asked = {await ask(network) for _ in range(20)}
    await eventually(lambda: acknowledged(network, len(asked)), what="the BPP acknowledges all")
    await network.bpp.kill()

    # A short lease, so that what the killed one had claimed is taken up again soon.
    working = again(
        network.bpp, DEGNODE_WORKERS="true", DEGNODE_LEASE="PT2S", DEGNODE_DELIVERY_TIMEOUT="PT2S"
    )
    await working.start()
    await eventually(lambda: _some_came(network), what="the first callbacks arrive", every=0.01)
    await working.kill()
    await working.start()
    try:
        await eventually(lambda: _came(network, asked), what="every callback arrives")
        handled = await rows(
            network.database_urls["bpp"], "SELECT count(*) AS n FROM outbox WHERE action = 'on_discover'"
        )
        assert handled[0]["n"] == len(asked)
        assert await callbacks(network) == dict.fromkeys(asked, 1)
    finally:
        await working.stop()


async def test_a_bpp_keeps_trying_while_the_bap_is_down(network: Network) -> None:
    message_id = await ask(network)
    await eventually(lambda: acknowledged(network, 1), what="the BPP acknowledges")
    await network.bap.kill()
    await network.bpp.kill()
    working = again(network.bpp, DEGNODE_WORKERS="true", DEGNODE_BACKOFF_LONGEST="PT1S")
    await working.start()
    try:
        await eventually(lambda: _tried(network, 2), what="the BPP tries again and again")
        assert await callbacks(network) == {}
        await network.bap.start()
        await eventually(lambda: _came(network, {message_id}), what="the callback arrives")
        assert await callbacks(network) == {message_id: 1}
        left = await rows(network.database_urls["bpp"], "SELECT * FROM peers WHERE failures > 0")
        assert left == []
    finally:
        await working.stop()


async def _came(network: Network, message_ids: set[str]) -> bool:
    return set(await callbacks(network)) == message_ids


async def _some_came(network: Network) -> bool:
    return bool(await callbacks(network))


async def _tried(network: Network, times: int) -> bool:
    found = await rows(network.database_urls["bpp"], "SELECT attempts, state FROM outbox")
    return bool(found) and found[0]["attempts"] >= times and found[0]["state"] == "pending"
