"""Accounts: whose, of which kind, in which unit; and what stands on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from kernel.currency import Currency, UnknownCurrency
from kernel.energy import Energy
from kernel.errors import NodeError
from kernel.ids import derived_id
from kernel.money import Money
from kernel.plain_text import one_line

WATT_HOURS: Final = "WH"
"""The unit of energy on the ledger; every other unit is a currency's ISO 4217 code."""

Amount = Money | Energy


class AccountInvalid(NodeError):
    """An account that cannot be: without an owner, or in a unit that is none."""

    code, http_status, retryable = "LEDGER_ACCOUNT_INVALID", 400, False


class Side(StrEnum):
    """The side of an account on which it grows."""

    DEBIT = "DEBIT"
    CREDIT = "CREDIT"


class AccountKind(StrEnum):
    """What an account is for."""

    CASH_IN = "CASH_IN"  # money that came in from the owner, and went out to it again
    DEPOSIT = "DEPOSIT"  # what the owner has paid ahead, as security or to trade with
    ESCROW = "ESCROW"  # what is set aside for one trade
    RECEIVABLE = "RECEIVABLE"  # what the owner has been billed and has not paid
    PAYABLE = "PAYABLE"  # what the owner is owed and has not been paid
    REVENUE = "REVENUE"  # what the owner has earned
    CREDIT = "CREDIT"  # credit notes that the owner has not used up
    WALLET = "WALLET"  # money or energy at the owner's disposal
    GENERATION = "GENERATION"  # what a meter has brought into being
    DELIVERED = "DELIVERED"  # what has come to a meter under contracts
    WHEELING = "WHEELING"  # a utility's charges for its wires
    PENALTY = "PENALTY"  # what a utility is due for deviations
    LOSSES = "LOSSES"  # what was lost in a utility's wires
    TAX = "TAX"
    ROUNDING = "ROUNDING"
    FX = "FX"  # between two currencies


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRule:
    """On which side a kind grows, and whether the other side may ever exceed it."""

    side: Side
    is_bounded: bool = False


_GROWS_BY_CREDIT: Final = KindRule(side=Side.CREDIT)
_GROWS_BY_DEBIT: Final = KindRule(side=Side.DEBIT)
_NEVER_OVERDRAWN: Final = KindRule(side=Side.CREDIT, is_bounded=True)

RULES: Final[dict[AccountKind, KindRule]] = {
    AccountKind.CASH_IN: _GROWS_BY_DEBIT,
    AccountKind.DEPOSIT: _NEVER_OVERDRAWN,
    AccountKind.ESCROW: _NEVER_OVERDRAWN,
    AccountKind.RECEIVABLE: _GROWS_BY_DEBIT,
    AccountKind.PAYABLE: _GROWS_BY_CREDIT,
    AccountKind.REVENUE: _GROWS_BY_CREDIT,
    AccountKind.CREDIT: _NEVER_OVERDRAWN,
    AccountKind.WALLET: _NEVER_OVERDRAWN,
    AccountKind.GENERATION: KindRule(side=Side.DEBIT, is_bounded=True),
    AccountKind.DELIVERED: _NEVER_OVERDRAWN,
    AccountKind.WHEELING: _GROWS_BY_CREDIT,
    AccountKind.PENALTY: _GROWS_BY_CREDIT,
    AccountKind.LOSSES: _GROWS_BY_CREDIT,
    AccountKind.TAX: _GROWS_BY_CREDIT,
    AccountKind.ROUNDING: _GROWS_BY_CREDIT,
    AccountKind.FX: _GROWS_BY_CREDIT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account, which is its owner, its kind and its unit; its id follows from those.

    Raises: AccountInvalid, if there is no owner, or the unit is neither WH nor a currency.
    """

    owner: str
    kind: AccountKind
    unit: str
    id: UUID = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.owner or one_line(self.owner) != self.owner:
            raise AccountInvalid(f"an account's owner is written on one line, not {self.owner!r}")
        check_unit(self.unit)
        object.__setattr__(self, "id", account_id(self.owner, self.kind, self.unit))

    @property
    def rule(self) -> KindRule:
        return RULES[self.kind]

    def __str__(self) -> str:
        return f"{self.kind} of {self.owner} in {self.unit}"


def account_id(owner: str, kind: str, unit: str) -> UUID:
    """Return the one id that such an account can have."""
    return derived_id("ledger-account", owner, kind, unit)


def check_unit(unit: str) -> None:
    """Raises: AccountInvalid, unless `unit` is WH or the code of a currency."""
    if unit == WATT_HOURS:
        return
    try:
        Currency(unit)
    except UnknownCurrency as error:
        raise AccountInvalid(str(error), hint="Energy is kept in WH.") from error


def unit_of(amount: Amount) -> str:
    """Return the unit in which `amount` is kept."""
    return amount.currency.code if isinstance(amount, Money) else WATT_HOURS


def whole(amount: Amount) -> int:
    """Return `amount` in minor units, or in Wh."""
    return amount.minor if isinstance(amount, Money) else amount.watt_hours


def amount_in(unit: str, number: int) -> Amount:
    """Return so many minor units, or Wh, as what they are."""
    return Energy(number) if unit == WATT_HOURS else Money(number, Currency(unit))
