"""What both sides of a contract owe at its end, and where it stands on the bill."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from kernel.energy import Energy
from settlement.agreement import Agreement
from settlement.runs import find_revisions
from settlement.settle import SettlementOutcome, settle_contract
from tests.support.agreements import WINDOW, agree, between, readings
from trading.charges import LineKind
from trading.matching import Billed, Losses
from trading.penalties import Counted, ShortfallPenalty, Tolerance
from trading.rates import Price, TermsInvalid
from trading.terms import SettlementType
from trading.wheeling import Side

DAY = timedelta(days=1)


def penalty(side: Side, per_kwh: str | None = "2", **more: object) -> ShortfallPenalty:
    price = None if per_kwh is None else Price(per_kwh=Decimal(per_kwh), currency=agree().terms.currency)
    return ShortfallPenalty(side=side, price=price, **more)  # type: ignore[arg-type]  # as it says


def under(*penalties: ShortfallPenalty, losses: Losses | None = None, **more: object) -> Agreement:
    """Return 10 kWh at a dollar each, with those penalties."""
    agreement = agree(price="1", wheeling=None, **more)  # type: ignore[arg-type]  # as it says
    terms = replace(agreement.terms, penalties=penalties, losses=losses or agreement.terms.losses)
    return replace(agreement, terms=terms)


def settled(agreement: Agreement, gave: str, took: str) -> SettlementOutcome:
    """Return what comes of a contract whose sides gave and took so many kWh in its last two hours."""
    sides = (readings(["0", "0", "0", kwh]) for kwh in (gave, took))
    exported, imported = sides
    return settle_contract(agreement, exported=exported, imported=imported, now=WINDOW.end + 2 * DAY)


def lines(outcome: SettlementOutcome) -> list[tuple[LineKind, str]]:
    return [(line.kind, str(line.amount.amount)) for line in outcome.bills[-1].lines]


def test_what_the_buyer_did_not_take_is_a_line_of_its_bill() -> None:
    outcome = settled(under(penalty(Side.BUYER)), "10", "7")
    assert lines(outcome) == [(LineKind.ENERGY, "7.00"), (LineKind.PENALTY, "6.00")]
    explanation = outcome.cycles[-1].explanation or {}
    assert explanation["shortfalls"] == [
        {
            "side": "BUYER",
            "payee": "INJURED_SIDES_UTILITY",
            "due_wh": 10_000,
            "allocated_wh": 7_000,
            "short_wh": 3_000,
            "counted_wh": "3000",
            "minor": 600,
        }
    ]
    charge = explanation["charges"][-1]
    assert (charge["kind"], charge["quantity_wh"], charge["rate"]) == ("PENALTY", 3_000, "2")


def test_what_the_seller_did_not_give_is_shown_and_is_no_part_of_the_buyers_bill() -> None:
    outcome = settled(under(penalty(Side.SELLER)), "7", "10")
    assert lines(outcome) == [(LineKind.ENERGY, "7.00")]
    charge = (outcome.cycles[-1].explanation or {})["charges"][-1]
    assert (charge["kind"], charge["side"], charge["net_minor"]) == ("PENALTY", "SELLER", 600)


def test_both_sides_may_be_short_and_each_pays_for_itself() -> None:
    outcome = settled(under(penalty(Side.BUYER), penalty(Side.SELLER, "3")), "7", "8")
    found = (outcome.cycles[-1].explanation or {})["shortfalls"]
    assert [(each["side"], each["short_wh"], each["minor"]) for each in found] == [
        ("BUYER", 2_000, 400),
        ("SELLER", 3_000, 900),
    ]


def test_within_the_tolerance_nothing_is_owed_and_no_line_is_there() -> None:
    outcome = settled(under(penalty(Side.BUYER)), "10", "9")
    assert lines(outcome) == [(LineKind.ENERGY, "9.00")]
    assert (outcome.cycles[-1].explanation or {})["shortfalls"][0]["counted_wh"] == "0"


def test_only_what_exceeds_the_band_may_count() -> None:
    band = Tolerance(percent=Decimal("10.001"), counted=Counted.EXCESS)
    outcome = settled(under(penalty(Side.BUYER, tolerance=band)), "10", "7")
    assert lines(outcome)[-1] == (LineKind.PENALTY, "4.00")  # 1999.9 Wh at 2
    explanation = outcome.cycles[-1].explanation or {}
    assert explanation["shortfalls"][0]["counted_wh"] == str(Fraction(19_999, 10))
    assert explanation["charges"][-1]["quantity_wh"] is None


def test_a_penalty_in_per_cent_goes_by_the_price_of_the_energy() -> None:
    half = penalty(Side.BUYER, None, percent_of_price=Decimal("50.5"))
    assert lines(settled(under(half), "10", "7"))[-1] == (LineKind.PENALTY, "1.52")  # 1.515


def test_what_was_cut_is_owed_by_nobody() -> None:
    outcome = settled(under(penalty(Side.BUYER), curtailed="3"), "7", "7")
    assert lines(outcome) == [(LineKind.ENERGY, "7.00")]


def test_a_contract_that_was_ended_early_has_no_penalty() -> None:
    outcome = settled(replace(under(penalty(Side.BUYER)), is_terminated=True), "7", "7")
    assert lines(outcome) == [(LineKind.ENERGY, "7.00")]
    assert "shortfalls" not in (outcome.cycles[-1].explanation or {})


def test_a_penalty_is_due_once_with_the_last_cycle() -> None:
    hourly = under(penalty(Side.BUYER), settles=SettlementType.HOURLY)
    outcome = settled(hourly, "0", "0")
    assert [cycle.amount.minor for cycle in outcome.cycles] == [0] * 7 + [2_000]
    assert [("shortfalls" in (cycle.explanation or {})) for cycle in outcome.cycles] == [False] * 7 + [True]


def test_energy_that_is_lost_is_not_given() -> None:
    both = (penalty(Side.SELLER), penalty(Side.BUYER))
    outcome = settled(under(*both, losses=Losses(Decimal("0.2"))), "10", "10")
    found = (outcome.cycles[-1].explanation or {})["shortfalls"]
    assert [(each["due_wh"], each["allocated_wh"]) for each in found] == [(10_000, 8_000), (10_000, 10_000)]
    outcome = settled(under(*both, losses=Losses(Decimal("0.2"), Billed.SENT)), "10", "7")
    found = (outcome.cycles[-1].explanation or {})["shortfalls"]
    assert [(each["due_wh"], each["allocated_wh"]) for each in found] == [(10_000, 10_000), (8_000, 7_000)]


def test_a_revised_reading_that_changes_only_what_the_seller_owes_is_a_next_run() -> None:
    agreement = under(penalty(Side.SELLER))
    before, after = settled(agreement, "7", "5"), settled(agreement, "6", "5")
    kept = {cycle.cycle_id: cycle for cycle in before.cycles}
    [revision] = find_revisions(kept, after.cycles)
    assert (revision.delta.minor, revision.delta_wh, revision.revised.run) == (0, 0, 2)
    assert find_revisions(kept, before.cycles) == []
    unexplained = {name: replace(cycle, explanation=None) for name, cycle in kept.items()}
    assert find_revisions(unexplained, after.cycles) == []


def test_a_penalty_is_of_one_kind_and_each_side_has_one() -> None:
    with pytest.raises(TermsInvalid, match="either a price"):
        penalty(Side.BUYER, None)
    with pytest.raises(TermsInvalid, match="one penalty at most"):
        under(penalty(Side.BUYER), penalty(Side.BUYER))


@pytest.mark.parametrize("minutes", ["0", "0.5", "61"])
def test_a_metering_interval_is_of_whole_minutes(minutes: str) -> None:
    length = timedelta(seconds=int(Decimal(minutes) * 60))
    with pytest.raises(TermsInvalid, match="whole minutes"):
        replace(agree().terms, metering=length)


def test_in_real_time_each_metering_interval_is_a_cycle() -> None:
    window = between("2024-10-04T10:00:00Z", "2024-10-04T11:00:00Z")
    agreement = agree(window=window, settles=SettlementType.REAL_TIME)
    half_hours = replace(agreement, metering_interval=timedelta(minutes=30))
    outcome = settle_contract(half_hours, exported=[], imported=[], now=window.end + 2 * DAY)
    assert len(outcome.cycles) == 2
    assert outcome.delivered == Energy(0)
