"""What a seller owes for a shortfall, a cancellation or lost time, once its cycle is billed. Pure.

Where the buyer is paid, it has a credit note of its own kind, issued with the bill. A later run of the
cycle moves what it differs by: more is another such note, and less is an adjustment, which the contract's
next bill asks for. What a utility is paid stands on the ledger alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kernel.money import Money
from settlement.corrections import FIRST_CORRECTION, BillCorrection, CorrectionKind
from settlement.cycles import SettlementCycle
from settlement.runs import numbered_id
from trading.penalties import Payee
from trading.wheeling import Side

_PENALTY = "penalty"
"""The key of a correction's explanation that says which run of which cycle it is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerPenalty:
    """What a run of a contract's last cycle says that the seller owes; the amount may be nought."""

    contract_id: str
    cycle_id: str
    run: int
    payee: Payee
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PenaltyCredit:
    """A correction of a bill for a penalty: what the buyer gets, or less than nought, what it gives back."""

    cycle_id: str
    run: int
    minor: int

    @property
    def told_id(self) -> str:
        """What it is called where it is told beside the run that it is of."""
        return f"{numbered_id(self.cycle_id, self.run)}-seller-penalty"


def seller_penalty(cycle: SettlementCycle) -> SellerPenalty | None:
    """Return what the seller owes by a settled cycle, None where its explanation says of nothing.

    It is a penalty for its shortfall, what it owes the buyer for having cancelled, or what it credits for
    time that was lost at its stall; never two of these.
    """
    explanation = cycle.explanation or {}
    owed = [
        (Payee(found["payee"]), found["minor"])
        for found in explanation.get("shortfalls", ())
        if found["side"] == Side.SELLER
    ]
    ended = explanation.get("cancellation")
    if ended is not None and ended["side"] == Side.SELLER:
        owed = [(Payee.INJURED_SIDE, ended["owed_minor"])]
    if (stall := explanation.get("stall")) is not None:
        owed = [(Payee.INJURED_SIDE, stall["credit_minor"])]
    if not owed:
        return None
    payee, minor = owed[0]
    return SellerPenalty(
        contract_id=cycle.contract_id,
        cycle_id=cycle.cycle_id,
        run=cycle.run,
        payee=payee,
        amount=Money(minor, cycle.amount.currency),
    )


def credit_penalty(
    owed: SellerPenalty | None, billed: Mapping[str, str], corrections: Iterable[BillCorrection]
) -> list[BillCorrection]:
    """Return the correction by which the buyer has all that the seller owes it; none, if it has that.

    `billed` has the bill of each settlement cycle that is on one: nothing is credited before. `corrections`
    are all that there are of the contract's bills.
    """
    if owed is None or owed.payee is not Payee.INJURED_SIDE or owed.cycle_id not in billed:
        return []
    bill_id = billed[owed.cycle_id]
    of_bill = [one for one in corrections if one.bill_id == bill_id]
    before: int = next(
        (one.explanation[_PENALTY]["minor"] for one in reversed(of_bill) if _PENALTY in one.explanation), 0
    )
    more = owed.amount.minor - before
    if not more:
        return []
    correction = BillCorrection(
        contract_id=owed.contract_id,
        bill_id=bill_id,
        run=FIRST_CORRECTION + len(of_bill),
        kind=CorrectionKind.PENALTY_CREDIT if more > 0 else CorrectionKind.ADJUSTMENT,
        amount=Money(abs(more), owed.amount.currency),
        explanation={
            _PENALTY: {
                "cycle": owed.cycle_id,
                "run": owed.run,
                "minor": owed.amount.minor,
                "before_minor": before,
            }
        },
    )
    return [correction]


def penalty_credits(corrections: Iterable[BillCorrection]) -> list[PenaltyCredit]:
    """Return those of a contract's corrections that are of what its seller owes, in order."""
    return [
        PenaltyCredit(
            cycle_id=penalty["cycle"],
            run=penalty["run"],
            minor=penalty["minor"] - penalty["before_minor"],
        )
        for one in corrections
        if (penalty := one.explanation.get(_PENALTY))
    ]
