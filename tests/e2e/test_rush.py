"""Two hundred buyers want one kilowatt-hour each of an offer that has a hundred: nothing is sold twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import simplejson
import yaml

from degnode.demo.scenario import make_scenario
from degnode.processes import Network, small_network
from kernel.clock import SystemClock
from node.api_keys import HEADER
from protocol.actions import Action
from tests.support.network import solar_order
from tests.support.processes import rows, seller_of

Json = dict[str, Any]

OFFERED: Final = 100  # kWh
BUYERS: Final = 200  # of one kWh each
CANCELLING: Final = 50
_AT_ONCE: Final = 40  # connections of the app
_MOST: Final = 30  # s that the app waits for a callback


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """A network whose seller has a hundred kilowatt-hours left."""
    file = tmp_path / "catalog.yaml"
    make_scenario(SystemClock().now(), lead=timedelta(hours=1)).write_catalogue(file)
    catalogue = yaml.safe_load(file.read_text())
    catalogue["resources"][0]["available_kwh"] = OFFERED
    file.write_text(yaml.safe_dump(catalogue))
    async with small_network(catalog=file) as running:
        yield running


@dataclass(frozen=True, kw_only=True)
class Bought:
    """An order as the seller confirmed it."""

    transaction_id: str
    order: Json


@dataclass(frozen=True)
class Crowd:
    """Buyers behind one app, who all want the same at the same time."""

    http: httpx.AsyncClient
    seller: str

    async def buy(self, count: int) -> tuple[list[Bought], list[Json]]:
        """Have so many buyers order one kilowatt-hour; return what was bought, and the refusals."""
        found = await asyncio.gather(*(self._buy() for _ in range(count)))
        return [one for one in found if isinstance(one, Bought)], [
            one for one in found if not isinstance(one, Bought)
        ]

    async def cancel(self, bought: Sequence[Bought]) -> None:
        await asyncio.gather(
            *(
                self._call(Action.CANCEL, {"order": {"beckn:id": one.order["beckn:id"]}}, one.transaction_id)
                for one in bought
            )
        )

    async def _buy(self) -> Bought | Json:
        """Return the confirmed order, or the error of the seller's callback."""
        drafted = await self._call(Action.INIT, {"order": solar_order(1)})
        if "error" in drafted:
            return dict(drafted["error"])
        transaction_id = drafted["transaction_id"]
        confirmed = await self._call(Action.CONFIRM, drafted["message"], transaction_id)
        assert "error" not in confirmed, "what was held for a buyer is that buyer's"
        return Bought(transaction_id=transaction_id, order=confirmed["message"]["order"])

    async def _call(self, action: Action, message: Json, transaction_id: str | None = None) -> Json:
        asked = {"bpp_id": self.seller, "wire": "v2_rc", "message": message}
        if transaction_id is not None:
            asked["transaction_id"] = transaction_id
        answer = await self.http.post(
            f"/api/v1/{action}", params={"wait": _MOST}, content=simplejson.dumps(asked)
        )
        found: Json = simplejson.loads(answer.content, use_decimal=True)
        return found


@pytest.mark.timeout(300)
async def test_a_rush_sells_all_that_there_is_and_nothing_twice(network: Network) -> None:
    limits = httpx.Limits(max_connections=_AT_ONCE)
    async with httpx.AsyncClient(
        base_url=network.bap.url, headers={HEADER: network.api_key}, timeout=2 * _MOST, limits=limits
    ) as http:
        crowd = Crowd(http, seller_of(network))
        bought, refused = await crowd.buy(BUYERS)
        assert (len(bought), len(refused)) == (OFFERED, BUYERS - OFFERED)
        for error in refused:
            assert error["code"] == "BIZ_QUANTITY_UNAVAILABLE"
            assert error["message"] == "1 kWh were asked for, 0 kWh are left"
        assert await stock_of(network) == (OFFERED, OFFERED, OFFERED)

        await crowd.cancel(bought[:CANCELLING])
        assert await stock_of(network) == (OFFERED, OFFERED - CANCELLING, OFFERED - CANCELLING)

        bought_later, refused_later = await crowd.buy(BUYERS - OFFERED)
        assert (len(bought_later), len(refused_later)) == (CANCELLING, BUYERS - OFFERED - CANCELLING)
        assert await stock_of(network) == (OFFERED, OFFERED, OFFERED)


async def stock_of(network: Network) -> tuple[int, int, int]:
    """Return how many kWh are offered, how many of them are reserved, and how many contracts are in force."""
    (found,) = await rows(
        network.database_urls["bpp"],
        """SELECT available_wh / 1000 AS offered, reserved_wh / 1000 AS reserved,
                  (SELECT count(*) FROM contracts WHERE status = 'ACTIVE') AS active,
                  (SELECT coalesce(sum(watt_hours), 0) FROM hold_parts)::bigint = reserved_wh AS is_held
           FROM stock_buckets""",
    )
    assert found["is_held"], "what is reserved is held for somebody"
    return found["offered"], found["reserved"], found["active"]
