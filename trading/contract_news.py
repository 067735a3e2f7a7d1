"""What happened to contracts, kept for somebody outside until they were told, within one transaction.

It is kept by the transaction that brought it about, and only where somebody follows contracts. Whoever
keeps news of a contract has locked it, so that its news are told in the order in which they came about.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    Text,
    delete,
    exists,
    insert,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from trading.lifecycle import ContractStatus
from trading.tables import contract_news, contracts, news_followers

BILL_ISSUED: Final = "BILL"
"""The event of a bill that is issued under a contract."""
BILL_PAID: Final = "BILL_PAID"
"""The event of a bill that payments have reached the total of."""
BILL_CORRECTED: Final = "BILL_CORRECTED"
"""The event of an issued bill's correction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What happened to a contract, and how it stood then.

    `bill` is the cycle of one that was issued, paid or corrected, `correction` the number of its correction.
    """

    contract_id: str
    event: str
    status: ContractStatus
    at: datetime
    reason: str | None = None
    bill: str | None = None
    correction: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedNews:
    """News that are to be told now; `tries` counts this try, too."""

    id: int
    tries: int
    news: News


async def note_news(connection: AsyncConnection, news: News) -> None:
    """Keep news to be told, if anybody follows contracts."""
    told: dict[Column[Any], ColumnElement[Any]] = {
        contract_news.c.event: literal(news.event, Text),
        contract_news.c.status: literal(news.status.value, Text),
        contract_news.c.reason: literal(news.reason, Text),
        contract_news.c.bill: literal(news.bill, Text),
        contract_news.c.correction: literal(news.correction, Integer),
    }
    await _keep(connection, told, contract_id=news.contract_id, at=news.at)


async def note_paid(connection: AsyncConnection, *, contract_id: str, bill: str, at: datetime) -> None:
    """Keep to be told that a bill of a contract is paid, if anybody follows contracts."""
    told: dict[Column[Any], ColumnElement[Any]] = {
        contract_news.c.event: literal(BILL_PAID, Text),
        contract_news.c.status: contracts.c.status,
        contract_news.c.bill: literal(bill, Text),
    }
    await _keep(connection, told, contract_id=contract_id, at=at)


async def _keep(
    connection: AsyncConnection,
    told: dict[Column[Any], ColumnElement[Any]],
    *,
    contract_id: str,
    at: datetime,
) -> None:
    """Keep news of a contract, due since they came about, if anybody follows."""
    values = told | {
        contract_news.c.contract_id: contracts.c.id,
        contract_news.c.provider_id: contracts.c.provider_id,
        contract_news.c.at: literal(at, contract_news.c.at.type),
        contract_news.c.due_at: literal(at, contract_news.c.due_at.type),
        contract_news.c.tries: literal(0, Integer),
    }
    somebody = exists().select_from(news_followers)
    found = select(*values.values()).where(contracts.c.id == contract_id, somebody)
    await connection.execute(insert(contract_news).from_select(list(values), found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """Whose contracts' news are meant: those of some alone, or of all but some."""

    alone: Collection[str] | None = None
    but: Collection[str] = ()

    def are_meant(self) -> ColumnElement[bool]:
        """Return the condition on news."""
        column = contract_news.c.provider_id
        if self.alone is not None:
            return column.in_(self.alone)
        return column.not_in(self.but) if self.but else true()


_ANYBODY: Final = Providers()


class NewsStore:
    """The news that are still to be told, within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def follow(self, name: str, *, since: datetime) -> None:
        """Have news kept from now on."""
        await self._connection.execute(
            upsert(news_followers).values(name=name, since=since).on_conflict_do_nothing()
        )

    async def unfollow(self, name: str) -> None:
        """Have no more news kept; those that are stay until somebody follows again."""
        await self._connection.execute(delete(news_followers).where(news_followers.c.name == name))

    async def claim(self, *, now: datetime, lease: timedelta, of: Providers = _ANYBODY) -> ClaimedNews | None:
        """Return the news of these providers that are due for the longest; they are due again after `lease`.

        Of each contract those come first that came about first.
        """
        table = contract_news.c
        earlier = contract_news.alias("earlier")
        is_first = ~exists().where(earlier.c.contract_id == table.contract_id, earlier.c.id < table.id)
        due = (
            select(table.id)
            .where(table.due_at <= now, is_first, of.are_meant())
            .order_by(table.due_at, table.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = (
            await self._connection.execute(
                update(contract_news)
                .where(table.id == due.scalar_subquery())
                .values(tries=table.tries + 1, due_at=now + lease)
                .returning(contract_news)
            )
        ).one_or_none()
        if row is None:
            return None
        news = News(
            contract_id=row.contract_id,
            event=row.event,
            status=ContractStatus(row.status),
            at=row.at,
            reason=row.reason,
            bill=row.bill,
            correction=row.correction,
        )
        return ClaimedNews(id=row.id, tries=row.tries, news=news)

    async def drop(self, claimed: ClaimedNews) -> None:
        """Forget news: they were told, or nobody needs them."""
        await self._connection.execute(delete(contract_news).where(contract_news.c.id == claimed.id))

    async def put_off(self, claimed: ClaimedNews, *, until: datetime) -> None:
        """Have news told again then, unless somebody else is at it by now."""
        await self._connection.execute(
            update(contract_news)
            .where(contract_news.c.id == claimed.id, contract_news.c.tries == claimed.tries)
            .values(due_at=until)
        )
