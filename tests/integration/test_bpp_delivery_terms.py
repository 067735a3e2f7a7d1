"""Matching, losses and penalties in a node: sold, kept with the contract, settled, shared out, verified."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from bpp.accounts.statements import make_statement
from degnode.bill_verifier.verify import verify_statement
from kernel.currency import Currency
from protocol.actions import Action
from settlement.store import find_bills, find_cycles, find_runs
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import EXPORT, IMPORT, SOURCE_METER, WINDOW, SellerWorld, hours_of
from trading.contracts import ContractStore
from trading.matching import Losses, Matching
from trading.penalties import ShortfallPenalty
from trading.rates import Price
from trading.tables import contracts
from trading.wheeling import Side

Json = dict[str, Any]
FIRST, SECOND = "11111111", "22222222"
PLENTY = [5_000] * 8
HOUR = timedelta(hours=1)
USD = Currency("USD")


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


def on(world: SellerWorld, **terms: Any) -> SellerWorld:
    """Return a world whose offers have these terms, too."""
    catalogue = world.bpp.catalogue
    offers = tuple(replace(each, terms=replace(each.terms, **terms)) for each in catalogue.offers)
    return world.selling(catalogue=replace(catalogue, offers=offers))


def owes(side: Side) -> ShortfallPenalty:
    return ShortfallPenalty(side=side, price=Price(per_kwh=Decimal("0.30"), currency=USD))


async def buy(world: SellerWorld, kilowatt_hours: int, meter: str) -> str:
    """Return the id of a contract that was confirmed a minute after the last."""
    world.clock.advance(timedelta(minutes=1))
    world.transaction_id = str(uuid4())
    bought: str = (await world.buy(kilowatt_hours, target_meter=meter))["beckn:id"]
    return bought


async def report(world: SellerWorld, exported: list[int], **imported: list[int]) -> None:
    """Have the meters tell of the window's hours, and the contracts be looked at."""
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, exported))
    for meter, watt_hours in imported.items():
        await world.report(meter.removeprefix("m"), IMPORT, hours_of(WINDOW, watt_hours))
    await world.refresh_all()


async def delivered(world: SellerWorld, contract: str) -> int:
    async with world.uow_factory() as uow:
        return sum(cycle.delivered.watt_hours for cycle in await find_cycles(contract, uow=uow))


async def found_in_statements(world: SellerWorld, contract_id: str) -> list[str]:
    """Return what the verifier finds in the statements of a contract's bills."""
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(contract_id)
        bills = await find_bills(contract_id, uow=uow)
        assert bills
        made = [await make_statement(contract, bill.cycle_id, uow, now=world.clock.now()) for bill in bills]
    return [str(each) for statement in made for each in verify_statement(json.dumps(statement))]


async def test_a_contract_that_says_nothing_is_kept_as_it_always_was(world: SellerWorld) -> None:
    contract = await buy(world, 5, FIRST)
    async with world.uow_factory() as uow:
        kept = await uow.connection.scalar(select(contracts.c.terms).where(contracts.c.id == contract))
    assert kept is not None
    assert kept.keys() == {
        "currency",
        "price_per_kwh",
        "pricing_model",
        "settlement_type",
        "billing_period",
        "wheeling",
        "discount",
    }


async def test_intervals_are_matched_where_that_is_agreed_and_flows_are_told_so(world: SellerWorld) -> None:
    world = on(world, matching=Matching.INTERVAL)
    contract = await buy(world, 10, FIRST)
    world.clock.set(WINDOW.end)
    await report(
        world,
        [500, 500, 1_000, 8_000, 0, 0, 0, 0],
        m11111111=[300, 500, 700, 8_500, 0, 0, 0, 0],
    )
    assert await delivered(world, contract) == 9_500
    told = await world.status(contract)
    delivery = told["beckn:fulfillment"]["beckn:deliveryAttributes"]
    assert delivery["deliveredQuantity"] == Decimal("9.5")
    assert [row["energyFlow"] for row in delivery["meterReadings"]][:6] == [
        0,
        Decimal("0.3"),
        Decimal("0.5"),
        Decimal("0.7"),
        8,
        0,
    ]
    async with world.uow_factory() as uow:
        [cycle] = await find_cycles(contract, uow=uow)
    assert (cycle.explanation or {})["rule"] == "MIN_OF_TWO_BY_INTERVAL"
    assert await found_in_statements(world, contract) == []


