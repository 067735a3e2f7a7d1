"""Contracts with fixed shares of one meter: each has its own, whatever the others buy, take or leave."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from rich.console import Console
from sqlalchemy import text

from bpp.accounts.statements import make_statement
from bpp.deliveries.curtailment import curtail_contract
from degnode.bill_verifier.verify import verify_statement
from degnode.bill_views import print_statement
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.local_days import days_between
from node.audit import Actor
from protocol.actions import Action
from settlement.engines.faults import DataInvalid
from settlement.engines.service_data import write_contracts
from settlement.store import find_bills, find_cycles
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import (
    EXPORT,
    IMPORT,
    SOURCE_METER,
    TARGET_METER,
    WINDOW,
    SellerWorld,
    hours_of,
    order,
)
from trading.contracts import ContractStore
from trading.curtailment import Curtailment
from trading.delivery import CurtailmentReason, Cut
from trading.refusals import MeterSharedOtherwise, ShareUnavailable

Json = dict[str, Any]

HOUR = timedelta(hours=1)
FIRST, SECOND, THIRD = "11111111", "22222222", "33333333"
"""Meters of buyers."""
PLENTY = [5_000] * 8
ROOF = [1_000, 1_001, 7, 0, 3, 2_500, 999, 1]
"""Wh of each hour of the day, 5,511 in all."""


def hours(first: int, last: int) -> Interval:
    return Interval(WINDOW.start + first * HOUR, WINDOW.start + last * HOUR)


DAY = hours(0, 8)


def selling(world: SellerWorld, **parts: tuple[str | None, Interval]) -> SellerWorld:
    """Return a world that sells the one plant by parts, each by its name, with its share and its window."""
    catalogue = world.bpp.catalogue
    resource, offer = catalogue.resources[0], catalogue.offers[0]
    shares = {name: None if share is None else Decimal(share) for name, (share, _) in parts.items()}
    return world.selling(
        catalogue=replace(
            catalogue,
            resources=tuple(
                replace(resource, id=name, production=window) for name, (_, window) in parts.items()
            ),
            offers=tuple(
                replace(
                    offer,
                    id=f"{name}-offer",
                    resource_id=name,
                    terms=replace(offer.terms, share_percent=share),
                )
                for name, share in shares.items()
            ),
        )
    )


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    """Return a world that sells an eighth, a quarter and 60 % of one plant, and a tenth of its afternoon."""
    world = SellerWorld(uow_factory=uow_factory)
    return await selling(
        world, eighth=("12.5", DAY), quarter=("25", DAY), most=("60", DAY), noon=("10", hours(4, 8))
    ).open()


async def buy(world: SellerWorld, item: str, *, meter: str = TARGET_METER, kwh: int = 20) -> str:
    """Return the id of a contract that was confirmed a minute after the last."""
    world.clock.advance(timedelta(minutes=1))
    world.transaction_id = str(uuid4())
    bought: str = (await world.buy(kwh, target_meter=meter, item=item))["beckn:id"]
    return bought


async def report(world: SellerWorld, exported: list[int], *imported: str) -> int:
    """Have the plant export so much, buyers import plenty, hour by hour; return how many are looked at."""
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, exported))
    for meter in imported:
        await world.report(meter, IMPORT, hours_of(WINDOW, PLENTY[: len(exported)]))
    return await world.refresh_all()


async def delivered(world: SellerWorld, contract_id: str) -> int:
    told = (await world.status(contract_id))["beckn:fulfillment"]["beckn:deliveryAttributes"]
    return Energy.from_kwh(told["deliveredQuantity"]).watt_hours


async def statement_of(world: SellerWorld, contract_id: str) -> Json:
    """Return the statement of a contract's one bill."""
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(contract_id)
        [bill] = await find_bills(contract_id, uow=uow)
        return await make_statement(contract, bill.cycle_id, uow, now=world.clock.now())


async def test_each_contract_has_its_share_whoever_bought_first(world: SellerWorld) -> None:
    bought = [await buy(world, name, meter=FIRST) for name in ("quarter",)]
    bought += [await buy(world, "most", meter=SECOND), await buy(world, "noon", meter=THIRD)]
    world.clock.set(WINDOW.end)
    await report(world, ROOF, FIRST, SECOND, THIRD)
    assert [await delivered(world, each) for each in bought] == [
        5_511 * 25 // 100,
        5_511 * 60 // 100,
        sum(ROOF[4:]) * 10 // 100,
    ]


