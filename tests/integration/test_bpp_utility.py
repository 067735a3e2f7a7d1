"""A utility lets trades of its customers pass: within their limits, under contention, by its approval."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bpp.catalog_file.reader import CatalogueInvalid
from bpp.utility.handlers import HANDLERS, bind
from bpp.utility.register import Utility
from bpp.utility.trade_api import trade_router
from bpp.utility.trades import TradeStore
from bpp.utility.utility_file import load_utility
from kernel.clock import ManualClock
from kernel.energy import Energy
from kernel.errors import NodeError
from kernel.interval import Interval
from kernel.mrid import canonical_mrid
from node.message import Inbound
from protocol.actions import CALLBACK_OF, HANDLED_BY, Action, Role
from protocol.context import read_context
from protocol.profile import PROFILES, Profile
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.grid_world import (
    BPP,
    BUYER_METER,
    END,
    EXAMPLES,
    HILL,
    NEIGHBOUR_METER,
    NOW,
    SOURCE_METER,
    START,
    VALLEY,
    utility,
    writer,
)
from tests.support.seller_api import KEY, seller_api
from tests.support.seller_world import AUTHORIZATION, require_valid
from trading.grid import GridGrant, GridRequest
from trading.mapping import wire_of
from trading.mapping.grid import read_grant, write_grid_request
from trading.refusals import QuantityUnavailable
from trading.terms import SettlementType

RC = PROFILES["v2_rc"]
PARTNERS = "  partners: [hill-grid.example] # utilities whose customers may trade with our own\n"


ABROAD: dict[str, Any] = {"buyer_utility": HILL.subscriber_id, "target_meter": BUYER_METER}


class Desk:
    """A utility on a real database, asked by a seller's platform."""

    def __init__(self, uow_factory: UnitOfWorkFactory, served: Utility, profile: Profile = RC) -> None:
        self.uow_factory, self.utility, self.profile = uow_factory, served, profile
        self.clock = ManualClock(NOW)

    async def ask(
        self, action: Action, asked: GridRequest, *, message: dict[str, Any] | None = None
    ) -> GridGrant:
        """Return what the utility grants, read as a seller's platform reads it. Raises: its refusal."""
        wire = wire_of(self.profile.name)
        content = await self.content(action, message or write_grid_request(wire, action, asked))
        return read_grant(wire, content, asked, utility=self.utility.subscriber_id)

    async def content(self, action: Action, message: dict[str, Any]) -> dict[str, Any]:
        """Return the message of the callback, fit for its schema."""
        inbound = self.inbound(action, message)
        async with self.uow_factory() as uow:
            content = await bind(self.utility)[action](inbound, uow, self.clock.now())
        assert content is not None
        sealed = writer(Role.BPP, VALLEY).answer(inbound, content, now=self.clock.now())
        found: dict[str, Any] = require_valid(CALLBACK_OF[action], sealed.body, profile=self.profile)[
            "message"
        ]
        return found

    def inbound(self, action: Action, message: dict[str, Any]) -> Inbound:
        sent = writer(Role.BAP, BPP, profile=self.profile).request(
            action, to=VALLEY, message=message, transaction_id="t-1", now=self.clock.now()
        )
        document = require_valid(action, sent.body, profile=self.profile)
        return Inbound(
            profile=self.profile,
            action=action,
            context=read_context(document, self.profile),
            message=document["message"],
            error=None,
            sender=BPP.subscriber_id,
            authorization=AUTHORIZATION,
            received_at=self.clock.now(),
            raw=sent.body,
        )

    async def refusal(self, action: Action, asked: GridRequest, **changes: Any) -> NodeError:
        with pytest.raises(NodeError) as refused:
            await self.ask(action, asked, **changes)
        return refused.value


@pytest.fixture
async def desk(uow_factory: UnitOfWorkFactory) -> Desk:
    served = utility(VALLEY, EXAMPLES / "utility" / "valley-grid.yaml")
    async with uow_factory() as uow:
        await TradeStore(uow.connection).open(served.customers)
    return Desk(uow_factory, served)