async def test_what_one_contract_let_pass_unmatched_is_not_sold_to_it_again(world: SellerWorld) -> None:
    """The first buyer takes nothing while its energy comes; all later hours are the second buyer's."""
    world = on(world, matching=Matching.INTERVAL)
    bought = [await buy(world, 2, FIRST), await buy(world, 6, SECOND)]
    world.clock.set(WINDOW.end)
    await report(world, [1_000] * 8, m11111111=[0, 0, *[1_000] * 6], m22222222=[0, 0, *[1_000] * 6])
    assert [await delivered(world, each) for each in bought] == [0, 6_000]
    assert [await found_in_statements(world, each) for each in bought] == [[], []]


async def test_a_contract_takes_of_a_shared_meter_what_it_needs_before_losses(world: SellerWorld) -> None:
    world = on(world, losses=Losses(Decimal("0.2")))
    bought = [await buy(world, 8, FIRST), await buy(world, 5, SECOND)]
    world.clock.set(WINDOW.end)
    await report(world, [1_500] * 8, m11111111=PLENTY, m22222222=PLENTY)
    assert [await delivered(world, each) for each in bought] == [8_000, 1_600]  # of 10 and of 2 kWh
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(bought[1])
        [bill] = await find_bills(bought[1], uow=uow)
        statement = await make_statement(contract, bill.cycle_id, uow, now=world.clock.now())
    assert [claim["contracted_wh"] for claim in statement["meters"]["exported"]["claims"]] == [10_000]
    assert [await found_in_statements(world, each) for each in bought] == [[], []]


async def test_a_buyer_is_billed_for_what_it_did_not_take_and_the_seller_is_not_forgotten(
    world: SellerWorld,
) -> None:
    world = on(world, penalties=(owes(Side.BUYER), owes(Side.SELLER)))
    contract = await buy(world, 8, FIRST)
    world.clock.set(WINDOW.end)
    await report(world, [750] * 8, m11111111=[500] * 8)
    told = await world.status(contract)
    [bill] = told["beckn:orderAttributes"]["billingCycles"]
    titles = {line["title"]: line["amount"] for line in bill["lineItems"]}
    assert titles["Penalty"] == Decimal("1.20")  # 4 kWh at 0.30
    async with world.uow_factory() as uow:
        [cycle] = await find_cycles(contract, uow=uow)
    owed = {each["side"]: each["minor"] for each in (cycle.explanation or {})["shortfalls"]}
    assert owed == {"BUYER": 120, "SELLER": 60}
    assert await found_in_statements(world, contract) == []


async def test_a_revised_reading_also_corrects_what_only_the_seller_owes(world: SellerWorld) -> None:
    world = on(world, penalties=(owes(Side.BUYER), owes(Side.SELLER)))
    contract = await buy(world, 8, FIRST)
    world.clock.set(WINDOW.end)
    await report(world, [750] * 8, m11111111=[500] * 8)
    world.clock.advance(HOUR)
    await report(world, [600] * 8)
    world.clock.advance(HOUR)
    await report(world, [600] * 8)
    async with world.uow_factory() as uow:
        first, second = await find_runs(contract, uow=uow)
    assert first.amount == second.amount
    owed = [(each.explanation or {})["shortfalls"][1]["minor"] for each in (first, second)]
    assert owed == [60, 96]
    assert await found_in_statements(world, contract) == []


async def test_buyers_are_told_in_words_what_no_field_has(world: SellerWorld) -> None:
    world = on(world, matching=Matching.INTERVAL, penalties=(owes(Side.SELLER),))
    [catalog] = (await world.send(Action.DISCOVER, {"text_search": "rooftop"}))["catalogs"]
    described = catalog["beckn:offers"][0]["beckn:descriptor"]["beckn:longDesc"]
    assert described.startswith(
        "Delivered is the lesser of both meters in each interval by itself. The seller"
    )
