"""When a buyer is told of news."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from tests.unit.trading.test_trading_contract import NOW, PENDING, WINDOW
from trading.contract import Contract, confirm
from trading.delivery import (
    BillingCycleView,
    ContractView,
    CurtailmentReason,
    Cut,
    Delivery,
    DeliveryStatus,
    SettlementCycleView,
)
from trading.lifecycle import ContractStatus
from trading.news import standing_of, waits_until

MINUTE = timedelta(minutes=1)
DELIVERY = Delivery(status=DeliveryStatus.IN_PROGRESS, delivered=Energy(500), window=WINDOW, ended=False)
MONEY = Money(400, Currency("USD"))
CYCLE = SettlementCycleView(cycle_id="settle-1", period=WINDOW, status="PENDING", amount=MONEY)
BILL = BillingCycleView(cycle_id="bill-1", period=WINDOW, status="PENDING", total=MONEY, lines=())
VIEW = ContractView(contract=confirm(PENDING, now=NOW), delivery=DELIVERY, cycles=(CYCLE,), bills=(BILL,))
TOLD = replace(VIEW.contract, told_at=NOW, standing="as it was")


@pytest.mark.parametrize(
    "later",
    [
        replace(VIEW, contract=replace(VIEW.contract, status=ContractStatus.TERMINATED)),
        replace(VIEW, delivery=replace(DELIVERY, status=DeliveryStatus.COMPLETED)),
        replace(VIEW, delivery=replace(DELIVERY, ended=True)),
        replace(
            VIEW, delivery=replace(DELIVERY, cut=Cut(quantity=Energy(1), reason=CurtailmentReason.OTHER))
        ),
        replace(VIEW, cycles=(replace(CYCLE, status="SETTLED"),)),
        replace(VIEW, bills=(replace(BILL, status="PAID"),)),
        replace(VIEW, bills=()),
    ],
)
def test_every_status_is_part_of_the_standing(later: ContractView) -> None:
    assert standing_of(later) != standing_of(VIEW)


def test_quantities_and_times_are_no_part_of_the_standing() -> None:
    later = replace(
        VIEW,
        contract=replace(VIEW.contract, updated_at=NOW + MINUTE, told_at=NOW, refresh_at=NOW),
        delivery=replace(DELIVERY, delivered=Energy(700)),
    )
    assert standing_of(later) == standing_of(VIEW)


def waiting(
    *, contract: Contract = TOLD, standing: str = "as it was", now: datetime = NOW
) -> datetime | None:
    return waits_until(contract, standing=standing, interval=MINUTE, now=now)


def test_what_changes_within_the_interval_waits_for_its_end() -> None:
    assert waiting(now=NOW + timedelta(seconds=59)) == NOW + MINUTE


def test_news_does_not_wait_once_the_interval_is_over() -> None:
    assert waiting(now=NOW + MINUTE) is None


def test_another_status_never_waits() -> None:
    assert waiting(standing="as it is now") is None


def test_the_first_news_never_waits() -> None:
    assert waiting(contract=replace(TOLD, told_at=None)) is None


def test_the_last_word_never_waits() -> None:
    assert waiting(contract=replace(TOLD, refresh_at=None)) is None


def test_a_clock_that_was_wrong_holds_nothing_up() -> None:
    assert waiting(now=NOW - timedelta(days=1)) is None


def test_an_interval_of_nought_holds_nothing_up() -> None:
    assert waits_until(TOLD, standing="as it was", interval=timedelta(0), now=NOW) is None
