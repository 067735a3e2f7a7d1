"""Every story of the demo but the first, which has a file of its own: each ends in its bill, which is right.

What is due is worked out here once more, from what the simulated meters counted and what the catalogue says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
import simplejson
from rich.console import Console

from degnode.demo.month import PLACE, QUARTER, last_month
from degnode.demo.program import Performance, ScenarioName, perform
from degnode.demo.readings import delivered_in
from degnode.demo.report import write_report
from degnode.demo.stories.household import taken_by_home
from degnode.demo.stories.inter_utility import CONTRACTED, InterUtility, flows
from degnode.demo.stories.storage import evenings
from kernel.clock import SystemClock
from kernel.energy import ZERO_ENERGY, Energy
from kernel.local_days import find_zone
from protocol.profile import V1_1, V2_LTS, V2_RC, Profile
from tests.support.official import official_message_errors

ARRIVES = Decimal("0.98")
ZONE = find_zone(PLACE.zone)


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


async def played(scenario: ScenarioName, tmp_path: Path, *, profile: Profile) -> Performance:
    """Tell a story, and check what holds of each: it is settled, its last message valid, its report there."""
    performance = await perform(Console(quiet=True), scenario, profile=profile)
    transaction = performance.outcome.transaction
    assert transaction["contract_status"] == "COMPLETED"
    document = json.loads(simplejson.dumps(performance.outcome.last_on_status, use_decimal=True))
    assert official_message_errors("on_status", document, profile=profile.name) == []
    report = tmp_path / "report.html"
    write_report(report, transaction, playbill=performance.playbill)
    assert performance.playbill.title in report.read_text(encoding="utf-8")
    return performance


def only_bill(performance: Performance) -> dict[str, Any]:
    (bill,) = performance.outcome.transaction["bill"]["billing_cycles"]
    assert sum(line["amount"] for line in bill["lineItems"]) == bill["totalAmount"]
    found: dict[str, Any] = bill
    return found


def lines_of(bill: dict[str, Any]) -> dict[str, Decimal]:
    return {line["title"]: line["amount"] for line in bill["lineItems"]}


async def test_a_month_of_stored_energy_is_paid_from_what_was_set_aside(tmp_path: Path, shared: Path) -> None:
    month = last_month(SystemClock().now())
    performance = await played(ScenarioName.STORAGE, tmp_path, profile=V2_RC)
    bill = only_bill(performance)
    given = sum(evenings(month), ZERO_ENERGY)
    delivered = Decimal(int(given.watt_hours * ARRIVES)) / 1000
    contracted = Decimal(38 * (month.duration // timedelta(days=1)))
    assert performance.outcome.transaction["delivery"]["deliveredQuantity"] == min(delivered, contracted)
    energy, wheeling = (
        cents(min(delivered, contracted) * price) for price in (Decimal("8.40"), Decimal("0.65"))
    )
    assert lines_of(bill) == {
        "Energy Cost": energy,
        "Wheeling Charges": wheeling,
        "Electricity tax (5 %, IN-DL)": cents((energy + wheeling) / 20),
    }
    assert bill["status"] == "PAID"
    (cycle,) = performance.outcome.transaction["bill"]["settlement_cycles"]
    assert (cycle["status"], cycle["amount"]) == ("SETTLED", energy + wheeling)


async def test_a_household_takes_the_cheaper_tariff_and_pays_for_the_hours_in_which_it_took(
    tmp_path: Path, shared: Path
) -> None:
    month = last_month(SystemClock().now())
    performance = await played(ScenarioName.HOUSEHOLD, tmp_path, profile=V2_LTS)
    bill = only_bill(performance)
    taken = taken_by_home(month)
    hours = by_hours(zip((month.start + at * QUARTER for at in range(len(taken))), taken, strict=True))
    due = {
        "Energy Cost (18:00-22:00)": cents(hours["evening"] * Decimal("8.90")),
        "Energy Cost (22:00-06:00)": cents(hours["night"] * Decimal("4.60")),
        "Energy Cost (other hours)": cents(hours["day"] * Decimal("6.10")),
        "Wheeling Charges": cents(sum(hours.values(), Decimal(0)) * Decimal("0.90")),
    }
    tax = cents(sum(due.values(), Decimal(0)) / 20)
    assert lines_of(bill) == due | {"Fixed charge": 120, "Electricity tax (5 %, IN-DL)": tax}
    assert bill["status"] == "PAID"
    cycles = performance.outcome.transaction["bill"]["settlement_cycles"]
    assert len(cycles) == month.duration // timedelta(days=1)


async def test_energy_over_two_grids_is_billed_with_what_both_utilities_charge(
    tmp_path: Path, shared: Path
) -> None:
    performance = await played(ScenarioName.INTER_UTILITY, tmp_path, profile=V1_1)
    window = InterUtility.at(SystemClock().now()).window
    source, target = (sum(flow.energies, ZERO_ENERGY) for flow in flows(window))
    delivered = min(source, target, CONTRACTED).kilowatt_hours
    assert performance.outcome.transaction["delivery"]["deliveredQuantity"] == delivered
    bill = only_bill(performance)
    assert lines_of(bill) == {
        "Energy Cost": cents(delivered * Decimal("5.20")),
        "Wheeling Charges (West Grid)": cents(delivered * Decimal("0.65")) + Decimal("1.50"),
        "Wheeling Charges (East Grid)": cents(delivered * Decimal("0.40")),
    }
    refused = [
        message["document"]
        for message in performance.outcome.transaction["messages"]
        if message["action"] == "on_init" and "error" in message["document"]
    ]
    assert len(refused) == 1


@pytest.mark.parametrize(
    ("scenario", "profile", "most"),
    [(ScenarioName.EV, V2_RC, Decimal(12)), (ScenarioName.EV_RESERVED, V2_LTS, Decimal("8.5"))],
    ids=["walk-in", "reserved"],
)
async def test_a_session_is_billed_for_what_the_car_took_and_the_rest_returns(
    tmp_path: Path, shared: Path, scenario: ScenarioName, profile: Profile, most: Decimal
) -> None:
    performance = await played(scenario, tmp_path, profile=profile)
    bill = only_bill(performance)
    taken = delivered_in(performance.outcome.transaction)
    assert Decimal(6 if scenario is ScenarioName.EV else 8) <= taken <= most
    cost = cents(taken * 18)
    assert lines_of(bill) == {
        f"Energy Cost, {cost} INR less 15.00 INR": cost - 15,
        "Surge price": 20,
        "Service fee": 10,
        "GST (18 %, IN-DL)": cents((cost + 15) * 18 / 100),
    }
    assert bill["status"] == "PAID"


def by_hours(quarters: Iterable[tuple[datetime, Energy]]) -> dict[str, Decimal]:
    """Return what the household took in the evening, by night and by day. Units: kWh."""
    found = dict.fromkeys(("evening", "night", "day"), Decimal(0))
    for start, energy in quarters:
        hour = start.astimezone(ZONE).hour
        name = "evening" if 18 <= hour < 22 else "night" if hour >= 22 or hour < 6 else "day"
        found[name] += energy.kilowatt_hours
    return found