async def test_what_one_does_not_take_goes_to_nobody(world: SellerWorld) -> None:
    quarter, most = await buy(world, "quarter", meter=FIRST, kwh=1), await buy(world, "most", meter=SECOND)
    world.clock.set(WINDOW.end)
    await world.report(SECOND, IMPORT, hours_of(WINDOW, PLENTY))
    await report(world, [2_000] * 8, FIRST)
    assert [await delivered(world, each) for each in (quarter, most)] == [1_000, 9_600]


async def test_rule_version_and_share_are_kept_explained_told_and_verified(world: SellerWorld) -> None:
    await buy(world, "most", meter=FIRST)
    eighth = await buy(world, "eighth", meter=SECOND)
    world.clock.set(WINDOW.end)
    await report(world, ROOF, FIRST, SECOND)
    world.clock.advance(31 * 24 * HOUR)
    await world.refresh_all()
    async with world.uow_factory() as uow:
        [cycle] = await find_cycles(eighth, uow=uow)
    assert cycle.explanation is not None
    exported, imported = cycle.explanation["exported"], cycle.explanation["imported"]
    assert (exported["allocation"], imported["allocation"]) == ("STATIC_KEY/2", "FIFO/1")
    assert (exported["share_percent"], exported["wh"], imported["wh"]) == ("12.5", 688, 40_000)
    statement = await statement_of(world, eighth)
    assert statement["terms"]["share_percent"] == "12.5"
    assert statement["meters"]["exported"]["claims"] == []
    assert verify_statement(json.dumps(statement)) == []
    console = Console(width=200)
    with console.capture() as printed:
        print_statement(statement, console)
    assert "8 readings, shared out by STATIC_KEY/2: 12.5 % of it in each interval." in printed.get()


async def test_no_other_contracts_confirm_cut_or_cancellation_changes_a_share(world: SellerWorld) -> None:
    most = await buy(world, "most", meter=FIRST)
    eighth = await buy(world, "eighth", meter=SECOND)
    world.clock.set(WINDOW.start + 4 * HOUR)
    await report(world, ROOF[:4], FIRST, SECOND)
    before = await world.status(eighth)
    await buy(world, "quarter", meter=THIRD)
    await world.refresh_all()
    assert await world.status(eighth) == before
    async with world.uow_factory() as uow:
        cut = Cut(quantity=Energy(18_000), reason=CurtailmentReason.GRID_OUTAGE)
        wanted = Curtailment(cut=cut, since=WINDOW.start + HOUR)
        by = Actor(who="operator")
        await curtail_contract(world.bpp, most, wanted, uow, by=by, why="a storm", now=world.clock.now())
    assert await world.refresh_all() == 0
    assert await world.status(eighth) == before
    await world.send(Action.CANCEL, {"order": {"beckn:id": most}}, transaction_id=str(uuid4()))
    await world.refresh_all()
    assert await world.status(eighth) == before
    world.clock.set(WINDOW.end)
    await report(world, ROOF, FIRST, SECOND, THIRD)
    assert await delivered(world, eighth) == 5_511 // 8


async def test_a_revised_reading_changes_the_contracts_of_that_meter_and_no_others(
    world: SellerWorld,
) -> None:
    quarter, most = await buy(world, "quarter", meter=FIRST), await buy(world, "most", meter=SECOND)
    world.clock.set(WINDOW.end)
    await report(world, ROOF, FIRST, SECOND)
    world.clock.advance(HOUR)
    revised = [*ROOF[:7], 1_000]
    assert await report(world, revised) == 2
    assert [await delivered(world, each) for each in (quarter, most)] == [
        sum(revised) * 25 // 100,
        sum(revised) * 60 // 100,
    ]
    world.clock.advance(HOUR)
    await world.report(FIRST, IMPORT, hours_of(WINDOW, [100] * 8))
    assert await world.refresh_all() == 1
    assert [await delivered(world, each) for each in (quarter, most)] == [800, sum(revised) * 60 // 100]


async def test_the_buyers_meter_is_shared_out_first_in_first_out(world: SellerWorld) -> None:
    quarter, most = await buy(world, "quarter", kwh=2), await buy(world, "most")
    world.clock.set(WINDOW.end)
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, [2_000] * 8))
    await world.report(TARGET_METER, IMPORT, hours_of(WINDOW, [500] * 8))
    await world.refresh_all()
    assert [await delivered(world, each) for each in (quarter, most)] == [2_000, 2_000]


