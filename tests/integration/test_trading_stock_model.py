"""Random holds, sales, releases, forecasts and lapses over intervals, beside a simple model: never oversold.

All of it runs in one transaction, which is rolled back: what others may do meanwhile is tested by the rush.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.energy import Energy
from kernel.interval import Interval
from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import ITEM, NOW, SellerWorld, order
from tests.support.windows import HOUR, hourly, offering, span
from trading.availability.buckets import Bucket
from trading.availability.store import AvailabilityStore
from trading.contract import Contract
from trading.contracts import ContractStore
from trading.refusals import QuantityUnavailable
from trading.stock import Stock

STEPS = 60
SEEDS = range(12)
_HOURS = 4


@dataclass
class Model:
    """What each contract holds of each hour, until when, and how much each hour offers."""

    offered: list[int]
    held: dict[str, list[int]] = field(default_factory=dict)
    until: dict[str, int | None] = field(default_factory=dict)

    def lapse(self, now: int) -> None:
        for name, end in list(self.until.items()):
            if end is not None and end <= now:
                del self.held[name], self.until[name]

    def left(self, *but: str) -> list[int]:
        taken = [
            sum(parts[hour] for name, parts in self.held.items() if name not in but) for hour in range(_HOURS)
        ]
        return [max(0, offer - gone) for offer, gone in zip(self.offered, taken, strict=True)]


@dataclass
class Trial:
    """The stock of one transaction, and the model beside it."""

    connection: AsyncConnection
    contracts: list[Contract]
    model: Model
    dice: random.Random
    minutes: int = 0

    @property
    def now(self) -> datetime:
        return NOW + timedelta(minutes=self.minutes)

    async def step(self) -> None:
        act = self.dice.choice(
            [self.hold, self.hold, self.hold_together, self.sell, self.release, self.reoffer, self.wait]
        )
        await act()
        await self.compare()

    async def hold(self) -> None:
        first = self.dice.randrange(_HOURS)
        last = self.dice.randrange(first, _HOURS)
        amount = self.dice.randint(1, 4_000)
        contract = self.dice.choice(self.contracts)
        wanted = replace(
            contract,
            quantity=Energy(amount),
            window=span(10 + first, 11 + last),
            hold_until=self.now + timedelta(minutes=15),
            confirmed_at=None,
        )
        self.model.lapse(self.minutes)
        own = self.model.held.get(contract.id, [0] * _HOURS)
        rooms = [
            max(left, mine) if first <= hour <= last else 0
            for hour, (left, mine) in enumerate(zip(self.model.left(contract.id), own, strict=True))
        ]
        before = self.model.left(contract.id)
        try:
            async with self.connection.begin_nested():
                await Stock(self.connection).hold_for(wanted, now=self.now)
        except QuantityUnavailable:
            assert amount > sum(rooms)
            return
        assert amount <= sum(rooms)
        parts = await self.parts(contract.id)
        assert sum(parts) == amount
        assert all(part <= room for part, room in zip(parts, rooms, strict=True))
        assert all(part <= max(left, mine) for part, left, mine in zip(parts, before, own, strict=True))
        self.model.held[contract.id] = parts
        self.model.until[contract.id] = self.minutes + 15

    async def hold_together(self) -> None:
        """Hold several contracts anew, of an hour or two each: they have what they give back, and no more."""
        self.model.lapse(self.minutes)
        wanted, hours = [], {}
        for contract in self.dice.sample(self.contracts, self.dice.randint(2, len(self.contracts))):
            first = self.dice.randrange(_HOURS)
            hours[contract.id] = (first, min(first + self.dice.choice([0, 0, 1]), _HOURS - 1))
            wanted.append(
                replace(
                    contract,
                    quantity=Energy(self.dice.randint(1, 3_000)),
                    window=span(10 + first, 11 + hours[contract.id][1]),
                    hold_until=self.now + timedelta(minutes=15),
                    confirmed_at=None,
                )
            )
        left = self.model.left(*hours)
        own = [sum(self.model.held.get(each, [0] * _HOURS)[hour] for each in hours) for hour in range(_HOURS)]
        asked = [
            sum(each.quantity.watt_hours for each in wanted if hours[each.id] == (hour, hour))
            for hour in range(_HOURS)
        ]
        try:
            async with self.connection.begin_nested():
                await Stock(self.connection).hold_all(wanted, now=self.now)
        except QuantityUnavailable:
            is_of_one_hour = all(first == last for first, last in hours.values())
            assert not is_of_one_hour or any(map(int.__gt__, asked, left))
            return
        parts = {each.id: await self.parts(each.id) for each in wanted}
        for each in wanted:
            first, last = hours[each.id]
            assert sum(parts[each.id][first : last + 1]) == sum(parts[each.id]) == each.quantity.watt_hours
        for hour in range(_HOURS):
            assert sum(each[hour] for each in parts.values()) <= max(left[hour], own[hour])
        self.model.held |= parts
        self.model.until |= dict.fromkeys(parts, self.minutes + 15)

    async def sell(self) -> None:
        contract = self.dice.choice(self.contracts)
        if contract.id in self.model.held:  # what has lapsed is not confirmed
            assert await Stock(self.connection).sell(contract.id)
            self.model.until[contract.id] = None

    async def release(self) -> None:
        contract = self.dice.choice(self.contracts)
        await Stock(self.connection).release(contract.id, resource_id=ITEM)
        self.model.held.pop(contract.id, None)
        self.model.until.pop(contract.id, None)

    async def reoffer(self) -> None:
        self.model.offered = [self.dice.randint(0, 6_000) for _ in range(_HOURS)]
        await AvailabilityStore(self.connection).put(offering(hourly(*self.model.offered)).resources)

    async def wait(self) -> None:
        self.minutes += self.dice.randint(1, 12)
        self.model.lapse(self.minutes)

    async def compare(self) -> None:
        now, stock = self.now, Stock(self.connection)
        left = [
            (await stock.left(ITEM, now=now, window=span(10 + hour, 11 + hour))).watt_hours
            for hour in range(_HOURS)
        ]
        assert left == self.model.left()
        assert await stock.left_of_wanted(now=now) == {ITEM: Energy(sum(left))}
        oversold = await AvailabilityStore(self.connection).oversold(now=now)
        taken = [sum(parts[hour] for parts in self.model.held.values()) for hour in range(_HOURS)]
        assert [each.interval for each in oversold] == [
            span(10 + hour, 11 + hour) for hour in range(_HOURS) if taken[hour] > self.model.offered[hour]
        ]

    async def parts(self, contract_id: str) -> list[int]:
        rows = await self.connection.execute(
            text(
                "SELECT b.starts, p.watt_hours FROM hold_parts AS p "
                "JOIN stock_buckets AS b ON b.id = p.bucket_id WHERE p.contract_id = :contract_id"
            ),
            {"contract_id": contract_id},
        )
        found = {(row.starts - span(10, 11).start) // HOUR: row.watt_hours for row in rows}
        return [found.get(hour, 0) for hour in range(_HOURS)]


@pytest.fixture
async def contracts(uow_factory: UnitOfWorkFactory) -> list[Contract]:
    """Three contracts that hold nothing."""
    world = await SellerWorld(uow_factory=uow_factory).open()
    held = (await world.send(Action.INIT, {"order": order(1)}))["order"]["beckn:id"]
    async with uow_factory() as uow:
        store = ContractStore(uow.connection)
        pending = await store.get(held)
        await Stock(uow.connection).release(held, resource_id=ITEM)
        others = [replace(pending, id=f"other-{number}", transaction_id=f"t-{number}") for number in range(2)]
        for other in others:
            await store.save(other)
    return [pending, *others]


async def test_what_is_left_is_always_what_a_simple_model_says(
    uow_factory: UnitOfWorkFactory, contracts: list[Contract]
) -> None:
    async with uow_factory() as uow:
        for seed in SEEDS:
            async with uow.connection.begin_nested() as attempt:
                dice = random.Random(seed)  # noqa: S311  it decides on nothing but the steps of a test
                trial = Trial(uow.connection, contracts, Model([0] * _HOURS), dice)
                await trial.reoffer()
                for _ in range(STEPS):
                    await trial.step()
                await attempt.rollback()


async def test_other_intervals_never_lose_or_make_what_is_held(
    uow_factory: UnitOfWorkFactory, contracts: list[Contract]
) -> None:
    dice = random.Random(7)  # noqa: S311
    async with uow_factory() as uow:
        store = AvailabilityStore(uow.connection)
        await store.put(offering(hourly(9_000, 9_000)).resources)
        for contract, amount in zip(contracts, (1_001, 2_003, 3_007), strict=True):
            wanted = replace(contract, quantity=Energy(amount), window=span(10, 12))
            await ContractStore(uow.connection).save(wanted)
            await Stock(uow.connection).hold_for(wanted, now=NOW)
        for _ in range(25):
            await store.put(offering(_random_profile(dice)).resources)
            sums = await uow.connection.execute(
                text(
                    "SELECT (SELECT sum(watt_hours) FROM hold_parts) AS parts, "
                    "(SELECT sum(watt_hours) FROM holds) AS holds, "
                    "(SELECT sum(reserved_wh) FROM stock_buckets) AS reserved"
                )
            )
            assert tuple(sums.one()) == (6_011, 6_011, 6_011)


def _random_profile(dice: random.Random) -> list[Bucket]:
    """Return none, or some intervals of the day that share no time."""
    if dice.random() < 0.2:
        return []
    cuts = sorted(dice.sample(range(40), dice.randint(2, 6)))
    start = span(10, 11).start
    return [
        Bucket(
            interval=Interval(start + before * HOUR / 5, start + end * HOUR / 5),
            available=Energy(dice.randint(0, 5_000)),
        )
        for before, end in pairwise(cuts)
        if dice.random() < 0.8 or end == cuts[-1]
    ]
