"""A journal of two days with something of everything in it, the first of them sealed."""

from __future__ import annotations

from datetime import timedelta

from protocol.ed25519 import PrivateKey
from protocol.signing import Signer
from settlement.ledger.audit import audit_ledger
from settlement.ledger.chain import Seal
from settlement.ledger.entries import Post, Void
from settlement.ledger.findings import Audit
from settlement.ledger.ledger import Ledger
from settlement.ledger.reading import see_one_instant
from settlement.ledger.sealing import seal_next_day
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.ledgers import (
    ASHA,
    EVENT,
    NOW,
    RAVI,
    ROOF,
    SUN,
    hold,
    kwh,
    open_accounts,
    rupees,
    transfer,
)

SIGNER = Signer(subscriber_id="bpp.example.com", key_id="k1", private_key=PrivateKey(bytes(range(32))))
TOMORROW = NOW + timedelta(days=1)
KEYS = {"bpp.example.com|k1": SIGNER.public_key}


async def seal(uow_factory: UnitOfWorkFactory, *, after: timedelta = timedelta(days=1)) -> Seal | None:
    async with uow_factory() as uow:
        return await seal_next_day(uow=uow, signer=SIGNER, now=NOW + after)


async def audit(uow_factory: UnitOfWorkFactory) -> Audit:
    async with uow_factory() as uow:
        await see_one_instant(uow=uow)
        return await audit_ledger(uow=uow, keys=KEYS)


async def two_days(uow_factory: UnitOfWorkFactory) -> None:
    """Record seven entries, seal their day, and record four more on the next."""
    await open_accounts(uow_factory)
    async with uow_factory() as uow:
        ledger = Ledger(uow)
        await ledger.transfer(transfer("in"), now=NOW)
        posted, _, _ = await ledger.record(
            [
                hold("p"),
                hold("open", amount=rupees(5)),
                hold("x", amount=rupees(1), expires_at=NOW + timedelta(hours=1)),
            ],
            now=NOW,
        )
        await ledger.record(
            [
                Post(hold=posted.id, amount=rupees(30), event_at=EVENT),
                transfer("sold", "money", debit=ASHA, credit=RAVI, amount=rupees(24), ref="contract-1"),
                transfer("sold", "energy", debit=SUN, credit=ROOF, amount=kwh(8), run=1),
            ],
            now=NOW,
            linked=True,
        )
    await seal(uow_factory)
    async with uow_factory() as uow:
        ledger = Ledger(uow)
        await ledger.expire(now=TOMORROW)
        held = await ledger.hold(hold("v", amount=rupees(2)), now=TOMORROW)
        await ledger.record([Void(hold=held.id, event_at=EVENT)], now=TOMORROW)
        await ledger.transfer(transfer("late", debit=ASHA, credit=RAVI, amount=rupees(1)), now=TOMORROW)
