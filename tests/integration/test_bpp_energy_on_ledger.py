"""What settled cycles deliver is on the ledger in watt-hours: from meter to meter, run by run, once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, text

from bpp.accounts.account import route_of
from kernel.energy import Energy
from kernel.mrid import canonical_mrid
from settlement.ledger.accounts import WATT_HOURS
from settlement.ledger.beancount_export import beancount_balances, beancount_entry
from settlement.ledger.ledger import Ledger
from settlement.ledger.minting import MeterIsSettled, Minting, mint
from settlement.ledger.reading import JournalLine, list_balances, read_journal
from settlement.ledger.tables import ledger_accounts, ledger_balances, ledger_transfers
from settlement.moved_energy import GRID, energy_groups
from settlement.store import find_cycles
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.monthly_sale import audit
from tests.support.seller_world import EXPORT, IMPORT, SOURCE_METER, WINDOW, SellerWorld, hours_of
from trading.contracts import ContractStore
from trading.matching import Billed, Losses, Matching
from trading.terms import SettlementType

FIRST, SECOND = "11111111", "22222222"
UTILITY = "Valley Grid"
Standing = dict[tuple[str, str], int]
HALF = [500] * 8
PLENTY = [5_000] * 8


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


def on(world: SellerWorld, **terms: Any) -> SellerWorld:
    """Return a world whose offers have these terms, too."""
    catalogue = world.bpp.catalogue
    offers = tuple(replace(each, terms=replace(each.terms, **terms)) for each in catalogue.offers)
    return world.selling(catalogue=replace(catalogue, offers=offers))


async def buy(world: SellerWorld, kilowatt_hours: int, meter: str = FIRST) -> str:
    """Return the id of a contract that is confirmed a second after the last."""
    world.clock.advance(timedelta(seconds=1))
    world.transaction_id = str(uuid4())
    bought: str = (await world.buy(kilowatt_hours, target_meter=meter))["beckn:id"]
    return bought


async def report(world: SellerWorld, exported: list[int], **imported: list[int]) -> None:
    """Have the meters tell of the window's hours after it, later each time, and look at no contract."""
    world.clock.set(max(world.clock.now(), WINDOW.end) + timedelta(minutes=1))
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, exported))
    for meter, watt_hours in imported.items():
        await world.report(meter.removeprefix("m"), IMPORT, hours_of(WINDOW, watt_hours))


async def stands(world: SellerWorld) -> Standing:
    """Return what stands on each account of energy, in Wh, by kind and owner; the journal holds."""
    async with world.uow_factory() as uow:
        found = await list_balances(uow=uow, unit=WATT_HOURS)
    assert (await audit(world.uow_factory)).findings == ()
    return {(each.account.kind.value, each.account.owner): each.posted for each in found}


async def moves(world: SellerWorld) -> list[JournalLine]:
    async with world.uow_factory() as uow:
        return [line for line in await read_journal(uow=uow) if line.entry.unit == WATT_HOURS]


async def delivered(world: SellerWorld, contract: str) -> int:
    async with world.uow_factory() as uow:
        return sum(cycle.delivered.watt_hours for cycle in await find_cycles(contract, uow=uow))


def of(kind: str, meter: str) -> tuple[str, str]:
    return kind, canonical_mrid(meter, lenient=True)


async def minted(world: SellerWorld, register: int) -> Minting:
    async with world.uow_factory() as uow:
        return await mint(
            Ledger(uow),
            meter=canonical_mrid(SOURCE_METER, lenient=True),
            owner="valley-solar",
            surplus_register=Energy(register),
            event_at=WINDOW.end,
            now=world.clock.now(),
        )


async def test_what_was_delivered_moves_from_meter_to_meter_with_its_bill_and_once(
    world: SellerWorld,
) -> None:
    contract = await buy(world, 10)
    await report(world, [1_000] * 8, m11111111=HALF)
    await world.refresh_all()
    standing = await stands(world)
    assert standing[of("GENERATION", SOURCE_METER)] == standing[of("DELIVERED", FIRST)] == 4_000
    [line] = await moves(world)
    assert (line.entry.code, line.entry.run, line.entry.event_at) == ("ENERGY", 1, WINDOW.end)
    assert line.entry.ref == f"{contract} settle-2026-01-09-001"
    assert line.entry.linked is not None
    await report(world, [1_000] * 8, m11111111=HALF)
    await world.refresh_all()
    assert len(await moves(world)) == 1


async def test_a_cycle_of_nothing_moves_nothing(world: SellerWorld) -> None:
    await buy(world, 10)
    await report(world, [0] * 8, m11111111=HALF)
    await world.refresh_all()
    assert (await moves(world), sum((await stands(world)).values())) == ([], 0)