def trade(order_id: str = "trade-1", watt_hours: int = 4_000, **changes: Any) -> GridRequest:
    """Return a trade between two customers of the valley's utility, for 18:00 to 20:00."""
    fields: dict[str, Any] = {
        "order_id": order_id,
        "buyer_platform": "bap.baker.example",
        "seller_platform": BPP.subscriber_id,
        "buyer_utility": VALLEY.subscriber_id,
        "seller_utility": VALLEY.subscriber_id,
        "buyer_id": "baker-1",
        "provider_id": "valley-solar-cooperative",
        "resource_id": "rooftop-solar-07",
        "offer_id": "rooftop-solar-07-daytime",
        "source_meter": SOURCE_METER,
        "target_meter": NEIGHBOUR_METER,
        "quantity": Energy(watt_hours),
        "window": Interval(START, END),
        "settlement": SettlementType.DAILY,
        "zone": "America/Denver",
    }
    return GridRequest(**(fields | changes))


@pytest.mark.parametrize("name", ["v1_1", "v2_rc", "v2_lts"])
async def test_every_generation_carries_a_trade_to_a_utility_and_its_grant_back(
    desk: Desk, name: str
) -> None:
    desk.profile = PROFILES[name]
    granted = await desk.ask(Action.INIT, trade())
    assert granted.order_id == "trade-1"
    [charge] = granted.wheeling
    assert charge.price is not None
    assert (charge.utility_name, charge.price.per_kwh) == ("Valley Grid Services", Decimal("0.0125"))
    assert granted.limit is not None
    assert granted.limit.remaining == Energy(6_000)
    assert granted.limit.load is not None
    assert (granted.limit.load.total, granted.limit.load.used) == (5_000, 2_000)
    confirmed = await desk.ask(Action.CONFIRM, trade())
    assert (confirmed.limit and confirmed.limit.valid_until) is None
    assert (await desk.ask(Action.UPDATE, trade(watt_hours=5_000))).wheeling == granted.wheeling
    assert (await desk.ask(Action.STATUS, trade(watt_hours=5_000), message=_named(desk))).limit is not None
    await desk.content(Action.CANCEL, write_grid_request(wire_of(name), Action.CANCEL, trade()))
    assert (await desk.refusal(Action.CONFIRM, trade())).code == "BIZ_ALREADY_CANCELLED"


def _named(desk: Desk) -> dict[str, Any]:
    return write_grid_request(wire_of(desk.profile.name), Action.CANCEL, trade())


async def test_forty_trades_at_once_never_exceed_a_customers_limit(desk: Desk) -> None:
    async def ask(number: int) -> bool:
        try:
            await desk.ask(Action.INIT, trade(f"trade-{number}", 500))
        except QuantityUnavailable:
            return False
        return True

    passed = await asyncio.gather(*(ask(number) for number in range(40)))
    assert passed.count(True) == 20  # of 0.5 kWh each: 5 kW over two hours
    async with desk.uow_factory() as uow:
        page = await TradeStore(uow.connection).find_page(skip=0, limit=100)
    assert sum(trade.use.quantity.watt_hours for trade in page) == 10_000


async def test_what_is_held_and_not_confirmed_lapses(desk: Desk) -> None:
    await desk.ask(Action.INIT, trade(watt_hours=10_000))
    assert (await desk.refusal(Action.INIT, trade("trade-2"))).hint == "Choose another window."
    desk.clock.advance(timedelta(minutes=15))
    await desk.ask(Action.INIT, trade("trade-2"))
    lapsed = await desk.refusal(Action.CONFIRM, trade(watt_hours=10_000))
    assert lapsed.code == "BIZ_QUOTE_EXPIRED_OR_CHANGED"
    assert (await desk.refusal(Action.UPDATE, trade())).code == "BIZ_QUOTE_EXPIRED_OR_CHANGED"


