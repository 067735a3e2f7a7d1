"""The back office of the examples sells for a running node: it refuses, accepts, and hears what happens."""

from __future__ import annotations

import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any
from uuid import uuid4

from degnode.demo.app import App
from degnode.processes import free_port
from protocol.actions import Action
from tests.support.network import solar_market, solar_order
from tests.support.processes import seller_of

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "back_office.py"
SECRET = "a-secret-of-both-which-is-long-enough"


async def test_the_back_office_of_the_examples_has_the_last_word_on_what_a_node_sells(tmp_path: Path) -> None:
    port = free_port()
    office = await create_subprocess_exec(
        sys.executable,
        str(EXAMPLE),
        str(port),
        stdout=PIPE,
        env=os.environ | {"DEGNODE_PROVIDER_SECRET": SECRET},
    )
    assert office.stdout is not None
    settings = {
        "DEGNODE_PROVIDER": "webhook",
        "DEGNODE_PROVIDER_URL": f"http://127.0.0.1:{port}/",
        "DEGNODE_PROVIDER_SECRET": SECRET,
    }
    try:
        assert await office.stdout.readline() == f"listening on {port}\n".encode()
        async with (
            solar_market(tmp_path, settings={"bpp": settings}) as network,
            App(network.bap.url, api_key=network.api_key, seller=seller_of(network), profile="v2_rc") as app,
        ):
            some = await app.call(Action.SELECT, {"order": solar_order(12)})
            assert _quoted(some["message"]["order"]) == (10, "All we have (5 %)")
            much = {"order": solar_order(16)}
            why = await app.refusal(Action.SELECT, much, transaction_id=str(uuid4()))
            assert why == "the seller does not take this order: We sell 10 kWh at most."
            drafted = await app.call(Action.INIT, {"order": solar_order(2)})
            await app.call(Action.CONFIRM, drafted["message"], transaction_id=drafted["transaction_id"])
            told = [(await office.stdout.readline()).decode().split()[:3] for _ in range(2)]
            assert told == [["held", "2", "kWh"], ["confirmed", "2", "kWh"]]
    finally:
        office.terminate()
        await office.wait()


def _quoted(order: dict[str, Any]) -> tuple[int, str]:
    """Return how many kWh an order is for, and what comes off their price."""
    [off] = [part for part in order["beckn:orderValue"]["components"] if part["type"] == "DISCOUNT"]
    return order["beckn:orderItems"][0]["beckn:quantity"]["unitQuantity"], off["description"]
