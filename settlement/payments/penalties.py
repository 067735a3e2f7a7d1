"""What a seller owes a utility for falling short, on the ledger from the moment in which it is billed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from kernel.money import Money
from settlement.cycles import FIRST_RUN
from settlement.ledger.accounts import AccountKind
from settlement.ledger.entries import Transfer, transfer_id
from settlement.ledger.tables import ledger_transfers
from settlement.payments.posting import account
from settlement.penalty_credits import SellerPenalty
from storage.unit_of_work import UnitOfWork


async def penalty_entries(
    owed: SellerPenalty, *, seller: str, utility: str, uow: UnitOfWork, now: datetime
) -> list[Transfer]:
    """Return what lessens the seller's claim by what it owes the utility, by the run that counts.

    Of what earlier runs moved only the difference moves, either way; the same run moves nothing again. The
    contract's account has to be locked, and accounts of the ledger not yet.
    """
    claim = account(seller, AccountKind.PAYABLE, owed.amount)
    penalty = account(utility, AccountKind.PENALTY, owed.amount)
    more = owed.amount.minor - await _find_moved(owed, uow=uow)
    if not more:
        return []
    debit, credit = (claim, penalty) if more > 0 else (penalty, claim)
    return [
        Transfer(
            key=_key(owed, owed.run),
            debit=debit,
            credit=credit,
            amount=Money(abs(more), owed.amount.currency),
            code="PENALTY" if more > 0 else "RETURN_PENALTY",
            ref=f"{owed.contract_id} {owed.cycle_id}",
            run=owed.run,
            event_at=now,
        )
    ]


def _key(owed: SellerPenalty, run: int) -> tuple[str, ...]:
    return ("penalty", owed.contract_id, owed.cycle_id, str(run))


async def _find_moved(owed: SellerPenalty, *, uow: UnitOfWork) -> int:
    """Return what the runs so far have moved to the utility, in minor units."""
    entries = [transfer_id(*_key(owed, run)) for run in range(FIRST_RUN, owed.run + 1)]
    query = select(ledger_transfers.c.code, ledger_transfers.c.amount).where(
        ledger_transfers.c.id.in_(entries)
    )
    found = await uow.connection.execute(query)
    return sum(int(row.amount) if row.code == "PENALTY" else -int(row.amount) for row in found)
