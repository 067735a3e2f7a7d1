"""A month of many households that share plants, with days revised before and after they were billed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Final

import pytest

from degnode.bill_verifier.verify import verify_statement
from kernel.clock import parse_instant
from kernel.energy import Energy
from kernel.interval import Interval
from settlement.agreement import Agreement
from settlement.recording import record_outcome
from settlement.settle import settle_contract
from settlement.side import MeteredInterval
from settlement.statements.evidence import EarlierClaim, Evidence, MeterEvidence, track_readings
from settlement.statements.kept import find_kept
from settlement.statements.statement import write_statement
from settlement.store import find_bills
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.agreements import agree
from tests.support.bill_statements import FIFO, left_to
from trading.charges import LineKind, Tax
from trading.terms import Discount, SettlementType

TO_A_PLANT: Final = 4
REVISED_DAYS: Final = 20
DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
WINDOW: Final = Interval(parse_instant("2026-01-01T00:00:00Z"), parse_instant("2026-02-03T00:00:00Z"))
LOOKS: Final = (3, 11, 24, 31, 32, 33)
"""After which days a contract is looked at; the readings of some days are revised in between."""
TAX: Final = Tax(title="GST", percent=Decimal(18), jurisdiction="KA", applies_to=frozenset({LineKind.ENERGY}))


@dataclass(kw_only=True)
class Meter:
    """What a meter counts, two-hourly; what is revised replaces what was counted."""

    random: Random
    most: int
    counted: dict[Interval, Energy] = field(default_factory=dict)

    def count(self, day: int) -> None:
        start = WINDOW.start + day * DAY
        for at in range(0, 24, 2):
            interval = Interval(start + at * HOUR, start + (at + 2) * HOUR)
            self.counted[interval] = Energy(self.random.randint(0, self.most))

    @property
    def readings(self) -> list[MeteredInterval]:
        return sorted(self.counted.items())


@dataclass(kw_only=True)
class Household:
    """A contract, its own meter, and what was seen of both meters whenever it was looked at."""

    agreement: Agreement
    plant: Meter
    home: Meter
    earlier: list[EarlierClaim]
    exported: list[tuple[datetime, list[MeteredInterval]]] = field(default_factory=list)
    imported: list[tuple[datetime, list[MeteredInterval]]] = field(default_factory=list)

    async def settle(self, uow_factory: UnitOfWorkFactory, now: datetime) -> None:
        self.exported.append((now, self.plant.readings))
        self.imported.append((now, self.home.readings))
        outcome = settle_contract(
            self.agreement,
            exported=left_to(self.plant.readings, self.earlier),
            imported=self.home.readings,
            now=now,
        )
        async with uow_factory() as uow:
            await record_outcome(outcome, uow=uow, now=now)

    @property
    def evidence(self) -> Evidence:
        return Evidence(
            agreement=self.agreement,
            confirmed_at=WINDOW.start - HOUR,
            exported=MeterEvidence(
                meter="PLANT",
                allocation=FIFO,
                readings=track_readings(self.exported),
                claims=tuple(self.earlier),
            ),
            imported=MeterEvidence(meter="HOME", allocation=FIFO, readings=track_readings(self.imported)),
        )


def settle_in(random: Random, number: int) -> Agreement:
    """Return one of the agreements that a household may have."""
    agreement = agree(
        window=WINDOW,
        kwh=str(random.randint(100, 900)),
        price=f"{random.randint(1, 999)}.{random.randint(0, 999999):06d}",
        discount=random.choice([None, "7.5"]),
        currency=random.choice(["INR", "JPY", "KWD"]),
        wheeling=random.choice([None, "12"]),
        zone="UTC",
        settles=random.choice([SettlementType.DAILY, SettlementType.WEEKLY]),
    )
    terms = replace(agreement.terms, taxes=(TAX,)) if number % 3 else agreement.terms
    return replace(
        agreement,
        contract_id=f"contract-{number:03d}",
        terms=replace(terms, promotions=(Discount(title="New", percent=Decimal("2.25")),)),
        source_allocation=FIFO,
        target_allocation=FIFO,
    )


def village(random: Random, households: int) -> list[Household]:
    """Return the households, some of them to a plant, each after those before it."""
    homes: list[Household] = []
    for number in range(households):
        earlier: list[EarlierClaim] = []
        plant = Meter(random=random, most=5_000)
        if number % TO_A_PLANT:
            before = homes[-1]
            plant = before.plant
            claim = EarlierClaim(
                confirmed_at=WINDOW.start - HOUR, window=WINDOW, contracted=before.agreement.contracted
            )
            earlier = [*before.earlier, claim]
        home = Meter(random=random, most=2_000)
        agreement = settle_in(random, number)
        homes.append(Household(agreement=agreement, plant=plant, home=home, earlier=earlier))
    return homes


@pytest.mark.parametrize(
    "households",
    [
        3 * TO_A_PLANT,
        pytest.param(200, marks=[pytest.mark.slow, pytest.mark.uncounted, pytest.mark.timeout(1_200)]),
    ],
)
async def test_the_verifier_agrees_on_every_bill_of_a_month_with_20_revised_days(
    uow_factory: UnitOfWorkFactory, households: int
) -> None:
    random = Random(6)  # noqa: S311  a seed that repeats the month
    homes = village(random, households)
    meters = list({id(each): each for home in homes for each in (home.plant, home.home)}.values())
    revised = set(random.sample(range(31), REVISED_DAYS))
    counted = 0
    for look in LOOKS:
        for day in range(counted, look):
            for meter in meters:
                meter.count(day)
        for day in sorted(revised & set(range(counted)))[: 2 * REVISED_DAYS // len(LOOKS)]:
            revised.remove(day)
            for meter in random.sample(meters, len(meters) // 3):
                meter.count(day)
        counted = look
        for home in homes:
            await home.settle(uow_factory, WINDOW.start + look * DAY + HOUR)
    assert not revised

    kinds, bills = set(), 0
    for home in homes:
        async with uow_factory() as uow:
            for bill in await find_bills(home.agreement.contract_id, uow=uow):
                kept = await find_kept(home.agreement.contract_id, bill.cycle_id, uow=uow)
                statement = write_statement(kept, home.evidence, now=WINDOW.end)
                assert verify_statement(json.dumps(statement)) == [], bill.cycle_id
                kinds |= {one["kind"] for one in statement["corrections"]}
                bills += 1
    assert kinds == {"ADJUSTMENT", "CREDIT_NOTE"}
    assert bills >= 2 * households
