"""What may be asked of the ledger: transfers, holds, and what becomes of holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from kernel.clock import utc
from kernel.errors import NodeError
from kernel.ids import derived_id
from kernel.plain_text import one_line
from settlement.ledger.accounts import Account, Amount, unit_of, whole

MOST: Final = 2**63 - 1
"""The largest number that an amount or a balance can have."""


class TransferInvalid(NodeError):
    """A movement that no ledger could keep."""

    code, http_status, retryable = "LEDGER_TRANSFER_INVALID", 400, False


class Phase(StrEnum):
    """What an entry of the journal does."""

    POSTED = "POSTED"  # moves the amount
    PENDING = "PENDING"  # holds the amount
    POST = "POST"  # moves the amount out of a hold; what is left of the hold returns
    VOID = "VOID"  # gives a hold up
    EXPIRE = "EXPIRE"  # gives a hold up whose time is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """An amount that moves from one account's debit to another's credit.

    `key` is what makes it this transfer and no other, like contract, cycle, run and line: its id follows
    from that, so that whoever tries again says the same. `event_at` is when it came about in the world;
    who tries again says the same instant.
    Raises: TransferInvalid.
    """

    key: tuple[str, ...]
    debit: Account
    credit: Account
    amount: Amount
    code: str  # why it moves, in one word: ENERGY, WHEELING, …
    ref: str = ""  # what it belongs to: a contract, a bill
    run: int = 0  # of the settlement that it is from
    event_at: datetime
    id: UUID = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", transfer_id(*self.key))
        object.__setattr__(self, "event_at", utc(self.event_at))
        _check_amount(self.amount)
        if not (self.key and self.code and _is_one_line(self.code) and _is_one_line(self.ref)):
            raise TransferInvalid("a transfer needs a key and a code, and is written on one line")
        if self.debit.id == self.credit.id:
            raise TransferInvalid(f"{self.debit} cannot pay itself")
        if not self.debit.unit == self.credit.unit == unit_of(self.amount):
            raise TransferInvalid(
                f"{self.amount} does not move between the {self.debit} and the {self.credit}",
                hint="Exchange is two linked transfers over an FX account.",
            )
        if not 0 <= self.run < 2**31:
            raise TransferInvalid(f"a run is numbered from 0, not {self.run}")

    @property
    def phase(self) -> Phase:
        return Phase.POSTED

    @property
    def expires(self) -> datetime | None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Transfer):
    """A transfer that waits: the amount is set aside until it is posted, voided, or its time is over."""

    expires_at: datetime | None = None  # None: it waits for ever

    def __post_init__(self) -> None:
        Transfer.__post_init__(self)
        if self.expires_at is not None:
            object.__setattr__(self, "expires_at", utc(self.expires_at))

    @property
    def phase(self) -> Phase:
        return Phase.PENDING

    @property
    def expires(self) -> datetime | None:
        return self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Move what a hold has set aside, or a part of it; the rest returns. Raises: TransferInvalid."""

    hold: UUID
    amount: Amount | None = None  # None: all of it
    event_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "event_at", utc(self.event_at))
        if self.amount is not None:
            _check_amount(self.amount)

    @property
    def phase(self) -> Phase:
        return Phase.POST


@dataclass(frozen=True, slots=True, kw_only=True)
class Void:
    """Give a hold up: all of it returns."""

    hold: UUID
    event_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "event_at", utc(self.event_at))

    @property
    def phase(self) -> Phase:
        return Phase.VOID

    @property
    def amount(self) -> Amount | None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire(Void):
    """Give a hold up because its time is over, unless something has become of it before."""

    @property
    def phase(self) -> Phase:
        return Phase.EXPIRE


Entry = Transfer | Post | Void


def transfer_id(*key: str) -> UUID:
    """Return the id of the transfer with that key."""
    return derived_id("ledger-transfer", *key)


def resolution_id(hold: UUID) -> UUID:
    """Return the id of what becomes of a hold: one, so nothing else can become of it."""
    return derived_id("ledger-resolution", str(hold))


def _is_one_line(text: str) -> bool:
    return text.isprintable() or one_line(text) == text


def _check_amount(amount: Amount) -> None:
    if not 0 < whole(amount) <= MOST:
        raise TransferInvalid(
            f"an amount that moves is more than nothing and below 2^63, not {whole(amount)}",
            hint="What goes back is a transfer the other way round.",
        )
