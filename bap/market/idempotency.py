"""The same request twice: done once, and answered twice with the same thing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Final

from fastapi import Header
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from bap.market.account import Account
from bap.market.problem import MarketError
from bap.market.tables import market_idempotency
from storage.unit_of_work import UnitOfWork

HEADER: Final = "Idempotency-Key"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        pattern=r"^[\x21-\x7e]{1,128}$",
        description="Any text that you send with this request only. Sent again with the same body, nothing "
        "is done twice: you get the same thing as it stands then. With another body it is refused.",
    ),
]


class KeyReused(MarketError):
    """The key came with another request before."""

    code, http_status, retryable = "MARKET_IDEMPOTENCY_KEY_REUSED", 422, False
    kind = "key-reused"


class DoneBefore(Exception):
    """The same request was served before; `reference` is what came of it."""

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self.reference = reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A request that may be a repetition."""

    account: Account
    key: str | None
    digest: str

    async def find(self, uow: UnitOfWork) -> str | None:
        """Return what came of the same request before, None if it is new. Raises: KeyReused."""
        if self.key is None:
            return None
        table = market_idempotency.c
        rows = await uow.connection.execute(
            select(table.digest, table.reference).where(
                table.account == self.account.key, table.key == self.key
            )
        )
        row = rows.one_or_none()
        if row is None:
            return None
        if row.digest != self.digest:
            raise KeyReused(
                "this key came with another request before",
                path=f"header.{HEADER}",
                hint="Make a new key for each new request.",
            )
        return str(row.reference)

    async def record(self, uow: UnitOfWork, reference: str, *, now: datetime) -> None:
        """Keep what comes of the request, in the unit of work that does it.

        Raises: DoneBefore, if another request with the key was quicker; KeyReused.
        """
        if self.key is None:
            return
        statement = insert(market_idempotency).values(
            account=self.account.key, key=self.key, digest=self.digest, reference=reference, at=now
        )
        put = await uow.connection.execute(
            statement.on_conflict_do_nothing().returning(market_idempotency.c.key)
        )
        if put.first() is None and (before := await self.find(uow)) is not None:
            raise DoneBefore(before)


def attempt_of(account: Account, key: str | None, path: str, form: BaseModel | None) -> Attempt:
    """Return what tells a request from others: where it goes and what its form says."""
    body = "" if form is None else form.model_dump_json()
    return Attempt(account=account, key=key, digest=sha256(f"{path}\n{body}".encode()).hexdigest())
