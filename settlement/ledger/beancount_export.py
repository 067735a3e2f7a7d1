"""The ledger as a beancount file, so that anybody's tools can check it: every balance, to the last unit.

Names that beancount would not take are escaped, and stand as they are in the account's metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from kernel.money import Money
from settlement.ledger.accounts import Account, AccountKind, Amount, amount_in
from settlement.ledger.balances import Balance
from settlement.ledger.entries import Phase
from settlement.ledger.journal_entry import JournalEntry
from settlement.ledger.reading import JournalLine

_ROOTS: Final = {
    AccountKind.CASH_IN: "Assets:CashIn",
    AccountKind.DEPOSIT: "Liabilities:Deposit",
    AccountKind.ESCROW: "Liabilities:Escrow",
    AccountKind.RECEIVABLE: "Assets:Receivable",
    AccountKind.PAYABLE: "Liabilities:Payable",
    AccountKind.REVENUE: "Income:Revenue",
    AccountKind.CREDIT: "Liabilities:Credit",
    AccountKind.WALLET: "Liabilities:Wallet",
    AccountKind.GENERATION: "Assets:Generation",
    AccountKind.DELIVERED: "Liabilities:Delivered",
    AccountKind.WHEELING: "Liabilities:Wheeling",
    AccountKind.PENALTY: "Liabilities:Penalty",
    AccountKind.LOSSES: "Liabilities:Losses",
    AccountKind.TAX: "Liabilities:Tax",
    AccountKind.ROUNDING: "Equity:Rounding",
    AccountKind.FX: "Equity:FX",
}
_BEGINNING: Final = "1970-01-01"
_MOVING: Final = frozenset({Phase.POSTED, Phase.POST})


def beancount_head(accounts: Iterable[Account]) -> Iterator[str]:
    """Yield the options and the opening of every account; tolerance is nought."""
    yield 'option "title" "Ledger"'
    yield 'option "tolerance_multiplier" "0"'
    yield ""
    for account in accounts:
        yield f"{_BEGINNING} open {account_name(account)} {account.unit}"
        yield f"  owner: {_quoted(account.owner)}"


def beancount_entry(line: JournalLine) -> Iterator[str]:
    """Yield an entry: what moves as a transaction, what is only held or given up as a custom directive."""
    entry, amount = line.entry, _amount(line.entry.quantity)
    debit, credit = account_name(line.debit), account_name(line.credit)
    yield ""
    if entry.phase in _MOVING:
        group = "" if entry.linked is None else f" ^{entry.linked}"
        yield f"{entry.day} * {_quoted(entry.code)} {_quoted(entry.ref)}{group}"
        yield from _metadata(entry)
        yield f"  {debit}  {amount}"
        yield f"  {credit}  -{amount}"
    else:
        yield f'{entry.day} custom "hold" {_quoted(entry.phase)} {debit} {credit} {amount}'
        yield from _metadata(entry)


def beancount_balances(balances: Iterable[Balance], *, after: date | None) -> Iterator[str]:
    """Yield an assertion of what stands on every account once the day `after` is over."""
    if after is None:
        return
    yield ""
    for balance in balances:
        account = balance.account
        number = balance.debits_posted - balance.credits_posted
        value = _number(amount_in(account.unit, number))
        yield f"{after + timedelta(days=1)} balance {account_name(account)}  {value} ~ 0 {account.unit}"


def account_name(account: Account) -> str:
    """Return the one name that an account has in a beancount file."""
    owner = "".join(
        sign if sign.isascii() and sign.isalnum() else "".join(f"-{byte:02x}" for byte in sign.encode())
        for sign in account.owner
    )
    return f"{_ROOTS[account.kind]}:Of-{owner}:{account.unit}"


def _metadata(entry: JournalEntry) -> Iterator[str]:
    values = {
        "id": str(entry.id),
        "seq": str(entry.seq),
        "run": str(entry.run),
        "phase": entry.phase.value,
        "event": entry.event_at.isoformat(),
        "recorded": entry.created_at.isoformat(),
        "digest": entry.digest.hex(),
    }
    if entry.hold is not None:
        values["hold"] = str(entry.hold)
    for name, value in values.items():
        yield f"  {name}: {_quoted(value)}"


def _amount(amount: Amount) -> str:
    unit = amount.currency.code if isinstance(amount, Money) else "WH"
    return f"{_number(amount)} {unit}"


def _number(amount: Amount) -> str:
    return f"{amount.amount if isinstance(amount, Money) else Decimal(amount.watt_hours):f}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
