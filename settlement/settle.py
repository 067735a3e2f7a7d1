"""What a contract's readings come to, as known at one instant: the decision itself, pure.

A settlement cycle is closed once its part of the window is over and either both meters' readings leave
no gap in it, or collecting has ended. Cycles close in order: what a later one delivers depends on the
earlier ones. A closed cycle is settled; an open one is pending, at nought. A billing cycle that is over
is billed once all its settlement cycles are settled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from kernel.energy import ZERO_ENERGY, Energy
from kernel.money import Money, sum_money
from settlement.agreement import Agreement
from settlement.basis import BasisOf
from settlement.bills import BillingCycle, issue_bills
from settlement.cycles import CycleEvent, CycleStatus, SettlementCycle, next_cycle_status
from settlement.explanation import ClosedBy, Record, explain_cycle, explain_terms
from settlement.lines import charge, items_of
from settlement.periods import billing_periods
from settlement.quantities import CycleQuantities, quantities_by_cycle
from settlement.side import MeteredInterval

COLLECTION_DEADLINE: Final = timedelta(hours=24)
"""How long after the end of a cycle's part of the window readings are waited for, unless said otherwise."""
_NOTHING: Final[Mapping[str, SettlementCycle]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementOutcome:
    """The settlement cycles of a contract in order, as they stand at `now`.

    Those that stood before and are the same have neither lines nor explanation here.
    """

    agreement: Agreement
    now: datetime
    cycles: tuple[SettlementCycle, ...]
    delivered: Energy
    """In the settled cycles."""
    delivered_so_far: Energy
    """By all readings at hand, those of open cycles included; may change until it is final."""
    lost: Mapping[str, Energy] = field(default_factory=dict)
    """What was lost on its way to those cycles that are settled, by the readings at hand, anew."""

    @property
    def contract_id(self) -> str:
        return self.agreement.contract_id

    @property
    def bills(self) -> tuple[BillingCycle, ...]:
        """The bills of those billing cycles that are done, if nothing stood before."""
        return tuple(issue_bills(self.agreement, self.cycles, now=self.now))

    @property
    def is_final(self) -> bool:
        """Every cycle is settled: nothing more is expected."""
        return all(cycle.is_settled for cycle in self.cycles)

    def next_change(self, *, now: datetime, deadline: timedelta = COLLECTION_DEADLINE) -> datetime:
        """Return when time alone changes something: a cycle's end, the end of its collecting, a bill's turn.

        There has to be a cycle that is not settled.
        """
        ends = (cycle.metered.end for cycle in self.cycles if not cycle.is_settled)
        instants = [instant for end in ends for instant in (end, end + deadline)]
        instants += (named.metered.end for named in billing_periods(self.agreement))
        return min(instant for instant in instants if instant > now)


def settle_contract(
    agreement: Agreement,
    *,
    exported: Sequence[MeteredInterval],
    imported: Sequence[MeteredInterval],
    now: datetime,
    collection_deadline: timedelta = COLLECTION_DEADLINE,
    standing: Mapping[str, SettlementCycle] = _NOTHING,
) -> SettlementOutcome:
    """Return what `agreement` comes to, from what its source exported and its target imported.

    `standing` has the cycles that were settled before, by the run that counts: what still has the same
    basis is returned as it stands, and not computed anew.
    Raises: ReadingsInvalid, if intervals of one side overlap or an energy is negative.
    """
    quantities = quantities_by_cycle(agreement, exported=exported, imported=imported)
    basis_of, terms = BasisOf(agreement), explain_terms(agreement.terms)
    cycles: list[SettlementCycle] = []
    lost: dict[str, Energy] = {}
    earlier_are_closed = True
    for brought in quantities:
        closed_by = _closing(brought, agreement, now, collection_deadline) if earlier_are_closed else None
        if agreement.is_void:
            closed_by = ClosedBy.CANCELLATION
        if closed_by is None:
            earlier_are_closed = False
            cycles.append(_pending(brought, agreement))
            continue
        basis, stands = basis_of(brought), standing.get(brought.cycle.id)
        if stands is not None and stands.basis == basis:
            cycles.append(stands)
        else:
            cycles.append(_settled(brought, agreement, closed_by=closed_by, basis=basis, terms=terms))
            lost[brought.cycle.id] = brought.lost
    return SettlementOutcome(
        agreement=agreement,
        now=now,
        cycles=tuple(cycles),
        delivered=sum((cycle.delivered for cycle in cycles), ZERO_ENERGY),
        delivered_so_far=quantities[-1].to_date.total,
        lost=lost,
    )


def _closing(
    brought: CycleQuantities, agreement: Agreement, now: datetime, deadline: timedelta
) -> ClosedBy | None:
    end, session = brought.cycle.metered.end, agreement.session
    if now < end:
        return None
    if session is not None and not session.began:
        return ClosedBy.NEVER_BEGAN
    if brought.is_complete:
        return ClosedBy.COMPLETE_READINGS
    return ClosedBy.DEADLINE if now >= end + deadline else None


def _pending(brought: CycleQuantities, agreement: Agreement) -> SettlementCycle:
    return SettlementCycle(
        contract_id=agreement.contract_id,
        cycle_id=brought.cycle.id,
        period=brought.cycle.period,
        metered=brought.cycle.metered,
        status=CycleStatus.PENDING,
        amount=Money.zero(agreement.terms.currency),
        delivered=ZERO_ENERGY,
    )


def _settled(
    brought: CycleQuantities, agreement: Agreement, *, closed_by: ClosedBy, basis: bytes, terms: Record
) -> SettlementCycle:
    pending = _pending(brought, agreement)
    charges = charge(brought, agreement)
    lines = items_of(charges)
    return replace(
        pending,
        status=next_cycle_status(pending.status, CycleEvent.POSTED),
        amount=sum_money((line.amount for line in lines), currency=agreement.terms.currency),
        delivered=brought.delivered,
        lines=lines,
        explanation=explain_cycle(
            agreement, brought, charges=charges.lines, lines=lines, closed_by=closed_by, terms=terms
        ),
        basis=basis,
    )
