"""A contract is curtailed while real platforms trade: the buyer's app sees it without asking."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from degnode.demo.app import App
from degnode.processes import Network
from node.api_keys import HEADER
from protocol.actions import Action
from tests.support.network import solar_order
from tests.support.processes import eventually, seller_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]


async def test_the_buyers_app_sees_a_curtailment_without_asking(network: Network) -> None:
    async with App(
        network.bap.url, api_key=network.api_key, seller=seller_of(network), profile="v2_rc"
    ) as app:
        drafted = await app.call(Action.INIT, {"order": solar_order()})
        transaction_id = drafted["transaction_id"]
        confirmed = await app.call(Action.CONFIRM, drafted["message"], transaction_id=transaction_id)
        bought = confirmed["message"]["order"]
        assert _cut(bought) is None
        since = bought["beckn:orderAttributes"]["tradeStartTime"]
        said = {"watt_hours": 500, "reason": "CONGESTION", "since": since, "why": "too much sun"}
        async with httpx.AsyncClient(base_url=network.bpp.url, headers={HEADER: network.api_key}) as operator:
            path = f"/api/v1/contracts/{bought['beckn:id']}/curtailments"
            assert (await operator.post(path, json=said)).status_code == 201

        async def is_told() -> bool:
            return _cut((await app.transaction(transaction_id))["order"]) == "CONGESTION"

        await eventually(is_told, what="the buyer is told")
        messages = (await app.transaction(transaction_id))["messages"]
        assert [message["action"] for message in messages].count("on_update") == 1


def _cut(order: Json) -> str | None:
    line = order["beckn:orderItems"][0].get("beckn:orderItemAttributes", {})
    reason: str | None = line.get("fulfillmentAttributes", {}).get("curtailmentReason")
    return reason