async def test_more_than_all_of_a_meter_is_refused_as_early_as_select(world: SellerWorld) -> None:
    await buy(world, "most", meter=FIRST)
    await buy(world, "quarter", meter=SECOND)
    await buy(world, "noon", meter=THIRD)  # 95 % from then on
    world.transaction_id = str(uuid4())
    for action in (Action.SELECT, Action.INIT):
        refused = await world.refusal(action, {"order": order(5, item="eighth")})
        assert isinstance(refused, ShareUnavailable)
        assert "12.5 % of the seller's meter were asked for, 5 % are left" in refused.message


async def test_a_share_is_held_from_init_until_it_lapses_or_is_cancelled(world: SellerWorld) -> None:
    await world.send(Action.INIT, {"order": order(5, item="most", target_meter=FIRST)})
    again = await world.send(Action.INIT, {"order": order(6, item="most", target_meter=FIRST)})
    assert again["order"]["beckn:id"]  # the second init of a conversation takes the place of the first
    world.transaction_id = str(uuid4())
    refused = await world.refusal(Action.INIT, {"order": order(5, item="most", target_meter=SECOND)})
    assert isinstance(refused, ShareUnavailable)
    world.clock.advance(world.bpp.hold_for)
    bought = await buy(world, "most", meter=SECOND)
    await world.send(Action.CANCEL, {"order": {"beckn:id": bought}})
    assert await buy(world, "most", meter=THIRD)


async def test_a_cancelled_contract_leaves_its_share_to_who_buys_from_then_on(world: SellerWorld) -> None:
    world = await selling(world, most=("60", DAY), evening=("60", hours(4, 8))).open()
    most = await buy(world, "most", meter=FIRST)
    world.clock.set(WINDOW.start + 3 * HOUR)
    await world.send(Action.CANCEL, {"order": {"beckn:id": most}})
    evening = await buy(world, "evening", meter=SECOND)
    world.clock.set(WINDOW.end)
    await report(world, [1_000] * 8, FIRST, SECOND)
    assert [await delivered(world, each) for each in (most, evening)] == [1_800, 2_400]


async def test_of_two_that_ask_at_one_time_for_more_than_all_of_a_meter_one_is_refused(
    world: SellerWorld,
) -> None:
    async def ask(meter: str) -> bool:
        message = {"order": order(5, item="most", target_meter=meter)}
        try:
            await world.send(Action.INIT, message, transaction_id=str(uuid4()))
        except ShareUnavailable:
            return False
        return True

    assert sorted(await asyncio.gather(*(ask(meter) for meter in (FIRST, SECOND, THIRD)))) == [
        False,
        False,
        True,
    ]


async def test_what_was_held_is_looked_at_once_more_at_confirm(world: SellerWorld) -> None:
    await buy(world, "most", meter=FIRST)
    world.transaction_id = str(uuid4())
    held = (await world.send(Action.INIT, {"order": order(5, item="quarter", target_meter=SECOND)}))["order"]
    async with world.uow_factory() as uow:
        wider = text('UPDATE contracts SET terms = terms || \'{"share_percent": "80"}\' WHERE id <> :held')
        await uow.connection.execute(wider, {"held": held["beckn:id"]})
    confirm = order(5, item="quarter", target_meter=SECOND, order_id=held["beckn:id"])
    assert isinstance(await world.refusal(Action.CONFIRM, {"order": confirm}), ShareUnavailable)


@pytest.mark.parametrize(("first", "second"), [(None, "10"), ("10", None)])
async def test_one_meter_serves_by_one_rule_at_a_time(
    world: SellerWorld, first: str | None, second: str | None
) -> None:
    morning, evening = hours(0, 5), hours(4, 8)
    await buy(await selling(world, part=(first, morning)).open(), "part", meter=FIRST)
    later = await selling(world, part=(second, evening), after=(second, hours(5, 8))).open()
    later.transaction_id = str(uuid4())
    for action in (Action.SELECT, Action.INIT):
        refused = await later.refusal(action, {"order": order(5, item="part", target_meter=SECOND)})
        assert isinstance(refused, MeterSharedOtherwise)
        assert refused.code == "BIZ_FULFILLMENT_UNAVAILABLE"
    assert await buy(later, "after", meter=SECOND, kwh=5)


async def test_engines_that_serve_in_order_refuse_a_contract_with_a_share(
    world: SellerWorld, tmp_path: Path
) -> None:
    [day] = days_between(WINDOW.start.date(), WINDOW.start.date(), zone="UTC")
    await buy(world, "eighth", meter=FIRST)
    with pytest.raises(DataInvalid, match="has a fixed share of its meter"):
        await write_contracts(world.uow_factory, day, tmp_path / "contracts.jsonl")
