"""A seller's platform asks the utilities of a trade before it answers: init, confirm, update and cancel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import pytest

from bpp.cascade.answers import NothingAsked
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from protocol.actions import Action, Role
from protocol.profile import PROFILES
from storage.database import Database
from tests.support.grid_world import (
    BAP,
    BPP,
    BUYER_METER,
    END,
    HILL,
    NEIGHBOUR_METER,
    START,
    VALLEY,
    GridWorld,
    events,
    grid_world,
    order,
    writer,
)
from trading.contracts import ContractStore
from trading.mapping import wire_of
from trading.mapping.grid import name_utility
from trading.rates import Price
from trading.request import OrderRequest
from trading.terms import PaymentTiming
from trading.wheeling import Wheeling


@pytest.fixture
async def world(database: Database, postgres_url: str, template_url: str) -> AsyncIterator[GridWorld]:
    async with grid_world(database, postgres_url=postgres_url, template_url=template_url) as running:
        yield running


async def test_both_utilities_are_asked_and_their_charges_are_in_the_quote(world: GridWorld) -> None:
    held = await world.order(Action.INIT, {"order": order(10)})
    parts = held["beckn:orderValue"]["components"]
    assert [(part["type"], part["value"], part["description"]) for part in parts] == [
        ("UNIT", Decimal("1.50"), "Energy Cost (10 kWh at 0.15 USD per kWh)"),
        ("FEE", Decimal("0.30"), "Wheeling Charges (Hill Grid, 10 kWh at 0.03 USD per kWh)"),
        ("FEE", Decimal("0.10"), "Wheeling Charges (Valley Grid Services, 10 kWh at 0.01 USD per kWh)"),
    ]
    assert held["beckn:orderValue"]["value"] == Decimal("1.90")
    bag = held["beckn:orderAttributes"]
    assert bag["@type"] == "EnergyTradeOrderInterUtility"
    assert (bag["utilityIdBuyer"], bag["utilityIdSeller"]) == (HILL.subscriber_id, VALLEY.subscriber_id)
    assert bag["contractStatus"] == "PENDING"
    assert bag["remainingTradingLimit"] == {
        "remainingQuantity": Decimal(10),
        "sanctionedLoad": {
            "total": Decimal(10),
            "used": Decimal(5),
            "remaining": Decimal(5),
            "unit": "kW",
        },
        "validUntil": "2026-01-09T08:15:00Z",
    }
    assert await events(world, held["beckn:id"]) == ["ASK_UTILITIES", "INIT"]
    assert await world.trades(world.hill) == await world.trades(world.valley) == [("HELD", 10_000)]


async def test_confirm_waits_until_both_utilities_have_recorded_the_trade(world: GridWorld) -> None:
    held = await world.order(Action.INIT, {"order": order(10)})
    world.hill.is_slow = True
    confirm = await world.ask(Action.CONFIRM, {"order": order(10, order_id=held["beckn:id"])})
    assert world.answers(confirm) == []
    assert await world.trades(world.hill) == await world.trades(world.valley) == [("CONFIRMED", 10_000)]
    await world.release(world.hill)
    [answer] = world.answers(confirm)
    bought = answer["message"]["order"]
    assert bought["beckn:orderAttributes"]["contractStatus"] == "ACTIVE"
    assert bought["beckn:orderValue"] == held["beckn:orderValue"]
    assert "validUntil" not in bought["beckn:orderAttributes"]["remainingTradingLimit"]
    assert await world.left() == 490_000


async def test_a_buyer_that_names_no_utility_is_taken_for_a_customer_of_the_sellers(world: GridWorld) -> None:
    held = await world.order(Action.INIT, {"order": order(10, utility=None, meter=NEIGHBOUR_METER)})
    [_, fee] = held["beckn:orderValue"]["components"]
    assert (fee["value"], world.sent_to(world.hill)) == (Decimal("0.13"), [])
    bag = held["beckn:orderAttributes"]
    assert (bag["@type"], bag["utilityIdBuyer"]) == ("EnergyTradeOrder", VALLEY.subscriber_id)
    assert bag["remainingTradingLimit"]["remainingQuantity"] == Decimal(0)


async def test_a_customer_of_a_utility_that_is_no_partner_cannot_buy(world: GridWorld) -> None:
    refusal = await world.refusal(Action.INIT, {"order": order(10, utility="delta-grid.example")})
    assert refusal.code == "POL_ELIGIBILITY_NOT_MET"
    assert refusal.path == "$.message.order['beckn:orderAttributes'].utilityIdBuyer"
    assert refusal.hint == (
        "The utilities whose customers can buy are valley-grid.example, hill-grid.example."
    )
    assert world.sent_to(world.valley) == []


async def test_more_than_the_sanctioned_load_is_refused_with_what_remains(world: GridWorld) -> None:
    await world.buy(12)
    refusal = await world.refusal(Action.INIT, {"order": order(9)})
    assert refusal.code == "BIZ_ALREADY_CONFIRMED"  # of the same transaction
    world.transaction_id = "another"
    refusal = await world.refusal(Action.INIT, {"order": order(9)})
    assert refusal.code == "BIZ_QUANTITY_UNAVAILABLE"
    assert refusal.message == (
        "the utility hill-grid.example does not let this pass: the buyer's connection is sanctioned for "
        "8 kWh more in that window, and 9 kWh were asked for"
    )
    assert refusal.hint == "Trade at most 8 kWh."
    assert await world.left() == 488_000
    assert await world.trades(world.valley) == [("CONFIRMED", 12_000), ("CANCELLED", 0)]
    assert await world.trades(world.hill) == [("CONFIRMED", 12_000)]
    retried = await world.order(Action.INIT, {"order": order(8)})
    assert retried["beckn:orderAttributes"]["remainingTradingLimit"]["remainingQuantity"] == Decimal(0)


async def test_another_quantity_is_asked_of_the_utilities_too(world: GridWorld) -> None:
    bought = await world.buy(10)
    changed = await world.order(Action.UPDATE, {"order": order(15, order_id=bought["beckn:id"])})
    assert changed["beckn:orderAttributes"]["contractedQuantity"] == Decimal(15)
    assert changed["beckn:orderValue"]["value"] == Decimal("2.85")
    assert await world.trades(world.hill) == await world.trades(world.valley) == [("CONFIRMED", 15_000)]
    refusal = await world.refusal(Action.UPDATE, {"order": order(21, order_id=bought["beckn:id"])})
    assert refusal.code == "BIZ_QUANTITY_UNAVAILABLE"
    assert refusal.hint == "Trade at most 20 kWh."
    assert await world.trades(world.hill) == await world.trades(world.valley) == [("CONFIRMED", 15_000)]
    assert await world.left() == 485_000


async def test_another_window_is_asked_of_the_utilities_too(world: GridWorld) -> None:
    bought = await world.buy(10)
    later = {"tradeStartTime": "2026-01-09T20:00:00Z", "tradeEndTime": "2026-01-09T22:00:00Z"}
    moved = await world.order(Action.UPDATE, {"order": order(10, order_id=bought["beckn:id"], **later)})
    assert moved["beckn:orderAttributes"]["tradeStartTime"] == "2026-01-09T20:00:00Z"
    world.transaction_id = "another"
    assert (await world.order(Action.INIT, {"order": order(10)}))["beckn:orderStatus"] == "PENDING"


async def test_while_utilities_are_asked_a_contract_can_be_cancelled_and_nothing_else(
    world: GridWorld,
) -> None:
    world.hill.is_slow = True
    init = await world.ask(Action.INIT, {"order": order(10)})
    confirm = await world.refusal(Action.CONFIRM, {"order": order(10)})
    assert confirm.code == "BIZ_INVALID_STATE_TRANSITION"
    async with world.seller.uow_factory() as uow:
        [contract] = await ContractStore(uow.connection).find_page()
    await world.order(Action.CANCEL, {"order": {"beckn:id": contract.id}})
    assert world.answers(init)[0]["error"]["code"] == "BIZ_ALREADY_CANCELLED"
    await world.release(world.hill)
    assert await world.trades(world.hill) == await world.trades(world.valley) == [("CANCELLED", 0)]


async def test_a_later_init_takes_the_place_of_one_that_still_waits(world: GridWorld) -> None:
    world.hill.is_slow = True
    first = await world.ask(Action.INIT, {"order": order(10)})
    second = await world.ask(Action.INIT, {"order": order(4)})
    assert world.answers(first)[0]["error"]["code"] == "BIZ_QUOTE_EXPIRED_OR_CHANGED"
    await world.release(world.hill)
    [answer] = world.answers(second)
    assert answer["message"]["order"]["beckn:orderAttributes"]["contractedQuantity"] == Decimal(4)
    assert await world.trades(world.hill) == await world.trades(world.valley) == [("HELD", 4_000)]


async def test_a_utility_that_a_later_init_no_longer_names_forgets_the_trade(world: GridWorld) -> None:
    await world.order(Action.INIT, {"order": order(10)})
    near = order(10, utility=None, meter=NEIGHBOUR_METER)
    assert (await world.order(Action.INIT, {"order": near}))["beckn:orderStatus"] == "PENDING"
    assert await world.trades(world.hill) == [("CANCELLED", 0)]
    assert await world.trades(world.valley) == [("HELD", 10_000)]
    assert (await world.buy(10))["beckn:orderStatus"] == "CONFIRMED"  # it may come back
    assert await world.trades(world.hill) == [("CONFIRMED", 10_000)]


async def test_a_callback_that_answers_no_question_is_refused_at_the_door(world: GridWorld) -> None:
    await world.order(Action.INIT, {"order": order(10)})
    answer = next(each for each in world.carried if each.action == Action.ON_INIT)
    forged = writer(Role.BPP, HILL).unsolicited(
        Action.ON_INIT,
        to=BPP,
        message=orjson.loads(answer.body)["message"],
        transaction_id=world.transaction_id,
        now=world.clock.now(),
    )
    with pytest.raises(NothingAsked) as refused:
        await world.deliver(forged, world.hill)
    assert "no init was sent to hill-grid.example" in refused.value.message


async def test_what_would_be_refused_at_confirm_is_refused_before_a_utility_is_asked(
    world: GridWorld,
) -> None:
    world.sells(payment=PaymentTiming.PREPAID)
    held = await world.order(Action.INIT, {"order": order(10)})
    asked = len(world.sent_to(world.hill))
    refusal = await world.refusal(Action.CONFIRM, {"order": order(10, order_id=held["beckn:id"])})
    assert (refusal.code, len(world.sent_to(world.hill))) == ("BIZ_PAYMENT_FAILED", asked)
    assert await world.trades(world.hill) == [("HELD", 10_000)]


async def test_utilities_that_charge_in_another_currency_are_no_way_to_buy(world: GridWorld) -> None:
    price = Price(per_kwh=Decimal("0.15"), currency=Currency("INR"))
    world.sells(price=price)
    refusal = await world.refusal(Action.INIT, {"order": order(10)})
    assert (refusal.code, "another currency" in refusal.message) == ("POL_GENERIC_ERROR", True)
    assert await world.trades(world.hill) == await world.trades(world.valley) == [("CANCELLED", 0)]
    assert await world.left() == 500_000


async def test_the_charges_of_the_offer_itself_stay_beside_those_of_the_utilities(world: GridWorld) -> None:
    own = Wheeling(utility_name="Ridge Line", amount=Money(50, Currency("USD")))
    world.sells(wheeling=own)
    held = await world.order(Action.INIT, {"order": order(10)})
    assert [part["value"] for part in held["beckn:orderValue"]["components"]] == [
        Decimal(amount) for amount in ("1.50", "0.50", "0.30", "0.10")
    ]
    changed = await world.order(Action.UPDATE, {"order": order(15, order_id=held["beckn:id"])})
    assert [part["value"] for part in changed["beckn:orderValue"]["components"]] == [
        Decimal(amount) for amount in ("2.25", "0.50", "0.45", "0.15")
    ]


async def test_a_utility_that_tells_amounts_alone_is_owed_each_once(world: GridWorld) -> None:
    world.edit = without_tariff
    held = await world.order(Action.INIT, {"order": order(10)})
    parts = held["beckn:orderValue"]["components"]
    assert [(part["value"], part["description"]) for part in parts[1:]] == [
        (Decimal("0.30"), "Wheeling Charges (hill-grid.example)"),
        (Decimal("0.10"), "Wheeling Charges (valley-grid.example)"),
    ]


async def test_an_answer_whose_tariff_and_quote_differ_or_that_cannot_be_read_grants_nothing(
    world: GridWorld,
) -> None:
    def dearer(document: dict[str, Any]) -> None:
        document["message"]["order"]["beckn:orderAttributes"]["wheelingTariff"][0]["perKwh"] = 9

    def unreadable(document: dict[str, Any]) -> None:
        document["message"]["order"]["beckn:orderAttributes"]["wheelingTariff"][0]["basis"] = "NEVER"

    def emptied(document: dict[str, Any]) -> None:
        document["message"]["order"]["beckn:orderAttributes"]["wheelingTariff"] = []

    for edit in (dearer, unreadable, emptied):
        world.edit = edit
        refusal = await world.refusal(Action.INIT, {"order": order(10)})
        assert (refusal.code, "SCH_INVALID_FORMAT" in refusal.message) == ("POL_GENERIC_ERROR", True)
        assert {state for state, _ in await world.trades(world.hill)} == {"CANCELLED"}


@pytest.mark.parametrize("name", ["v1_1", "v2_lts"])
async def test_buyer_and_utilities_may_speak_other_generations(world: GridWorld, name: str) -> None:
    world.profile = world.wire = PROFILES[name]
    wire = wire_of(name)
    wanted = name_utility(
        wire,
        OrderRequest(
            seller="valley-solar-cooperative",
            buyer_id="baker-1",
            resource_id="rooftop-solar-07",
            offer_id="rooftop-solar-07-daytime",
            quantity=Energy(10_000),
            target_meter=BUYER_METER,
            trade_start=START,
            trade_end=END,
        ),
        utility=HILL.subscriber_id,
        buyer_platform=BAP.subscriber_id,
        seller_platform=BPP.subscriber_id,
    )
    held = await world.order(Action.INIT, wire.write_order_request(wanted))
    bought = wire.read_contract(await world.order(Action.CONFIRM, {wire.ORDER_KEY: held}))
    assert (bought.status.value, bought.quote.total) == ("ACTIVE", Money(190, Currency("USD")))
    assert await world.trades(world.hill) == [("CONFIRMED", 10_000)]
    message = wire.write_order_id(replace(wanted, order_id=bought.order_id))
    await world.order(Action.CANCEL, message)
    assert await world.trades(world.hill) == await world.trades(world.valley) == [("CANCELLED", 0)]


def without_tariff(document: dict[str, Any]) -> None:
    """Take out of a utility's answer what only this software tells."""
    document.get("message", {}).get("order", {}).get("beckn:orderAttributes", {}).pop("wheelingTariff", None)