async def test_a_second_init_takes_the_place_of_the_first_until_the_trade_is_confirmed(desk: Desk) -> None:
    await desk.ask(Action.INIT, trade(watt_hours=9_000))
    granted = await desk.ask(Action.INIT, trade(watt_hours=10_000))
    assert granted.limit is not None
    assert granted.limit.remaining == Energy(0)
    await desk.ask(Action.CONFIRM, trade(watt_hours=10_000))
    await desk.ask(Action.CONFIRM, trade(watt_hours=10_000))
    assert (await desk.refusal(Action.INIT, trade())).code == "BIZ_ALREADY_CONFIRMED"


async def test_confirm_is_for_the_very_trade_that_was_let_pass(desk: Desk) -> None:
    await desk.ask(Action.INIT, trade())
    assert (await desk.refusal(Action.CONFIRM, trade(watt_hours=5_000))).code == (
        "BIZ_QUOTE_EXPIRED_OR_CHANGED"
    )
    other = trade(target_meter=SOURCE_METER, source_meter=NEIGHBOUR_METER)
    assert (await desk.refusal(Action.UPDATE, other)).code == "BIZ_QUOTE_EXPIRED_OR_CHANGED"
    assert (await desk.refusal(Action.CONFIRM, trade("trade-9"))).code == "BIZ_ORDER_NOT_FOUND"
    assert (await desk.refusal(Action.CONFIRM, trade("trade\x00"))).code == "BIZ_ORDER_NOT_FOUND"


async def test_of_a_trade_that_is_cancelled_on_its_way_what_has_flowed_still_counts(desk: Desk) -> None:
    await desk.ask(Action.INIT, trade(watt_hours=10_000))
    await desk.ask(Action.CONFIRM, trade(watt_hours=10_000))
    desk.clock.advance(START + timedelta(minutes=30) - desk.clock.now())
    message = write_grid_request(wire_of("v2_rc"), Action.CANCEL, trade())
    await desk.content(Action.CANCEL, message)
    async with desk.uow_factory() as uow:
        [ended] = await TradeStore(uow.connection).find_page(skip=0, limit=10)
    assert ended.use.quantity == Energy(2_500)
    assert ended.use.window == Interval(START, START + timedelta(minutes=30))
    late = Interval(START + timedelta(minutes=30), END)
    granted = await desk.ask(Action.INIT, trade("trade-2", 7_500, window=late))
    assert granted.limit is not None
    assert granted.limit.remaining == Energy(0)


async def test_a_trade_that_is_over_cannot_be_cancelled(desk: Desk) -> None:
    await desk.ask(Action.INIT, trade())
    await desk.ask(Action.CONFIRM, trade())
    desk.clock.advance(timedelta(hours=13))
    message = write_grid_request(wire_of("v2_rc"), Action.CANCEL, trade())
    with pytest.raises(NodeError) as refused:
        await desk.content(Action.CANCEL, message)
    assert refused.value.code == "POL_CANCELLATION_NOT_ALLOWED"


async def test_a_trade_of_a_stranger_or_between_strangers_does_not_pass(desk: Desk) -> None:
    unknown = await desk.refusal(Action.INIT, trade(target_meter=BUYER_METER))
    assert (unknown.code, unknown.path) == (
        "POL_ELIGIBILITY_NOT_MET",
        "$.message.order['beckn:orderAttributes'].targetMeterId",
    )
    abroad = trade(buyer_utility=HILL.subscriber_id, seller_utility="delta-grid.example")
    assert "serves neither side" in (await desk.refusal(Action.INIT, abroad)).message
    far = trade(buyer_utility="delta-grid.example")
    assert (await desk.refusal(Action.INIT, far)).hint == "They trade with those of hill-grid.example."
    unreadable = await desk.refusal(Action.INIT, trade(target_meter="kitchen"))
    assert unreadable.code == "SCH_INVALID_FORMAT"
    assert (await desk.refusal(Action.INIT, trade(watt_hours=0))).code == "BIZ_QUANTITY_UNAVAILABLE"


