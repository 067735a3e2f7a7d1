"""A sale whose seller owes for its shortfall, and what is kept of it: bills, corrections, the journal."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bpp.accounts.statements import make_statement
from bpp.deliveries.jobs import SellerJobs
from degnode.bill_verifier.verify import verify_statement
from kernel.currency import Currency
from protocol.signing import Signer
from settlement.bills import BillStatus
from settlement.correcting import find_corrections
from settlement.corrections import BillCorrection, refund_due
from settlement.events import find_broken, find_events
from settlement.ledger.accounts import AccountKind
from settlement.ledger.reading import JournalLine, read_journal
from settlement.payments.store import find_due
from settlement.rows import bill_key
from settlement.store import find_bills
from tests.support.monthly_sale import audit, on_account
from tests.support.seller_world import EXPORT, IMPORT, SOURCE_METER, WINDOW, SellerWorld, hours_of
from tests.support.seller_world import TARGET_METER as TARGET
from trading.contracts import ContractStore
from trading.penalties import Payee, ShortfallPenalty
from trading.rates import Price
from trading.wheeling import Side

Json = dict[str, Any]


HOUR = timedelta(hours=1)
USD = Currency("USD")
UTILITY = "Valley Grid Services"
CYCLE = "settle-2026-01-09-001"
BILL = "bill-2026-01-001"
RATE = 30
"""Cents for each kWh that the seller does not give; of energy that flows each costs 15."""
WHEELING = 250


def owes(payee: Payee, side: Side = Side.SELLER, *, cents: int = RATE) -> ShortfallPenalty:
    price = Price(per_kwh=Decimal(cents) / 100, currency=USD)
    return ShortfallPenalty(side=side, price=price, payee=payee)


def on(world: SellerWorld, *penalties: ShortfallPenalty, **terms: Any) -> SellerWorld:
    """Return a world whose offers have these terms, too."""
    catalogue = world.bpp.catalogue
    offers = tuple(
        replace(each, terms=replace(each.terms, penalties=penalties, **terms)) for each in catalogue.offers
    )
    return world.selling(catalogue=replace(catalogue, offers=offers))


async def give(world: SellerWorld, watt_hours: int) -> None:
    """Have the source's meter tell of so much in all, the target's of plenty, an hour after the last time."""
    world.clock.set(max(world.clock.now(), WINDOW.end) + HOUR)
    hours = [watt_hours // 8] * 7 + [watt_hours - watt_hours // 8 * 7]
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, hours))
    await world.report(TARGET, IMPORT, hours_of(WINDOW, [5_000] * 8))
    await world.refresh_all()


async def look_again(world: SellerWorld, contract: str) -> None:
    """Do the job that `degnode settle-again` puts."""
    world.clock.advance(HOUR)
    jobs = SellerJobs(uow_factory=world.uow_factory, signer_at=_no_signer)
    await jobs.settle_again({"contract": contract}, world.clock.now())
    await world.refresh_all()


def _no_signer(_: datetime) -> Signer:
    raise AssertionError("nothing is sealed here")


@dataclass(frozen=True, kw_only=True)
class Account:
    """What is kept of a contract: of each bill total, due and status; its corrections; the journal."""

    bills: list[tuple[int, int, BillStatus]]
    corrections: list[BillCorrection]
    journal: list[JournalLine]

    @property
    def kinds(self) -> list[tuple[str, str, int]]:
        return [(one.bill_id, one.kind.value, one.amount.minor) for one in self.corrections]

    def entries(self, *codes: str) -> list[tuple[str, str, str, int, int]]:
        """Return debit, credit, code, run and amount of the entries that have one of these codes."""
        return [
            (
                f"{line.debit.owner} {line.debit.kind}",
                f"{line.credit.owner} {line.credit.kind}",
                line.entry.code,
                line.entry.run,
                line.entry.amount,
            )
            for line in self.journal
            if line.entry.code in codes
        ]

    @property
    def asked(self) -> int:
        """What the buyer pays in all, less what it gets."""
        credit = sum(one.amount.minor for one in self.corrections if one.kind.is_credit)
        return sum(total for total, _, _ in self.bills) - credit


async def account_of(world: SellerWorld, contract: str) -> Account:
    async with world.uow_factory() as uow:
        bills = await find_bills(contract, uow=uow)
        dues = [await find_due(bill_key(contract, bill.cycle_id), uow=uow) for bill in bills]
        return Account(
            bills=[(bill.total.minor, due, bill.status) for bill, due in zip(bills, dues, strict=True)],
            corrections=await find_corrections(contract, uow=uow),
            journal=await read_journal(uow=uow),
        )


async def statements_of(world: SellerWorld, contract_id: str) -> list[Json]:
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(contract_id)
        bills = await find_bills(contract_id, uow=uow)
        return [
            json.loads(json.dumps(await make_statement(contract, bill.cycle_id, uow, now=world.clock.now())))
            for bill in bills
        ]


async def check(world: SellerWorld, contract: str) -> Account:
    """Look whether the ledger has what is kept, and the verifier finds nothing wrong; return what is kept."""
    kept = await account_of(world, contract)
    debt, credit = [
        await on_account(world.uow_factory, kind) for kind in (AccountKind.RECEIVABLE, AccountKind.CREDIT)
    ]
    assert debt == sum(due for _, due, _ in kept.bills)
    assert credit == refund_due(kept.corrections, currency=USD).minor
    assert debt - credit == kept.asked
    assert all(total >= due >= 0 for total, due, _ in kept.bills)
    assert [due == 0 for _, due, _ in kept.bills] == [
        status is BillStatus.PAID for _, _, status in kept.bills
    ]
    assert (await audit(world.uow_factory)).findings == ()
    for statement in await statements_of(world, contract):
        assert [str(each) for each in verify_statement(json.dumps(statement))] == []
    async with world.uow_factory() as uow:
        assert find_broken(await find_events(contract, uow=uow)) is None
    return kept


async def check_utility(world: SellerWorld, contract: str, *, owner: str, owed: int) -> Account:
    kept = await check(world, contract)
    assert await on_account(world.uow_factory, AccountKind.PENALTY, owner) == owed
    assert await on_account(world.uow_factory, AccountKind.PAYABLE) == kept.asked - owed
    return kept