async def test_the_next_run_moves_what_differs_up_and_down_and_to_nothing(world: SellerWorld) -> None:
    contract = await buy(world, 10)
    seen = []
    for exported in ([500] * 8, [600] * 8, [100] * 8, [0] * 8, [501] * 8):
        await report(world, exported, m11111111=PLENTY)
        await world.refresh_all()
        standing = await stands(world)
        assert standing[of("DELIVERED", FIRST)] == await delivered(world, contract) == sum(exported)
        assert standing[of("GENERATION", SOURCE_METER)] == sum(exported)
        seen = [(line.entry.code, line.entry.run, line.entry.amount) for line in await moves(world)]
    assert seen == [
        ("ENERGY", 1, 4_000),
        ("ENERGY", 2, 800),
        ("RETURN_ENERGY", 3, 4_000),
        ("RETURN_ENERGY", 4, 800),
        ("ENERGY", 5, 4_008),
    ]


async def test_recording_a_run_again_moves_nothing(world: SellerWorld) -> None:
    contract_id = await buy(world, 10)
    for exported in ([500] * 8, [400] * 8):
        await report(world, exported, m11111111=PLENTY)
        await world.refresh_all()
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(contract_id)
        runs = await find_cycles(contract_id, uow=uow)
        groups = await energy_groups(runs, lost={}, route=route_of(contract), uow=uow)
        again = [transfer for group in groups for transfer in group]
        ids = [[transfer.id for transfer in group] for group in groups]
        assert [transfer.code for transfer in again] == ["RETURN_ENERGY"]
        await Ledger(uow).record(again, now=world.clock.now(), groups=ids)
    assert len(await moves(world)) == 2
    assert (await stands(world))[of("DELIVERED", FIRST)] == 3_200


@pytest.mark.parametrize(
    ("billed", "arrived", "sent"), [(Billed.ARRIVED, 3_000, 3_750), (Billed.SENT, 2_400, 3_000)]
)
async def test_what_is_lost_is_a_leg_of_its_own(
    world: SellerWorld, billed: Billed, arrived: int, sent: int
) -> None:
    world = on(world, losses=Losses(Decimal("0.2"), billed))
    contract = await buy(world, 3)
    await report(world, [1_000] * 8, m11111111=PLENTY)
    await world.refresh_all()
    grid = (await route_of_contract(world, contract)).utility
    assert await stands(world) == {
        of("GENERATION", SOURCE_METER): sent,
        of("DELIVERED", FIRST): arrived,
        ("LOSSES", grid): sent - arrived,
    }
    [energy, losses] = await moves(world)
    assert energy.entry.linked == losses.entry.linked is not None
    assert grid != GRID
    await report(world, [1] * 8, m11111111=PLENTY)
    await world.refresh_all()
    standing = await stands(world)
    assert standing[of("DELIVERED", FIRST)] == 6
    assert standing["LOSSES", grid] == standing[of("GENERATION", SOURCE_METER)] - 6


async def route_of_contract(world: SellerWorld, contract: str) -> Any:
    async with world.uow_factory() as uow:
        return route_of(await ContractStore(uow.connection).get(contract))


async def test_losses_are_the_grids_where_no_utility_is_named(world: SellerWorld) -> None:
    world = on(world, losses=Losses(Decimal("0.5")), wheeling=None)
    await buy(world, 3)
    await report(world, [1_000] * 8, m11111111=PLENTY)
    await world.refresh_all()
    assert (await stands(world))["LOSSES", GRID] == 3_000


async def test_interval_by_interval_no_meter_gives_or_takes_more_than_it_counted(world: SellerWorld) -> None:
    """At 30 % one watt-hour arrives of two: what is lost is rounded in each hour, not in the sum."""
    world = on(world, matching=Matching.INTERVAL, losses=Losses(Decimal("0.3"), Billed.SENT))
    contract = await buy(world, 3)
    await report(world, [2] * 8, m11111111=[1] * 8)
    await world.refresh_all()
    assert await delivered(world, contract) == 16
    standing = await stands(world)
    assert (standing[of("GENERATION", SOURCE_METER)], standing[of("DELIVERED", FIRST)]) == (16, 8)


async def test_a_cycle_that_was_settled_before_is_recorded_whole_with_its_next_run(
    world: SellerWorld,
) -> None:
    settled, revised = await buy(world, 1, SECOND), await buy(world, 10)
    await report(world, [1_000] * 8, m11111111=HALF, m22222222=HALF)
    await world.refresh_all()
    async with world.uow_factory() as uow:  # as if both had been settled before energy was on the ledger
        await uow.connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table in (ledger_transfers, ledger_balances, ledger_accounts):
            await uow.connection.execute(delete(table))
    await world.refresh_all()
    assert await moves(world) == []
    for exported, imported in ((1_000, 400), (1_000, 450), (1_000, 0)):
        await report(world, [exported] * 8, m11111111=[imported] * 8)
        await world.refresh_all()
        standing = await stands(world)
        assert standing[of("DELIVERED", FIRST)] == await delivered(world, revised) == 8 * imported
        assert standing[of("GENERATION", SOURCE_METER)] == 8 * imported
    assert await delivered(world, settled) == 1_000


