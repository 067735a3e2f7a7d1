"""From the catalogue file to the bill: contracts of every pricing model, on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bpp.catalog_file.reader import read_catalogue
from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.official import official_bundle_accepts, official_order_errors
from tests.support.seller_world import (
    CATALOGUE_FILE,
    EXPORT,
    IMPORT,
    SOURCE_METER,
    TARGET_METER,
    WINDOW,
    SellerWorld,
    hours_of,
)

Json = dict[str, Any]
TEXT = CATALOGUE_FILE.read_text(encoding="utf-8")
EXPORTED = [500, 500, 1000, 2000, 2000, 2000, 1500, 1500]  # 11 kWh from 10:00 to 18:00
IMPORTED = [2000] * 8


def shop(offer: str, *, price: str = "    price_per_kwh: 0.15\n") -> str:
    return TEXT.replace("    price_per_kwh: 0.15\n", price + offer)


async def billed(uow_factory: UnitOfWorkFactory, text: str) -> tuple[Json, Json, Json]:
    """Buy 10 kWh, deliver them, and return the order as it was confirmed and as it ended, and its bill."""
    world = SellerWorld(uow_factory=uow_factory)
    world.bpp = replace(world.bpp, catalogue=read_catalogue(text, name="shop.yaml"))
    await world.open()
    bought = await world.buy(10)
    world.clock.set(WINDOW.end + timedelta(minutes=5))
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, EXPORTED))
    await world.report(TARGET_METER, IMPORT, hours_of(WINDOW, IMPORTED))
    assert await world.refresh_all() == 1
    [told] = await world.unsolicited()
    assert official_order_errors(told) == []
    assert official_bundle_accepts("EnergyTradeContract", told["beckn:orderAttributes"])
    [bill] = told["beckn:orderAttributes"]["billingCycles"]
    assert bill["totalAmount"] == sum(line["amount"] for line in bill["lineItems"])
    return bought, told, bill


def lines_of(bill: Json) -> list[tuple[str, Decimal]]:
    return [(line["title"], line["amount"]) for line in bill["lineItems"]]


async def test_energy_by_the_hour_has_a_line_for_each_of_the_hours(uow_factory: UnitOfWorkFactory) -> None:
    text = shop(
        "    pricing_model: TIME_OF_DAY\n    time_of_day:\n"
        "      - {start: 10:00, end: 13:00, rate: 0.10}\n      - {start: 17:00, end: 10:00, rate: 0.30}\n"
        "    fees: [{title: Platform fee, percent: 2}]\n"
        "    taxes: [{title: VAT, percent: 10, jurisdiction: US, applies_to: [ENERGY, FEE]}]\n"
    )
    bought, told, bill = await billed(uow_factory, text)
    assert lines_of(bill) == [
        ("Energy Cost (10:00-13:00)", Decimal("0.20")),  # 2 kWh
        ("Energy Cost (17:00-10:00)", Decimal("0.15")),  # 0.5 of 1.5 kWh: then the contract is filled
        ("Energy Cost (other hours)", Decimal("1.13")),  # 7.5 kWh at 0.15 are 1.125
        ("Wheeling Charges", Decimal("2.50")),
        ("Platform fee", Decimal("0.03")),
        ("VAT (10 %, US)", Decimal("0.15")),
    ]
    [cycle] = told["beckn:orderAttributes"]["settlementCycles"]
    assert cycle["amount"] == Decimal("4.01")  # a cycle has no taxes
    parts = [(part["type"], part["value"]) for part in bought["beckn:orderValue"]["components"]]
    assert parts == [
        ("UNIT", Decimal("0.38")),  # 3 of 8 hours
        ("UNIT", Decimal("0.38")),  # the last one
        ("UNIT", Decimal("0.75")),  # the four between
        ("FEE", Decimal("2.50")),
        ("FEE", Decimal("0.03")),
        ("TAX", Decimal("0.15")),
    ]
    terms = bought["beckn:orderItems"][0]["beckn:acceptedOffer"]["beckn:offerAttributes"]
    assert (terms["pricingModel"], len(terms["timeOfDayRates"])) == ("TIME_OF_DAY", 2)


async def test_a_subscription_is_billed_for_its_days_and_what_is_beyond_it(
    uow_factory: UnitOfWorkFactory,
) -> None:
    text = shop(
        "    pricing_model: SUBSCRIPTION\n    subscription: {fee: 31, included_kwh: 6}\n"
        "    promotions: [{title: Spring, percent: 10}]\n"
    )
    _, _, bill = await billed(uow_factory, text)
    assert lines_of(bill) == [
        ("Subscription Fee, 1.00 USD less 0.10 USD", Decimal("0.90")),
        ("Energy Cost, 0.60 USD less 0.06 USD", Decimal("0.54")),
        ("Wheeling Charges", Decimal("2.50")),
    ]


async def test_a_fixed_price_is_billed_whole_with_charges_per_kwh_and_without_the_retailers(
    uow_factory: UnitOfWorkFactory,
) -> None:
    more = (
        "    wheeling:\n      - {utility: Valley Grid, per_kwh: 0.0125}\n"
        "      - {utility: Hill Grid, amount: 1, basis: FIXED_PER_CONTRACT}\n"
        "      - {utility: Retailer, amount: 9, collected_by: RETAILER}\n"
        "      - {utility: Feed-in, amount: 9, side: SELLER}\n"
    )
    head, _, tail = shop("    pricing_model: FIXED\n    fixed_price: 5\n", price="").partition(
        "    wheeling:\n"
    )
    text = f"{head}{more}    minimum_kwh{tail.partition('    minimum_kwh')[2]}"
    bought, _, bill = await billed(uow_factory, text)
    assert lines_of(bill) == [
        ("Energy Cost", Decimal("5.00")),
        ("Wheeling Charges (Valley Grid)", Decimal("0.13")),
        ("Wheeling Charges (Hill Grid)", Decimal("1.00")),
    ]
    assert bought["beckn:orderValue"]["value"] == bill["totalAmount"] == Decimal("6.13")


async def test_of_a_fixed_price_a_cancelled_contract_owes_the_part_that_was_delivered(
    uow_factory: UnitOfWorkFactory,
) -> None:
    text = shop("    pricing_model: FIXED\n    fixed_price: 5\n", price="")
    world = SellerWorld(uow_factory=uow_factory)
    world.bpp = replace(world.bpp, catalogue=read_catalogue(text, name="shop.yaml"))
    await world.open()
    bought = await world.buy(10)
    world.clock.set(WINDOW.start + timedelta(hours=4))
    await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, EXPORTED[:4]))
    await world.report(TARGET_METER, IMPORT, hours_of(WINDOW, IMPORTED[:4]))
    await world.refresh_all()
    told = await world.status(bought["beckn:id"])
    [bill] = told["beckn:orderAttributes"]["billingCycles"]
    assert lines_of(bill)[0] == ("Energy Cost", Decimal("2.00"))  # 4 of 10 kWh


@pytest.mark.parametrize("every", ["HOURLY", "REAL_TIME"])
async def test_short_cycles_come_to_the_same_as_one_long_one(
    uow_factory: UnitOfWorkFactory, every: str
) -> None:
    text = shop(f"    settlement_type: {every}\n").replace("amount: 2.50", "per_kwh: 0.003")
    _, told, bill = await billed(uow_factory, text)
    assert lines_of(bill) == [("Energy Cost", Decimal("1.50")), ("Wheeling Charges", Decimal("0.03"))]
    assert len(told["beckn:orderAttributes"]["settlementCycles"]) >= 8
