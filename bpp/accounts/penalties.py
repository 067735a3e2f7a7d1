"""Penalties that a seller owes for falling short: told to the buyer that is paid, or paid to a utility."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from kernel.energy import ZERO_ENERGY
from kernel.money import Money
from settlement.correcting import find_corrections
from settlement.cycles import SettlementCycle
from settlement.ledger.entries import Transfer
from settlement.payments.penalties import penalty_entries
from settlement.penalty_credits import PenaltyCredit, SellerPenalty, penalty_credits
from storage.unit_of_work import UnitOfWork
from trading.cancellation import Cancellation
from trading.contract import Contract
from trading.penalties import Payee
from trading.wheeling import Side


async def find_penalty_credits(
    contract: Contract, uow: UnitOfWork, *, cancellation: Cancellation | None
) -> list[PenaltyCredit]:
    """Return what the buyer was credited for its seller's shortfall or cancellation, in order."""
    is_buyer_paid = any(
        penalty.side is Side.SELLER and penalty.payee is Payee.INJURED_SIDE
        for penalty in contract.terms.penalties
    )
    if cancellation is not None and cancellation.compensation.minor:
        is_buyer_paid = True
    return penalty_credits(await find_corrections(contract.id, uow=uow)) if is_buyer_paid else []


def as_cycles(
    credited: Sequence[PenaltyCredit], cycles: Sequence[SettlementCycle]
) -> Iterator[SettlementCycle]:
    """Yield the credits as settled cycles of nothing delivered, which is what the wire has for them.

    A cycle has no negative amount: whether a change went up or down, the bill's correction says.
    """
    named = {cycle.cycle_id: cycle for cycle in cycles}
    for each in credited:
        cycle = named[each.cycle_id]
        amount = Money(abs(each.minor), cycle.amount.currency)
        yield replace(cycle, cycle_id=each.told_id, amount=amount, delivered=ZERO_ENERGY)


async def owed_to_utility(
    contract: Contract, owed: SellerPenalty | None, uow: UnitOfWork, *, seller: str, now: datetime
) -> list[Transfer]:
    """Return what puts on the ledger what the seller owes a utility.

    What it owes the buyer is credited with its bill instead.
    """
    if owed is None or owed.payee is Payee.INJURED_SIDE:
        return []
    utility = utility_owed(contract, owed.payee)
    return await penalty_entries(owed, seller=seller, utility=utility, uow=uow, now=now)


def utility_owed(contract: Contract, payee: Payee) -> str:
    """Return which utility a seller's penalty is paid to: the buyer's, or the seller's own.

    It is the one that charges that side for carrying the energy. Where the terms name none, nobody knows
    its name, and it is that of the side's meter.
    """
    side, meter = (
        (Side.SELLER, contract.source.meter_id)
        if payee is Payee.OWN_UTILITY
        else (Side.BUYER, contract.target_meter)
    )
    named = (wheeling.utility_name for wheeling in contract.terms.all_wheeling if wheeling.side is side)
    return next(named, f"utility of {meter}")
