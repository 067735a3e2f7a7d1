"""Contracts that are paid ahead: set aside from the buyer's deposit at confirm, paid at the end."""

from __future__ import annotations

from datetime import datetime

from settlement.ledger.balances import InsufficientFunds
from settlement.payments.advances import find_advance, pay_from_advance
from settlement.payments.prepaid import Advance, set_aside
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.refusals import DepositInsufficient, UpdateNotAllowed
from trading.terms import PaymentTiming


async def set_advance_aside(contract: Contract, uow: UnitOfWork, *, seller: str, now: datetime) -> None:
    """Set aside what a prepaid contract costs if all of it is delivered.

    Whoever sells to itself pays nothing ahead. Raises: DepositInsufficient.
    """
    if not _is_prepaid(contract) or contract.bap_id == seller:
        return
    total = contract.quote.total
    if not total.minor:
        return
    advance = Advance(contract_id=contract.id, buyer=contract.bap_id, amount=total, confirmed_at=now)
    try:
        await set_aside(advance, uow=uow, now=now)
    except InsufficientFunds as error:
        raise DepositInsufficient(
            f"this is paid ahead: {total} are set aside, and your deposit does not reach",
            hint="Pay into your deposit with the seller, then confirm again.",
        ) from error


async def end_advance(contract: Contract, uow: UnitOfWork, *, seller: str, now: datetime) -> None:
    """Pay the bills of a prepaid contract, of which no more come, and give back what is left; only once."""
    if _is_prepaid(contract):
        advance = await find_advance(contract.id, contract.bap_id, uow=uow)
        if advance is not None:
            await pay_from_advance(advance, payee=seller, uow=uow, now=now)


def require_quantity_open(contract: Contract) -> None:
    """Raises: UpdateNotAllowed, if the quantity is paid for already."""
    if contract.is_binding and _is_prepaid(contract):
        raise UpdateNotAllowed(f"the order {contract.id} is paid ahead", hint="Cancel it and order anew.")


def _is_prepaid(contract: Contract) -> bool:
    return contract.terms.payment is PaymentTiming.PREPAID
