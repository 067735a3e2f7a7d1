"""The database goes away under a running network and comes back: nobody restarts anything."""

from __future__ import annotations

import asyncio
from pathlib import Path

from node.api_keys import HEADER
from protocol.actions import Action, Role
from tests.support.calling import calling
from tests.support.network import join, seller_address, solar_market
from tests.support.postgres_server import cut_power, start_again
from tests.support.processes import eventually, seller_of
from tests.support.simulated_peer import SimulatedPeer

DISCOVER = {"text_search": "solar"}
# So rarely that whatever happens in time was announced by the database, and heard.
SETTINGS = {name: {"DEGNODE_POLL_INTERVAL": "PT60S"} for name in ("bap", "bpp")}


async def test_a_network_whose_database_fails_refuses_for_a_while_and_recovers_by_itself(
    tmp_path: Path,
) -> None:
    async with (
        solar_market(tmp_path, settings=SETTINGS) as network,
        SimulatedPeer(Role.BAP, "bap.tester.example") as peer,
        calling(headers={HEADER: network.api_key}) as app,
    ):
        await join(network, peer)
        seller, data_directory = seller_address(network), network.folder / "postgres"
        await peer.send(Action.DISCOVER, DISCOVER, to=seller, transaction_id="t-before")
        await peer.wait_for(Action.ON_DISCOVER)

        async def status_of(path: str) -> int:
            return (await app.get(f"{network.bpp.url}{path}")).status_code

        async def is_unready() -> bool:
            return await status_of("/readyz") == 503

        async def is_ready() -> bool:
            answers = [await app.get(f"{service.url}/readyz") for service in (network.bpp, network.bap)]
            return {answer.status_code for answer in answers} == {200}

        await asyncio.to_thread(cut_power, data_directory)
        await eventually(is_unready, what="the BPP says that it is not ready")
        assert await status_of("/healthz") == 200
        assert await status_of("/api/v1/contracts") == 503
        message = peer.write(Action.DISCOVER, DISCOVER, to=seller, transaction_id="t-after")
        refused = await peer.post(message.url, message.body)
        assert (refused.status_code, refused.json()["ack_status"]) == (503, "NACK")
        assert refused.headers["Retry-After"]
        assert refused.json()["error"]["details"]["hint"] == "Send it again later."

        await asyncio.to_thread(start_again, data_directory)
        await eventually(is_ready, what="both platforms are ready again")
        assert (await peer.post(message.url, message.body)).json()["ack_status"] == "ACK"
        await peer.wait_for(Action.ON_DISCOVER, count=2)
        asked = await app.post(
            f"{network.bap.url}/api/v1/discover",
            params={"wait": 20},
            json={"bpp_id": seller_of(network), "message": DISCOVER},
        )
        assert (asked.status_code, asked.json()["action"]) == (200, "on_discover")
