"""Whose search, quote or order it is: the holder of an API key, or a member that the holder names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header

from bap.market.problem import MarketError
from node.callers import MayTrade

HEADER: Final = "X-Account"
_BETWEEN: Final = "\x1f"  # in no holder's name: those can be printed


class NotInAccount(MarketError):
    """The account has no such thing."""

    code, http_status, retryable = "MARKET_NOT_FOUND", 404, False
    kind = "not-found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account of a holder, or that of one of its members: a name that only the holder gives."""

    holder: str
    member: str | None = None

    @property
    def key(self) -> str:
        """How it is kept; one holder's members are never another's."""
        return self.holder if self.member is None else f"{self.holder}{_BETWEEN}{self.member}"

    @property
    def buyer(self) -> str:
        """How sellers are told who buys, unless a quote says otherwise."""
        return self.member or self.holder


def holder_of(key: str) -> str:
    """Return whose account is kept under `key`."""
    return key.partition(_BETWEEN)[0]


Member = Annotated[
    str | None,
    Header(
        alias=HEADER,
        pattern=r"^[A-Za-z0-9._@-]{1,64}$",
        description="Which of your users this is for, by any name of yours. Each has searches, quotes, "
        "orders and webhooks of its own; without it, they are your own.",
    ),
]


async def account_of(visitor: MayTrade, member: Member = None) -> Account:
    """Return the account that a request is for."""
    return Account(holder=visitor.key.name, member=member)


Trader = Annotated[Account, Depends(account_of)]
