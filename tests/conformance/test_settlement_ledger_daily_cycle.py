"""The published day of a household: surplus comes onto the ledger, is sold out of escrow, and adds up.

The figures' credits have a currency of their own, which ISO 4217 does not know; rupees stand in for it.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kernel.energy import Energy
from kernel.money import Money
from settlement.ledger.minting import energy_wallet_of
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.households import BUYER, EARNED, INR, PURSE, SELLER, SOLD, Household, kwh
from tests.support.sealed_ledgers import audit


@pytest.fixture(scope="module")
def day(shared: Path) -> dict[str, Any]:
    """The published figures."""
    found: dict[str, Any] = json.loads((shared / "golden/daily_cycle.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
async def household(uow_factory: UnitOfWorkFactory) -> Household:
    home = Household(uow_factory)
    await home.begin(purse="100")
    return home


async def test_the_day_comes_out_as_published(day: dict[str, Any], household: Household) -> None:
    register, minted = Energy(0), 0
    for reading in day["readings"]:
        register += kwh(reading["surplus"])
        came, _, _ = await household.read(register, reading["at"])
        assert came == kwh(reading["surplus"]).watt_hours
        minted += came
    end = day["end_of_day"]
    assert minted == kwh(day["credits_issued"]).watt_hours == kwh(end["issued"]).watt_hours
    assert register == kwh(end["surplus"])

    order = day["sell_order"]
    held = await household.offer(kwh(order["quantity"]))
    assert await household.in_escrow() == kwh(order["escrowed"]).watt_hours
    assert await household.has(energy_wallet_of(SELLER)) == kwh(end["remaining"]).watt_hours

    price = Decimal(order["quantity"]) * Decimal(order["price"])
    await household.match(held, kwh(order["quantity"]), Money.of(price, INR))
    assert Money(await household.has(EARNED), INR) == Money.of(day["match"]["seller_gets"], INR)
    assert await household.has(energy_wallet_of(BUYER)) == kwh(day["match"]["buyer_gets_kwh"]).watt_hours
    assert await household.in_escrow() == await household.has(SOLD) == 0

    assert await household.has(energy_wallet_of(SELLER)) == kwh(end["remaining"]).watt_hours
    assert Money(await household.has(EARNED), INR) == Money.of(end["earned"], INR)
    assert Money(10_000 - await household.has(PURSE), INR) == Money.of(end["buyer_spent"], INR)
    assert await household.has(energy_wallet_of(BUYER)) == kwh(end["buyer_purchased"]).watt_hours
    assert kwh(end["produced"]) - kwh(end["consumed"]) == kwh(end["surplus"])
    assert kwh(end["issued"]) - kwh(end["sold"]) == kwh(end["remaining"])
    assert (await audit(household.uow_factory)).findings == ()


async def test_the_published_production_is_not_that_of_its_readings(day: dict[str, Any]) -> None:
    produced = sum((kwh(reading["produced"]) for reading in day["readings"]), Energy(0))
    assert produced == kwh("15")
    assert produced != kwh(day["end_of_day"]["produced"]), "the surplus is what the day is counted by"
