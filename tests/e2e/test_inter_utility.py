"""Energy is sold over the grids of two utilities, by real processes: from the first look to the bill."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from degnode.demo.app import App, TradeFailed
from degnode.demo.meters import EXPORTED, IMPORTED, SimulatedMeter
from degnode.processes import BAP_ID, BPP_ID, Network, Service, small_network
from kernel.clock import SystemClock, format_instant
from kernel.energy import Energy
from kernel.interval import Interval
from node.api_keys import HEADER
from protocol.actions import Action
from tests.support.command_line import invoke, printed
from tests.support.processes import again, eventually
from trading.mapping import wire_of
from trading.mapping.grid import name_utility
from trading.request import Criteria, OrderRequest

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"
HILL, VALLEY = "hill-grid.example", "valley-grid.example"
_DAY: Final = SystemClock().now().replace(hour=18, minute=0, second=0, microsecond=0) - timedelta(days=3)
WINDOW: Final = Interval(_DAY, _DAY + timedelta(hours=2))
"""Three days ago: it is played back."""
WIRE: Final = wire_of("v2_rc")
PATIENT: Final = "90"  # s; a busy machine takes its time to start a process
PLAYED_BACK: Final = {
    "DEGNODE_SELLS_PAST": "true",
    "DEGNODE_COLLECTION_DEADLINE": "P30D",
    "DEGNODE_REQUEST_TTL": PATIENT,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network() -> AsyncIterator[Network]:
    """A registry, a buyer's and a seller's platform, and the utilities of the examples."""
    async with small_network(
        catalog=EXAMPLES / "catalog" / "inter-utility.yaml",
        settings={"bpp": PLAYED_BACK, "bap": {"DEGNODE_REQUEST_TTL": PATIENT}},
        utilities={
            HILL: EXAMPLES / "utility" / "hill-grid.yaml",
            VALLEY: EXAMPLES / "utility" / "valley-grid.yaml",
        },
    ) as running:
        yield running


def app_of(network: Network) -> App:
    return App(network.bap.url, api_key=network.api_key, seller=BPP_ID, profile="v2_rc")


def order(kilowatt_hours: int, window: Interval = WINDOW) -> Json:
    """Return the message of an order of a customer of the utility in the hills."""
    wanted = OrderRequest(
        seller="valley-solar-cooperative",
        buyer_id="hill-bakery",
        resource_id="rooftop-solar-07",
        offer_id="rooftop-solar-07-daytime",
        quantity=Energy.from_kwh(kilowatt_hours),
        target_meter="55667788",
        trade_start=window.start,
        trade_end=window.end,
    )
    return WIRE.write_order_request(
        name_utility(WIRE, wanted, utility=HILL, buyer_platform=BAP_ID, seller_platform=BPP_ID)
    )


async def utility(network: Network, who: str, *arguments: str) -> list[Json]:
    """Run a command of a utility's operator, and return what it tells."""
    node = {"DEGNODE_API_KEY": network.api_key, "DEGNODE_NODE_URL": network.utilities[who].url}
    found: list[Json] = json.loads(printed(await invoke("utility", *arguments, "--json", environment=node)))
    return found


async def report(network: Network, window: Interval, *, gave: Sequence[int], took: Sequence[int]) -> None:
    """Have both meters tell what they counted in each hour, in Wh."""
    for mrid, direction, counted in (("100200300", EXPORTED, gave), ("55667788", IMPORTED, took)):
        meter = SimulatedMeter(mrid=mrid, direction=direction, url=network.bpp.url, api_key=network.api_key)
        await meter.report(window, [Energy(amount) for amount in counted])


async def billed(app: App, transaction: str) -> Json:
    """Return the bill of a contract, as soon as there is one."""

    async def bills() -> list[Json]:
        order = (await app.transaction(transaction))["order"]
        found: list[Json] = order["beckn:orderAttributes"]["billingCycles"]
        return found

    async def is_billed() -> bool:
        return bool(await bills())

    await eventually(is_billed, what="the contract is billed")
    [bill] = await bills()
    return bill


async def trades(service: Service, network: Network) -> list[str]:
    """Return the states of what a utility let pass, the newest first."""
    async with httpx.AsyncClient(base_url=service.url, headers={HEADER: network.api_key}) as operator:
        return [trade["state"] for trade in (await operator.get("/api/v1/trades")).json()["trades"]]


async def test_a_trade_over_two_grids_from_the_first_look_to_its_bill(network: Network) -> None:
    async with app_of(network) as app:
        found = await app.call(Action.DISCOVER, WIRE.write_criteria(Criteria(words=("rooftop",))))
        transaction = found["transaction_id"]
        drafted = await app.call(Action.INIT, order(10), transaction_id=transaction)
        held = drafted["message"]["order"]
        assert held["beckn:orderValue"]["value"] == Decimal("1.90")
        limit = held["beckn:orderAttributes"]["remainingTradingLimit"]
        assert limit["remainingQuantity"] == Decimal(10)
        confirmed = await app.call(Action.CONFIRM, drafted["message"], transaction_id=transaction)
        attributes = confirmed["message"]["order"]["beckn:orderAttributes"]
        assert attributes["contractStatus"] == "ACTIVE"
        for service in network.utilities.values():
            assert await trades(service, network) == ["CONFIRMED"]
        await report(network, WINDOW, gave=(5_000, 5_000), took=(4_500, 5_000))
        bill = await billed(app, transaction)
    lines = {line["title"]: Decimal(str(line["amount"])) for line in bill["lineItems"]}
    assert lines == {
        "Energy Cost": Decimal("1.43"),
        "Wheeling Charges (Hill Grid)": Decimal("0.29"),
        "Wheeling Charges (Valley Grid Services)": Decimal("0.10"),
    }
    assert bill["totalAmount"] == Decimal("1.82")


