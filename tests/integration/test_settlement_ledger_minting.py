"""Energy on the ledger: minted up to the meter's mark, sold out of escrow, taken back by revisions."""

from __future__ import annotations

import asyncio

import pytest

from kernel.money import Money
from settlement.ledger.balances import InsufficientFunds
from settlement.ledger.journal import HoldResolved
from settlement.ledger.ledger import Ledger
from settlement.ledger.minting import energy_wallet_of, generation_of
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.households import BUYER, EARNED, INR, METER, PURSE, SELLER, Household, at, kwh
from tests.support.sealed_ledgers import audit


@pytest.fixture
async def household(uow_factory: UnitOfWorkFactory) -> Household:
    home = Household(uow_factory)
    await home.begin(purse="100")
    return home


async def test_submitting_everything_twice_changes_nothing(household: Household) -> None:
    for _ in range(2):
        assert await household.read(kwh("3"), "08:00") in ((3_000, 0, 0), (0, 0, 0))
    for _ in range(2):
        await household.read(kwh("11"), "10:00")
    held = await household.offer(kwh("8"))
    for _ in range(2):
        assert (await household.offer(kwh("8"))).id == held.id
        await household.match(held, kwh("8"), Money.of("24", INR))
    assert await household.has(energy_wallet_of(SELLER)) == 3_000
    assert await household.has(EARNED) == 2_400
    assert await household.has(energy_wallet_of(BUYER)) == 8_000


async def test_a_part_is_filled_and_the_rest_returns(household: Household) -> None:
    await household.read(kwh("11"), "10:00")
    held = await household.offer(kwh("8"))
    await household.match(held, kwh("5"), Money.of("15", INR))
    assert await household.has(energy_wallet_of(SELLER)) == 6_000
    assert await household.has(energy_wallet_of(BUYER)) == 5_000
    with pytest.raises(HoldResolved):
        await household.match(held, kwh("3"), Money.of("9", INR), trade="trade-2")
    assert await household.has(PURSE) == 8_500


async def test_a_match_that_the_buyer_cannot_pay_moves_no_energy(household: Household) -> None:
    await household.read(kwh("11"), "10:00")
    held = await household.offer(kwh("8"))
    with pytest.raises(InsufficientFunds):
        await household.match(held, kwh("8"), Money.of("100.01", INR))
    assert await household.in_escrow() == 8_000
    assert await household.has(energy_wallet_of(BUYER)) == 0


async def test_nobody_offers_more_than_there_is(household: Household) -> None:
    await household.read(kwh("11"), "10:00")
    await household.offer(kwh("8"))
    with pytest.raises(InsufficientFunds):
        await household.offer(kwh("3.001"), order="order-2")
    await household.offer(kwh("3"), order="order-2")


async def test_an_order_that_nobody_takes_returns(household: Household) -> None:
    await household.read(kwh("11"), "10:00")
    await household.offer(kwh("8"))
    async with household.uow_factory() as uow:
        assert len(await Ledger(uow).expire(now=at("23:00"))) == 1
    assert await household.has(energy_wallet_of(SELLER)) == 11_000
    with pytest.raises(HoldResolved):
        await household.match(await household.offer(kwh("8")), kwh("8"), Money.of("24", INR))


async def test_a_downward_revision_is_taken_back_and_what_is_spent_is_made_up(household: Household) -> None:
    assert await household.read(kwh("11"), "10:00") == (11_000, 0, 0)
    assert await household.read(kwh("9"), "11:00") == (0, 2_000, 0)
    assert await household.read(kwh("11"), "12:00") == (2_000, 0, 0)
    assert await household.read(kwh("9"), "12:30") == (0, 2_000, 0)
    held = await household.offer(kwh("8"))
    await household.match(held, kwh("8"), Money.of("24", INR))
    assert await household.read(kwh("5"), "14:00") == (0, 1_000, 3_000)
    assert await household.read(kwh("5"), "14:00") == (0, 0, 3_000)
    assert await household.read(kwh("7"), "15:00") == (0, 0, 1_000)
    assert await household.read(kwh("8"), "16:00") == (0, 0, 0)
    assert await household.read(kwh("8.5"), "17:00") == (500, 0, 0)
    async with household.uow_factory() as uow:
        assert (await Ledger(uow).balance(generation_of(METER))).posted == 8_500
    assert (await audit(household.uow_factory)).findings == ()


async def test_energy_in_escrow_is_not_taken_back(household: Household) -> None:
    await household.read(kwh("11"), "10:00")
    await household.offer(kwh("8"))
    assert await household.read(kwh("0"), "12:30") == (0, 3_000, 8_000)
    assert await household.in_escrow() == 8_000


async def test_many_who_read_the_same_stand_at_once_mint_once(household: Household) -> None:
    done = await asyncio.gather(*(household.read(kwh("3"), "08:00") for _ in range(6)))
    assert sorted(done) == [(0, 0, 0)] * 5 + [(3_000, 0, 0)]