async def test_what_is_brought_in_or_taken_out_has_its_own_charges(desk: Desk) -> None:
    out = await desk.ask(Action.INIT, trade(buyer_utility=HILL.subscriber_id, target_meter=BUYER_METER))
    assert [charge.side.value for charge in out.wheeling] == ["BUYER", "SELLER"]
    assert out.limit is not None
    assert out.limit.load is not None
    assert out.limit.load.total == 25_000  # the producer's
    brought = trade("trade-2", seller_utility=HILL.subscriber_id, source_meter=BUYER_METER)
    [charge] = (await desk.ask(Action.INIT, brought)).wheeling
    assert charge.price is not None
    assert charge.price.per_kwh == Decimal("0.02")


async def test_a_message_without_utilities_is_about_customers_of_this_one(desk: Desk) -> None:
    message = write_grid_request(wire_of("v2_rc"), Action.INIT, trade())
    bag = message["order"]["beckn:orderAttributes"]
    for key in ("utilityIdBuyer", "utilityIdSeller", "settlementType", "timeZone"):
        del bag[key]
    message["order"].pop("beckn:id")
    granted = await desk.ask(Action.INIT, trade(), message=message)
    assert granted.order_id not in ("", "trade-1")
    del bag["sourceMeterId"]
    assert (await desk.refusal(Action.INIT, trade(), message=message)).code == "SCH_REQUIRED_FIELD_MISSING"


async def test_a_utility_approves_by_platform_and_by_how_far_ahead(
    uow_factory: UnitOfWorkFactory, tmp_path: Path
) -> None:
    served = _changed(tmp_path, PARTNERS, f"{PARTNERS}  platforms: [bpp.other.example]\n")
    assert "may not bring trades" in (await Desk(uow_factory, served).refusal(Action.INIT, trade())).message
    served = _changed(tmp_path, PARTNERS, f"{PARTNERS}  lead_hours: 10.5\n")
    early = await Desk(uow_factory, served).refusal(Action.INIT, trade())
    assert (early.code, "10:30:00 ahead" in early.message) == ("BIZ_FULFILLMENT_UNAVAILABLE", True)


async def test_a_customer_that_left_keeps_its_trades_from_growing(desk: Desk, tmp_path: Path) -> None:
    await desk.ask(Action.INIT, trade())
    desk.utility = _changed(tmp_path, '"98765456"', '"11112222"')
    granted = await desk.ask(Action.CONFIRM, trade())
    assert granted.limit is None
    assert (await desk.refusal(Action.UPDATE, trade(watt_hours=5_000))).code == "POL_ELIGIBILITY_NOT_MET"


async def test_a_confirm_reckons_with_what_the_customers_are_sanctioned_for_by_then(
    desk: Desk, tmp_path: Path
) -> None:
    await desk.ask(Action.INIT, trade(watt_hours=10_000))
    desk.utility = _changed(tmp_path, "sanctioned_kw: 5", "sanctioned_kw: 4.5")
    refused = await desk.refusal(Action.CONFIRM, trade(watt_hours=10_000))
    assert (refused.code, refused.hint) == ("BIZ_QUANTITY_UNAVAILABLE", "Trade at most 9 kWh.")


async def test_a_confirm_waits_for_whoever_reckons_with_the_same_meter(desk: Desk) -> None:
    await desk.ask(Action.INIT, trade())
    async with desk.uow_factory() as uow:
        await TradeStore(uow.connection).lock([canonical_mrid(NEIGHBOUR_METER, lenient=True)])
        confirm = asyncio.ensure_future(desk.ask(Action.CONFIRM, trade()))
        done, _ = await asyncio.wait({confirm}, timeout=0.5)
        assert not done
    await confirm


async def test_a_refusal_for_the_sellers_limit_has_no_figure_of_it(desk: Desk) -> None:
    refused = await desk.refusal(Action.INIT, trade(watt_hours=60_000, **ABROAD))
    assert refused.message == "the seller's connection is not sanctioned for 60 kWh more in that window"
    assert refused.hint == "Trade less, or choose another window."