async def test_a_meter_of_settled_contracts_is_not_minted_and_a_minted_one_moves_nothing(
    world: SellerWorld,
) -> None:
    await buy(world, 10)
    await report(world, HALF, m11111111=PLENTY)
    await world.refresh_all()
    with pytest.raises(MeterIsSettled):
        await minted(world, 9_000)
    assert (await stands(world))[of("GENERATION", SOURCE_METER)] == 4_000


async def test_contracts_of_a_minted_meter_are_billed_and_move_no_energy(world: SellerWorld) -> None:
    contract = await buy(world, 10)
    await minted(world, 8_000)
    await report(world, HALF, m11111111=PLENTY)
    await world.refresh_all()
    assert await delivered(world, contract) == 4_000
    assert await stands(world) == {
        of("GENERATION", SOURCE_METER): 8_000,
        ("WALLET", "valley-solar"): 8_000,
    }
    await minted(world, 9_000)
    assert (await stands(world))["WALLET", "valley-solar"] == 9_000


async def test_of_minting_and_settling_at_once_one_is_first(world: SellerWorld) -> None:
    await buy(world, 10)
    await report(world, HALF, m11111111=PLENTY)

    async def try_to_mint() -> bool:
        try:
            await minted(world, 7_000)
        except MeterIsSettled:
            return False
        return True

    is_minted, _ = await asyncio.gather(try_to_mint(), world.desk.step())
    await world.refresh_all()
    generated = (await stands(world))[of("GENERATION", SOURCE_METER)]
    assert generated == (7_000 if is_minted else 4_000)


async def test_contracts_of_a_shared_meter_are_settled_at_once_without_waiting_for_ever(
    world: SellerWorld,
) -> None:
    meters = [f"{number}" * 8 for number in range(1, 9)]
    bought = [await buy(world, 1, meter) for meter in meters for _ in range(2)]
    for watt_hours in ([1_500] * 8, [1_000] * 8, [2_500] * 8):
        await report(world, watt_hours, **{f"m{meter}": PLENTY for meter in meters})
        desks = [asyncio.create_task(world.refresh_all()) for _ in range(6)]
        assert sum(await asyncio.wait_for(asyncio.gather(*desks), timeout=120)) >= len(bought)
        sums = [await delivered(world, contract) for contract in bought]
        standing = await stands(world)
        assert standing[of("GENERATION", SOURCE_METER)] == sum(sums)
        for at, meter in enumerate(meters):
            assert standing.get(of("DELIVERED", meter), 0) == sum(sums[2 * at : 2 * at + 2])
    async with world.uow_factory() as uow:
        deadlocks = await uow.connection.scalar(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        )
    assert deadlocks == 0


async def test_all_cycles_of_a_look_and_its_bill_are_one_act(world: SellerWorld) -> None:
    """As many round trips as for one cycle, however many there are."""
    world = on(world, settlement_type=SettlementType.HOURLY)
    contract = await buy(world, 10)
    await report(world, [1_000] * 8, m11111111=HALF)
    acts: list[int] = []
    record = Ledger.record

    async def counted(self: Ledger, entries: Any, **rest: Any) -> Any:
        acts.append(len(entries))
        return await record(self, entries, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "record", counted)
        await world.refresh_all()
    assert acts == [9]  # eight cycles and the bill
    lines = await moves(world)
    assert len({line.entry.linked for line in lines}) == 8
    assert (await stands(world))[of("DELIVERED", FIRST)] == await delivered(world, contract) == 4_000


async def test_energy_stands_next_to_money_in_a_beancount_file(world: SellerWorld) -> None:
    await buy(world, 10)
    await report(world, HALF, m11111111=PLENTY)
    await world.refresh_all()
    async with world.uow_factory() as uow:
        lines = [text for line in await read_journal(uow=uow) for text in beancount_entry(line)]
        found = await list_balances(uow=uow)
    name = canonical_mrid(FIRST, lenient=True)
    assert f"  Liabilities:Delivered:Of-{name}:WH  -4000 WH" in lines
    assert any(line.endswith(" USD") and "Assets:Receivable" in line for line in lines)
    asserted = list(beancount_balances(found, after=WINDOW.end.date()))
    assert f"2026-01-10 balance Liabilities:Delivered:Of-{name}:WH  -4000 ~ 0 WH" in asserted
