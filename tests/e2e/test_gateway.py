"""A v1.1 network of real processes: an app's search reaches every seller through a gateway.

Two sellers answer; one is gone and one takes the search and never says so. Neither holds the others up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from degnode.processes import BPP_ID, Network, Service, free_port
from node.api_keys import HEADER
from protocol.actions import Action, Role
from protocol.profile import V1_1
from storage.database import create_database
from tests.support.calling import calling
from tests.support.network import join, member, seller_address, solar_market
from tests.support.processes import eventually, rows
from tests.support.simulated_peer import Reply, SimulatedPeer

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]

GATEWAY_ID, OTHER_ID, SILENT_ID, GONE_ID = (
    "bg.town.example",
    "bpp.other.example",
    "bpp.silent.example",
    "bpp.gone.example",
)
SEARCH: Final[Json] = {"wire": "v1_1", "message": {"intent": {"item": {"descriptor": {"name": "solar"}}}}}
NOWHERE: Final = "http://127.0.0.1:9"  # nobody listens there


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """The network, its gateway with its database, the second seller, and the one that never answers."""

    network: Network
    gateway: Service
    gateway_database: str
    silent: SimulatedPeer
    app: httpx.AsyncClient

    async def search(self, **changes: Any) -> httpx.Response:
        return await self.app.post("/api/v1/discover", json=SEARCH | changes, params={"wait": 20})

    async def sellers(self, transaction_id: str) -> set[str]:
        """Return whose catalogues the app is shown in the transaction."""
        view = (await self.app.get(f"/api/v1/transactions/{transaction_id}")).json()
        return {message["bpp_id"] for message in view["messages"] if message["state"] == "taken"}

    async def relays(self) -> list[Json]:
        return await rows(self.gateway_database, "SELECT peer, action, state, body FROM outbox ORDER BY id")


@asynccontextmanager
async def _another(
    network: Network, name: str, subscriber_id: str, *, like: Service, database: str
) -> AsyncIterator[Service]:
    """Run one more service with its own database, port and name, and otherwise the settings of `like`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **like.environment,
        "DEGNODE_PORT": str(port),
        "DEGNODE_PUBLIC_URL": url,
        "DEGNODE_SUBSCRIBER_ID": subscriber_id,
        "DEGNODE_DATABASE_URL": database,
        "DEGNODE_DATA_DIR": str(network.folder / subscriber_id),
    }
    service = Service(
        name=name, url=url, environment=environment, log_file=network.folder / f"{subscriber_id}.log"
    )
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("market")
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(
            solar_market(folder, settings={"bap": {"DEGNODE_REQUEST_TTL": "20"}})
        )
        server = network.database_urls["registry"]
        databases = [await create_database(server, f"degnode_{name}") for name in ("bg", "other")]
        silent = await stack.enter_async_context(member(network, Role.BPP, SILENT_ID, profile=V1_1))
        silent.reply = Reply(after=asyncio.Event())
        await join(network, SimulatedPeer(Role.BPP, GONE_ID, profile=V1_1), url=NOWHERE)
        await stack.enter_async_context(
            _another(network, "bpp", OTHER_ID, like=network.bpp, database=databases[1])
        )
        gateway = await stack.enter_async_context(
            _another(network, "gateway", GATEWAY_ID, like=network.bap, database=databases[0])
        )
        app = await stack.enter_async_context(
            calling(base_url=network.bap.url, headers={HEADER: network.api_key})
        )
        yield Town(network=network, gateway=gateway, gateway_database=databases[0], silent=silent, app=app)


async def test_every_sellers_catalogue_comes_though_one_is_gone_and_one_is_silent(town: Town) -> None:
    response = await town.search()
    assert response.status_code == 200, response.text
    first = response.json()
    assert first["action"] == "on_discover"
    assert first["context"]["bpp_id"] in {BPP_ID, OTHER_ID}
    (provider,) = first["message"]["catalog"]["providers"]
    assert provider["items"]

    async def both() -> bool:
        return await town.sellers(first["transaction_id"]) == {BPP_ID, OTHER_ID}

    await eventually(both, what="both catalogues")
    state = {(relay["peer"], relay["action"]): relay["state"] for relay in await town.relays()}
    assert {peer for peer, action in state if action == "discover"} == {BPP_ID, OTHER_ID, SILENT_ID, GONE_ID}
    assert state[(GONE_ID, "discover")] != "delivered"
    assert state[(SILENT_ID, "discover")] != "delivered"


async def test_the_next_searches_come_through_at_once_too(town: Town) -> None:
    searches = await asyncio.gather(*(town.search() for _ in range(5)))
    for response in searches:
        assert response.status_code == 200, response.text

        async def both(transaction_id: str = response.json()["transaction_id"]) -> bool:
            return await town.sellers(transaction_id) == {BPP_ID, OTHER_ID}

        await eventually(both, what="both catalogues")


async def test_the_seller_that_was_found_is_traded_with_directly(town: Town) -> None:
    found = (await town.search()).json()
    seller, (provider,) = found["context"]["bpp_id"], found["message"]["catalog"]["providers"]
    order = {
        "provider": {"id": provider["id"]},
        "items": [
            {
                "id": provider["items"][0]["id"],
                "quantity": {"selected": {"measure": {"value": "2", "unit": "kWh"}}},
            }
        ],
    }
    request = {"bpp_id": seller, "transaction_id": found["transaction_id"], "wire": "v1_1"}
    response = await town.app.post(
        "/api/v1/select", json=request | {"message": {"order": order}}, params={"wait": 20}
    )
    assert response.status_code == 200, response.text
    assert response.json()["action"] == "on_select"


async def test_a_seller_that_signs_as_a_gateway_is_refused(town: Town) -> None:
    """Gateway pretending: the key is good, but the registry knows its owner as a seller."""
    async with member(town.network, Role.BAP, "bap.tester.example", profile=V1_1) as buyer:
        search = buyer.write(Action.DISCOVER, SEARCH["message"], to=seller_address(town.network))
        as_gateway = replace(town.silent.signer, subscriber_id=GATEWAY_ID)
        stolen_name = as_gateway.sign(search.body, now=buyer.clock.now(), label=V1_1.digest_labels[0])
        for header in (town.silent.sign(search.body), stolen_name):
            refused = await buyer.post(search.url, search.body, gateway_authorization=header)
            assert refused.status_code == 401
            assert "Proxy-Authenticate" in refused.headers
        assert buyer.received == []


async def test_what_nobody_took_is_given_up_when_the_search_is_over(town: Town) -> None:
    assert (await town.search()).status_code == 200

    async def given_up() -> bool:
        states = {relay["state"] for relay in await town.relays() if relay["peer"] == GONE_ID}
        return states == {"dead"}

    await eventually(given_up, what="the searches for who is gone are given up", seconds=60)
