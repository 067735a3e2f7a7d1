"""The registry dies in mid-trade: who is known trades on, who is new is asked to come again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from degnode.demo.app import App
from degnode.processes import Network
from protocol.actions import Action, Role
from protocol.profile import V2_RC
from tests.support.network import member, seller_address, solar_market, solar_order
from tests.support.processes import seller_of
from tests.support.simulated_peer import SimulatedPeer


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    async with solar_market(tmp_path) as running:
        yield running


@pytest.fixture
async def newcomer(network: Network) -> AsyncIterator[SimulatedPeer]:
    """A buyer's platform that the registry knows, and nobody has heard of so far."""
    async with member(network, Role.BAP, "bap.newcomer.example") as peer:
        yield peer


def app_of(network: Network) -> App:
    return App(network.bap.url, api_key=network.api_key, seller=seller_of(network), profile=V2_RC.name)


async def knock(network: Network, peer: SimulatedPeer) -> httpx.Response:
    return await peer.send(Action.SELECT, {"order": solar_order(1)}, to=seller_address(network))


async def test_a_trade_goes_on_without_the_registry_and_a_newcomer_comes_again(
    network: Network, newcomer: SimulatedPeer
) -> None:
    async with app_of(network) as app:
        quoted = await app.call(Action.SELECT, {"order": solar_order()})
        transaction_id = quoted["context"]["transaction_id"]
        await app.call(Action.INIT, {"order": solar_order()}, transaction_id=transaction_id)

        await network.registry.kill()
        confirmed = await app.call(Action.CONFIRM, {"order": solar_order()}, transaction_id=transaction_id)
        assert confirmed["message"]["order"]["beckn:orderStatus"] == "CONFIRMED"

        refused = await knock(network, newcomer)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (503, "NET_DOWNSTREAM_UNAVAILABLE")
        assert int(refused.headers["Retry-After"]) > 0

        await network.bpp.kill()  # and with it all that it had in memory
        await network.bpp.start()
        again = await app.call(Action.STATUS, status_of(confirmed), transaction_id=transaction_id)
        assert again["message"]["order"]["beckn:id"] == confirmed["message"]["order"]["beckn:id"]

        await network.registry.start()
        assert (await knock(network, newcomer)).status_code == httpx.codes.OK
        await app.call(Action.STATUS, status_of(confirmed), transaction_id=transaction_id)


def status_of(confirmed: dict[str, object]) -> dict[str, object]:
    message = confirmed["message"]
    assert isinstance(message, dict)
    return {"order": {"beckn:id": message["order"]["beckn:id"]}}
