"""However often what a seller owes is another by a later run, the buyer has got that, and nothing twice."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kernel.money import Money
from settlement.bills import BillingCycle, BillStatus
from settlement.corrections import BillCorrection, CorrectionKind, bill_of_its_own, carry, refund_due
from settlement.lines import LineItem
from settlement.penalty_credits import SellerPenalty, credit_penalty, penalty_credits
from tests.support.agreements import agree
from trading.charges import LineKind
from trading.penalties import Payee

AGREED = agree()
CURRENCY = AGREED.terms.currency
CYCLE, BILL = "settle-2026-01-09-001", "bill-2026-01-001"


def owed(run: int, minor: int, payee: Payee = Payee.INJURED_SIDE) -> SellerPenalty:
    return SellerPenalty(
        contract_id=AGREED.contract_id,
        cycle_id=CYCLE,
        run=run,
        payee=payee,
        amount=Money(minor, CURRENCY),
    )


def bill(bill_id: str, *minors: int) -> BillingCycle:
    lines = tuple(
        LineItem(kind=LineKind.ENERGY, title="Energy Cost", amount=Money(minor, CURRENCY)) for minor in minors
    )
    return replace(
        bill_of_its_own(AGREED, taken=[]), cycle_id=bill_id, lines=lines, status=BillStatus.PENDING
    )


def after(corrections: list[BillCorrection], carried: dict[int, int]) -> list[BillCorrection]:
    return [replace(one, carried=one.carried + carried.get(one.run, 0)) for one in corrections]


@given(total=st.integers(0, 300), by_run=st.lists(st.integers(0, 400), min_size=1, max_size=6))
def test_what_is_credited_less_what_is_asked_back_is_what_is_owed(total: int, by_run: list[int]) -> None:
    billed, corrections, bills = {CYCLE: BILL}, list[BillCorrection](), list[BillingCycle]()
    due = 0
    for run, minor in enumerate(by_run, start=1):
        found = credit_penalty(owed(run, minor), billed, corrections)
        assert credit_penalty(owed(run, minor), billed, [*corrections, *found]) == []
        corrections += found
        coming = [bill(BILL, total)] if run == 1 else []
        if any(one.kind is CorrectionKind.ADJUSTMENT for one in found):
            coming = [bill(f"{BILL}-{run}")]
        issued, carried = carry(coming, corrections)
        corrections = after(corrections, {part.correction.run: part.minor for part in carried})
        bills += issued
        taken = sum(part.minor for part in carried if part.correction.kind.is_credit)
        due += sum(one.total.minor for one in issued) - taken
        assert all(one.total.minor >= 0 for one in issued)

        refund = refund_due(corrections, currency=CURRENCY).minor
        assert min(due, refund) >= 0
        assert due - refund == total - minor
    assert [one.run for one in corrections] == list(range(2, 2 + len(corrections)))
    assert sum(each.minor for each in penalty_credits(corrections)) == by_run[-1]


@given(minor=st.integers(0, 400), payee=st.sampled_from(Payee))
def test_nothing_is_credited_before_it_is_billed_or_to_who_is_not_paid(minor: int, payee: Payee) -> None:
    assert credit_penalty(owed(1, minor), {}, []) == []
    found = credit_penalty(owed(1, minor, payee), {CYCLE: BILL}, [])
    assert bool(found) == (payee is Payee.INJURED_SIDE and minor > 0)
