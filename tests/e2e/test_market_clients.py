"""A client that was generated from the plain API's document, and the typed one, buy from real processes."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

from degnode.client import AsyncMarket, Item, MarketProblem, PurchaseFailed
from degnode.processes import Network
from kernel.clock import SystemClock
from tests.support.example_market import EXAMPLES, example_market, report_meters
from tests.support.processes import own_environment, seller_of

SECONDS: Final = 6
METER: Final = "98765456"
CLIENT: Final = "generated_market"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    async with example_market(tmp_path_factory.mktemp("market")) as running:
        yield running


@pytest.fixture(scope="module")
def generated(network: Network, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The package that openapi-python-client makes of the document that the BAP serves."""
    folder = tmp_path_factory.mktemp("client")
    document = folder / "openapi.json"
    document.write_bytes(httpx.get(f"{network.bap.url}/api/v1/market/openapi.json").content)
    config = Config.from_sources(
        ConfigFile(post_hooks=[]),
        meta_type=MetaType.NONE,
        document_source=document,
        file_encoding="utf-8",
        overwrite=True,
        output_path=folder / CLIENT,
    )
    assert [f"{error.header}: {error.detail}" for error in generate(config=config)] == []
    sys.path.insert(0, str(folder))
    try:
        return import_module(CLIENT)
    finally:
        sys.path.remove(str(folder))


def operation(name: str) -> Any:
    return import_module(f"{CLIENT}.api.market.{name}").asyncio


async def test_a_generated_client_buys_energy_and_gets_its_bill(
    network: Network, generated: ModuleType
) -> None:
    client = generated.AuthenticatedClient(
        base_url=network.bap.url, token=network.api_key, prefix="", auth_header_name="X-Api-Key"
    )
    models = import_module(f"{CLIENT}.models")
    start = SystemClock().now().replace(microsecond=0)
    end = start + timedelta(seconds=SECONDS)
    async with client:
        form = models.SearchForm(words="solar", price_at_most="0.20")
        search = await operation("search_offers")(client=client, body=form, wait=20)
        [offer] = search.offers
        asked = models.QuoteForm(
            offer_id=offer.id, kwh="10", meter=METER, window=models.Window(start=start, end=end)
        )
        quote = await operation("ask_quote")(client=client, body=asked, wait=20)
        assert (quote.status, quote.price.total.amount, quote.price.total.currency) == (
            "ready",
            "4.00",
            "USD",
        )
        wish = models.OrderForm(quote_id=quote.id, confirm=True)
        order = await operation("order")(client=client, body=wish, wait=20, idempotency_key="once")
        assert order.status == models.OrderStatus.ACTIVE
        again_ = await operation("order")(client=client, body=wish, wait=20, idempotency_key="once")
        assert again_.id == order.id

        await asyncio.sleep(max(0.0, (end - SystemClock().now()).total_seconds()))
        await report_meters(network, start=int(start.timestamp()), seconds=SECONDS)
        async with asyncio.timeout(60):
            while order.status != models.OrderStatus.COMPLETED:
                await asyncio.sleep(0.2)
                order = await operation("get_order")(order.id, client=client)
        [bill] = await operation("list_bills")(order.id, client=client)
        assert [(line.title, line.amount.amount) for line in bill.lines] == [
            ("Energy Cost", "1.50"),
            ("Wheeling Charges", "2.50"),
        ]
        later = [
            models.Window(start=end + timedelta(hours=n), end=end + timedelta(hours=n + 1)) for n in (1, 2)
        ]
        items = [models.QuoteItem(offer_id=offer.id, kwh="2", window=window) for window in later]
        asked = models.QuoteForm(items=items, meter=METER)
        quote = await operation("ask_quote")(client=client, body=asked, wait=20)
        assert (quote.status, [line.kwh for line in quote.lines]) == ("ready", ["2", "2"])
        missing = await operation("get_order")("nothing", client=client)
        assert missing.type_ == "urn:degnode:problem:not-found"


async def test_the_example_of_a_plain_purchase_ends_with_an_order_that_binds(network: Network) -> None:
    environment = own_environment() | {
        "DEGNODE_BAP_URL": network.bap.url,
        "DEGNODE_API_KEY": network.api_key,
        "PYTHONPATH": os.pathsep.join([str(EXAMPLES.parent), os.environ.get("PYTHONPATH", "")]),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLES / "plain_purchase.py"), stdout=PIPE, stderr=PIPE, env=environment
    )
    async with asyncio.timeout(60):
        output, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    lines = output.decode().splitlines()
    assert "0.15 USD a kWh" in lines[0]
    assert "is active: 10 kWh for 4.00 USD" in lines[1]
    assert lines[-1].endswith("confirm: active")


async def test_the_typed_client_buys_changes_asks_and_cancels(network: Network) -> None:
    later = SystemClock().now().replace(microsecond=0) + timedelta(hours=1)
    async with AsyncMarket(network.bap.url, api_key=network.api_key, account="ann") as market:
        found = await market.search("solar", sellers=[seller_of(network)])
        assert [seller.state for seller in found.sellers] == ["done"]
        [offer] = found.offers
        assert offer.price.per_kwh.amount == Decimal("0.15")
        with pytest.raises(PurchaseFailed) as refused:
            await market.quote(offer, 21, meter=METER)
        assert refused.value.problem.type == "urn:degnode:problem:energy-unavailable"
        window = (later, later + timedelta(hours=1))
        order = await market.buy(offer, "2.5", meter=METER, window=window)
        assert (order.status, order.total.amount) == ("active", Decimal("2.88"))
        changed = await market.change(order.id, 2)
        assert changed.kwh == Decimal(2)
        support = await market.support(order.id)
        assert support.contact is not None
        tracking = (await market.track(order.id)).tracking
        assert tracking is not None
        assert tracking.url.startswith(network.bpp.url)
        rated = await market.rate(order.id, "4.5")
        assert rated.rating is not None
        assert (await market.cancel(order.id)).status == "cancelled"
        hours = [(later + timedelta(hours=n), later + timedelta(hours=n + 1)) for n in (1, 2)]
        items = [Item(offer, kwh, window) for kwh, window in zip((2, 4), hours, strict=True)]
        both = await market.buy_together(items, meter=METER)
        assert (both.status, both.kwh) == ("active", Decimal(6))
        each = [line.price.total.amount for line in both.lines if line.price]
        assert (len(each), sum(each)) == (2, both.total.amount)
        assert [listed.id for listed in await market.orders(status="cancelled")] == [order.id]
        told = []
        async for event in market.events(order.id):
            told.append(event.data.get("about"))
            if event.data.get("status") == "cancelled":
                break
        assert told == ["quote", "order", "confirm", "change", "support", "tracking", "rating", "cancel"]
    async with AsyncMarket(network.bap.url, api_key=network.api_key, account="bob") as market:
        with pytest.raises(MarketProblem) as unseen:
            await market.get_order(order.id)
        assert unseen.value.problem.status == 404
        assert await market.orders() == []