async def test_a_confirm_names_the_utilities_that_the_trade_was_let_pass_for(desk: Desk) -> None:
    await desk.ask(Action.INIT, trade())
    refused = await desk.refusal(Action.CONFIRM, trade(buyer_utility=HILL.subscriber_id))
    assert refused.code == "BIZ_QUOTE_EXPIRED_OR_CHANGED"


@pytest.mark.parametrize(
    "changes",
    [
        {"window": Interval(START, START.replace(year=9990))},
        {"window": Interval(START.replace(year=1), END.replace(year=1))},
        {"window": Interval(START.replace(year=9999), END.replace(year=9999))},
        {"zone": "Moon/Base"},
    ],
)
async def test_a_window_or_zone_that_no_charge_can_be_reckoned_for_is_refused(
    desk: Desk, changes: dict[str, Any]
) -> None:
    assert (await desk.refusal(Action.INIT, trade(**changes))).code == "SCH_INVALID_FORMAT"


async def test_a_utility_sells_rates_and_tracks_nothing(desk: Desk) -> None:
    assert set(HANDLERS) == set(HANDLED_BY[Role.BPP])
    message = write_grid_request(wire_of("v2_rc"), Action.INIT, trade())
    with pytest.raises(NodeError) as refused:
        await desk.content(Action.SELECT, message)
    assert refused.value.code == "NET_NOT_IMPLEMENTED"
    async with desk.uow_factory() as uow:
        inbound = desk.inbound(Action.INIT, message)
        assert await HANDLERS[Action.DISCOVER](desk.utility, inbound, uow, NOW) == {"catalogs": []}


def _changed(folder: Path, old: str, new: str) -> Utility:
    """Return the valley's utility by a file that is changed."""
    for file in (EXAMPLES / "utility").iterdir():
        (folder / file.name).write_text(file.read_text())
    file = folder / "valley-grid.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return utility(VALLEY, file)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"98765456"', '"100200300"', "customers.1: the meter 100200300 is there twice"),
        ("    sanctioned_kw: 25", "    ", "sanctioned_kw, a limit, or both"),
        ("valley-import-tariff.yaml", "nowhere.yaml", "the tariff"),
        ("zone: America/Denver", "zone: Moon/Base", "zone"),
    ],
)
def test_a_mistake_in_the_file_stops_the_start_and_says_where(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(CatalogueInvalid, match=words):
        _changed(tmp_path, old, new)


def test_a_utility_charges_in_one_currency(tmp_path: Path) -> None:
    _changed(tmp_path, "name:", "name:")
    tariff = tmp_path / "valley-import-tariff.yaml"
    tariff.write_text(tariff.read_text().replace("USD", "INR"))
    with pytest.raises(CatalogueInvalid, match="one currency, not in INR, USD"):
        load_utility(
            tmp_path / "valley-grid.yaml",
            subscriber_id=VALLEY.subscriber_id,
            hold_for=timedelta(minutes=15),
        )


async def test_an_operator_sees_the_trades_that_the_utility_let_pass(desk: Desk) -> None:
    await desk.ask(Action.INIT, trade())
    await desk.ask(Action.CONFIRM, trade())
    await desk.ask(Action.INIT, trade("trade-2", 1_000, buyer_utility=HILL.subscriber_id))
    connect = seller_api(
        [trade_router(uow_factory=desk.uow_factory)], uow_factory=desk.uow_factory, clock=desk.clock
    )
    async with connect(None) as client:
        assert (await client.get("/api/v1/trades")).status_code == 401
        found = await client.get("/api/v1/trades", headers={"X-Api-Key": KEY})
    newest, oldest = found.json()["trades"]
    assert (newest["state"], oldest["state"]) == ("HELD", "CONFIRMED")
    assert newest["customers"] == {"seller": canonical_mrid(SOURCE_METER, lenient=True)}
    assert (oldest["asked_wh"], oldest["counted_wh"], oldest["start"]) == (
        4_000,
        4_000,
        "2026-01-09T18:00:00Z",
    )
    assert oldest["confirmed_at"] == "2026-01-09T08:00:00Z"