async def test_a_utility_cuts_a_trade_and_tells_what_was_delivered(network: Network) -> None:
    window = Interval(WINDOW.start + timedelta(days=1), WINDOW.end + timedelta(days=1))
    half = format_instant(window.start + timedelta(hours=1))
    async with app_of(network) as app:
        drafted = await app.call(Action.INIT, order(10, window))
        transaction, bought = drafted["transaction_id"], drafted["message"]["order"]["beckn:id"]
        await app.call(Action.CONFIRM, drafted["message"], transaction_id=transaction)
        why = ("--reason", "CONGESTION", "--why", "feeder 7 is full")
        [said] = await utility(network, HILL, "curtail", bought, *why, "--since", half, "--wh", "2000")
        assert (said["cut_wh"], said["since"]) == (2_000, half)

        async def is_told() -> bool:
            line = (await app.transaction(transaction))["order"]["beckn:orderItems"][0]
            bag = line.get("beckn:orderItemAttributes", {}).get("fulfillmentAttributes", {})
            return (bag.get("curtailedQuantity"), bag.get("curtailmentReason")) == (2, "CONGESTION")

        await eventually(is_told, what="the buyer is told of the cut")

        async def is_heard() -> bool:
            heard = [each for each in await utility(network, VALLEY, "said", bought) if each["is_heard"]]
            return [(each["cut_wh"], each["since"]) for each in heard] == [(2_000, half)]

        await eventually(is_heard, what="the other utility is told of the cut")
        await utility(network, VALLEY, "allocate", bought, "--why", "account of the day", "--wh", "7500")
        await report(network, window, gave=(5_000, 5_000), took=(4_500, 5_000))
        bill = await billed(app, transaction)
        assert bill["lineItems"][0]["amount"] == Decimal("1.20"), "8 kWh at 0.15"
        beyond = ("curtail", bought, "--reason", "OTHER", "--why", "late", "--wh", "9000")
        await utility(network, VALLEY, *beyond, "--since", format_instant(window.end - timedelta(minutes=1)))

        async def is_refused() -> bool:
            *_, last = await utility(network, VALLEY, "said", bought)
            return str(last["refusal"]).startswith("BIZ_INVALID_STATE_TRANSITION")

        await eventually(is_refused, what="the utility learns that the contract is settled")

        async def is_told_on() -> bool:
            bag = (await app.transaction(transaction))["order"]["beckn:orderAttributes"]
            said = bag.get("utilityAllocations", [])
            return [(each["utilityId"], each["deliveredQuantity"]) for each in said] == [
                (VALLEY, Decimal("7.5"))
            ]

        await eventually(is_told_on, what="the buyer is told what the utility says was delivered")
    environment = {"DEGNODE_API_KEY": network.api_key, "DEGNODE_NODE_URL": network.bpp.url}
    shown = await invoke("contract", "allocations", bought, "--json", environment=environment)
    [account] = json.loads(printed(shown))
    assert (account["utility"], account["differs"]) == (VALLEY, True)
    assert (account["whole"]["said_wh"], account["whole"]["metered_wh"]) == (7_500, 8_000)


async def test_what_exceeds_the_sanctioned_load_is_refused_with_what_remains(network: Network) -> None:
    async with app_of(network) as app:
        with pytest.raises(TradeFailed) as refused:
            await app.call(Action.INIT, order(11))
    assert "sanctioned for 10 kWh more in that window, and 11 kWh were asked for" in refused.value.message
    assert "Trade at most 10 kWh." in refused.value.message
    assert "BIZ_QUANTITY_UNAVAILABLE" in refused.value.message


async def test_a_question_outlives_the_platform_that_asked_it_and_a_utility_that_is_away(
    network: Network,
) -> None:
    hill = network.utilities[HILL]
    await hill.kill()
    async with app_of(network) as app, httpx.AsyncClient(timeout=30) as http:
        request = {"bpp_id": BPP_ID, "wire": "v2_rc", "message": order(10)}
        sent = await http.post(
            f"{network.bap.url}/api/v1/init",
            json=json.loads(_plain(request)),
            headers={HEADER: network.api_key},
        )
        transaction = sent.json()["transaction_id"]

        async def is_asked() -> bool:
            return (await trades(network.utilities[VALLEY], network))[0] == "HELD"

        await eventually(is_asked, what="the other utility is asked")
        await network.bpp.kill()
        await asyncio.gather(network.bpp.start(), hill.start())

        async def is_held() -> bool:
            found = (await app.transaction(transaction))["order"]
            return found is not None and found["beckn:orderValue"]["value"] == Decimal("1.90")

        await eventually(is_held, what="the buyer is answered")


async def test_a_utility_that_is_down_is_told_as_an_error_to_try_again(network: Network) -> None:
    await network.bpp.stop()
    hasty = again(network.bpp, DEGNODE_REQUEST_TTL="1")
    await hasty.start()
    try:
        await network.utilities[HILL].stop()
        async with app_of(network) as app:
            with pytest.raises(TradeFailed) as failed:
                await app.call(Action.INIT, order(1))
        assert "NET_DOWNSTREAM_UNAVAILABLE" in failed.value.message
        assert "the utility hill-grid.example did not answer in time" in failed.value.message

        async def is_undone() -> bool:
            return (await trades(network.utilities[VALLEY], network))[0] == "CANCELLED"

        await eventually(is_undone, what="the other utility forgets the trade")
    finally:
        await hasty.stop()


def _plain(document: Json) -> str:
    return json.dumps(document, default=float)
