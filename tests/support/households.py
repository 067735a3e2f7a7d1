"""A household that sells its surplus: meter, wallets, orders, a buyer with a purse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kernel.clock import parse_instant
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from settlement.ledger.accounts import Account, AccountKind
from settlement.ledger.entries import Entry, Hold, Post, Transfer
from settlement.ledger.ledger import Ledger
from settlement.ledger.minting import energy_wallet_of, mint
from storage.unit_of_work import UnitOfWorkFactory

INR = Currency("INR")
METER, SELLER, BUYER = "meter-1", "prosumer", "consumer"
SOLD = Account(owner=SELLER, kind=AccountKind.ESCROW, unit="WH")
EARNED = Account(owner=SELLER, kind=AccountKind.WALLET, unit="INR")
PURSE = Account(owner=BUYER, kind=AccountKind.WALLET, unit="INR")
BANK = Account(owner=BUYER, kind=AccountKind.CASH_IN, unit="INR")


def at(hour: str) -> datetime:
    return parse_instant(f"2026-01-15T{hour}:00Z")


def kwh(text: str) -> Energy:
    return Energy.from_kwh(text)


@dataclass
class Household:
    """The seller's and the buyer's accounts."""

    uow_factory: UnitOfWorkFactory

    async def begin(self, purse: str) -> None:
        async with self.uow_factory() as uow:
            ledger = Ledger(uow)
            await ledger.open(SOLD, EARNED, PURSE, BANK, energy_wallet_of(SELLER), energy_wallet_of(BUYER))
            paid = Transfer(
                key=("paid-in",),
                debit=BANK,
                credit=PURSE,
                amount=Money.of(purse, INR),
                code="PAYMENT",
                event_at=at("07:00"),
            )
            await ledger.transfer(paid, now=at("07:00"))

    async def read(self, register: Energy, hour: str) -> tuple[int, int, int]:
        """Return Wh minted, taken back, and owed by the meter."""
        async with self.uow_factory() as uow:
            done = await mint(
                Ledger(uow),
                meter=METER,
                owner=SELLER,
                surplus_register=register,
                event_at=at(hour),
                now=at(hour),
            )
        minted, back = done.minted, done.clawed_back
        return (minted.amount if minted else 0, back.amount if back else 0, done.deficit.watt_hours)

    async def offer(self, quantity: Energy, *, order: str = "order-1") -> Hold:
        held = Hold(
            key=(order, "offered"),
            debit=energy_wallet_of(SELLER),
            credit=SOLD,
            amount=quantity,
            code="SELL_ORDER",
            ref=order,
            event_at=at("12:00"),
            expires_at=at("23:00"),
        )
        async with self.uow_factory() as uow:
            await Ledger(uow).hold(held, now=at("12:00"))
        return held

    async def match(self, held: Hold, quantity: Energy, money: Money, *, trade: str = "trade-1") -> None:
        legs: list[Entry] = [
            Post(hold=held.id, amount=quantity, event_at=at("13:00")),
            Transfer(
                key=(trade, "energy"),
                debit=SOLD,
                credit=energy_wallet_of(BUYER),
                amount=quantity,
                code="ENERGY",
                ref=trade,
                event_at=at("13:00"),
            ),
            Transfer(
                key=(trade, "money"),
                debit=PURSE,
                credit=EARNED,
                amount=money,
                code="ENERGY",
                ref=trade,
                event_at=at("13:00"),
            ),
        ]
        async with self.uow_factory() as uow:
            await Ledger(uow).record(legs, now=at("13:00"), linked=True)

    async def has(self, account: Account) -> int:
        async with self.uow_factory() as uow:
            return (await Ledger(uow).balance(account)).available

    async def in_escrow(self) -> int:
        async with self.uow_factory() as uow:
            return (await Ledger(uow).balance(SOLD)).credits_pending
