"""Contracts in PostgreSQL, within one transaction.

A contract is locked before its stock, always, so that two transactions never wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import simplejson
from sqlalchemy import Row, Select, bindparam, exists, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.energy import Energy
from kernel.interval import Interval
from trading.contract import Contract
from trading.contract_news import News, note_news
from trading.fields import Field
from trading.grid_records import standing_from_record, standing_to_record
from trading.lifecycle import ContractStatus
from trading.records import source_from_record, source_to_record, terms_from_record, terms_to_record
from trading.refusals import OrderNotFound
from trading.tables import contract_events, contracts

_SAME: Final = (
    "id",
    "order_id",
    "line",
    "lines",
    "transaction_id",
    "bap_id",
    "bap_url",
    "buyer_id",
    "provider_id",
    "resource_id",
    "offer_id",
    "offer_name",
    "profile",
    "source_mrid",
    "target_meter",
    "target_mrid",
    "zone",
    "created_at",
    "updated_at",
    "hold_until",
    "confirmed_at",
    "ended_at",
    "refresh_at",
    "reported",
    "standing",
    "told_at",
)
"""What a contract and its row call alike."""

_DERIVED: Final = frozenset({"order_id", "source_mrid", "target_mrid"})
_FIELDS: Final = tuple(name for name in _SAME if name not in _DERIVED)


_TELLING: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('told order ' || :order_id, 0))")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """What happened to a contract: when, through whom, why, and by which message."""

    at: datetime
    actor: str
    event: str
    status: ContractStatus
    reason: str | None = None
    message_id: str | None = None


class ContractStore:
    """The contracts within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(
        self,
        contract_id: str,
        *,
        bap_id: str | None = None,
        lock: bool = False,
        named_at: Field = Field.ORDER_ID,
    ) -> Contract:
        """Return the contract; with `bap_id`, only if that participant is its buyer's platform.

        `lock` holds it until the unit of work ends; `named_at` is where the message names it.
        Raises: OrderNotFound.
        """
        query = select(contracts).where(contracts.c.id == contract_id)
        if bap_id is not None:
            query = query.where(contracts.c.bap_id == bap_id)
        readable = contract_id.isprintable()  # PostgreSQL takes no NUL
        contract = await self._one(query, lock=lock) if readable else None
        if contract is None:
            raise OrderNotFound(
                f"there is no order {contract_id[:64]} of yours here",
                path=named_at,
                hint="Use the order's id that on_init gave.",
            )
        return contract

    async def find_in_transaction(
        self, *, bap_id: str, transaction_id: str, lock: bool = False
    ) -> Contract | None:
        """Return the contract of a conversation that has not ended, else the newest, or None."""
        query = (
            select(contracts)
            .where(contracts.c.bap_id == bap_id, contracts.c.transaction_id == transaction_id)
            .order_by(
                contracts.c.status == ContractStatus.TERMINATED.value,
                contracts.c.created_at.desc(),
                contracts.c.line,
                contracts.c.id,
            )
            .limit(1)
        )
        return await self._one(query, lock=lock)

    async def take_word(self, order_id: str) -> None:
        """Keep others from telling of an order until the unit of work ends.

        Its lines change by themselves, and each message tells of all: so the last one knows of every change.
        Lock contracts before it.
        """
        await self._connection.execute(_TELLING, {"order_id": order_id})

    async def find_lines(self, first: Contract, *, lock: bool = False) -> list[Contract]:
        """Return every contract of the order that `first` is the first line of, line by line.

        `lock` holds them until the unit of work ends, always in the order of their ids.
        """
        if first.lines == 1:
            return [await self.get(first.id, lock=True)] if lock else [first]
        query = (
            select(contracts)
            .where(contracts.c.order_id == first.order_id, contracts.c.line <= first.lines)
            .order_by(contracts.c.id)
        )
        rows = await self._connection.execute(query.with_for_update() if lock else query)
        return sorted((_contract(row) for row in rows), key=lambda each: each.line)

    async def find_due(self, *, now: datetime, limit: int = 1) -> list[Contract]:
        """Return contracts that have to be looked at, the longest due first, and hold them.

        Those that somebody else holds are left out. Of an order it is the first of the lines that are due:
        so whoever looks at one can look at the others with it (`find_due_beside`), and nobody does by halves.
        """
        earlier = contracts.alias()
        is_first = ~exists().where(
            earlier.c.order_id == contracts.c.order_id,
            earlier.c.line < contracts.c.line,
            earlier.c.refresh_at <= now,
        )
        query = (
            select(contracts)
            .where(contracts.c.refresh_at <= now, or_(contracts.c.line == 1, is_first))
            .order_by(contracts.c.refresh_at, contracts.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [_contract(row) for row in await self._connection.execute(query)]

    async def find_due_beside(self, contract: Contract, *, now: datetime) -> list[Contract]:
        """Return the other lines of a contract's order that have to be looked at, too, and hold them.

        Those that somebody else holds are left out: so a line that is held never waits for another.
        """
        if contract.lines == 1:
            return []
        query = (
            select(contracts)
            .where(
                contracts.c.order_id == contract.order_id,
                contracts.c.id != contract.id,
                contracts.c.refresh_at <= now,
            )
            .order_by(contracts.c.line)
            .with_for_update(skip_locked=True)
        )
        return [_contract(row) for row in await self._connection.execute(query)]

    async def find_page(self, *, skip: int = 0, limit: int = 50) -> list[Contract]:
        """Return contracts, the newest first."""
        query = (
            select(contracts)
            .order_by(contracts.c.created_at.desc(), contracts.c.id)
            .offset(skip)
            .limit(limit)
        )
        return [_contract(row) for row in await self._connection.execute(query)]

    async def has_bought(self, *, bap_id: str, column: str, value: str) -> bool:
        """Say whether a participant confirmed an order with `value` in `column`.

        That is its order_id, resource_id or provider_id.
        """
        query = select(func.count()).where(
            contracts.c.bap_id == bap_id,
            contracts.c[column] == value,
            contracts.c.confirmed_at.is_not(None),
        )
        return (await self._connection.execute(query)).scalar_one() > 0

    async def save(self, contract: Contract) -> None:
        """Keep the contract as it is now."""
        values = _row(contract)
        statement = upsert(contracts).values(**values)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[contracts.c.id],
                set_={name: value for name, value in values.items() if name != "id"},
            )
        )

    async def note(self, contract: Contract, entry: HistoryEntry) -> None:
        """Append to the contract's history what happened to it, for whoever follows contracts, too."""
        await self._connection.execute(
            insert(contract_events).values(
                contract_id=contract.id,
                at=entry.at,
                actor=entry.actor,
                event=entry.event,
                status=entry.status.value,
                reason=entry.reason,
                message_id=entry.message_id,
                fingerprint=fingerprint(contract),
            )
        )
        news = News(
            contract_id=contract.id, event=entry.event, status=entry.status, reason=entry.reason, at=entry.at
        )
        await note_news(self._connection, news)

    async def history(self, contract_id: str) -> list[HistoryEntry]:
        """Return what happened to a contract, in order."""
        columns = contract_events.c
        query = (
            select(
                columns.at,
                columns.actor,
                columns.event,
                columns.status,
                columns.reason,
                columns.message_id,
            )
            .where(columns.contract_id == contract_id)
            .order_by(columns.id)
        )
        rows = (await self._connection.execute(query)).mappings()
        return [HistoryEntry(**{**row, "status": ContractStatus(row["status"])}) for row in rows]

    async def postpone(self, contract_id: str, *, until: datetime) -> None:
        """Leave a due contract alone for a while."""
        await self._connection.execute(
            update(contracts)
            .where(contracts.c.id == bindparam("contract_id"), contracts.c.refresh_at.is_not(None))
            .values(refresh_at=until),
            {"contract_id": contract_id},
        )

    async def _one(self, query: Select[Any], *, lock: bool) -> Contract | None:
        row = (await self._connection.execute(query.with_for_update() if lock else query)).one_or_none()
        return None if row is None else _contract(row)


def fingerprint(contract: Contract) -> str:
    """Return the SHA-256 of all that was agreed and of the state the contract is in, as hex."""
    row = {name: value for name, value in _row(contract).items() if name not in _UNAGREED}
    if contract.grid is None:
        del row["grid"]  # as in contracts of before utilities were asked
    if contract.lines == 1:
        row = {name: value for name, value in row.items() if name not in _OF_LINES}  # as before there were
    return sha256(simplejson.dumps(row, sort_keys=True, default=str).encode()).hexdigest()


_OF_LINES: Final = frozenset({"order_id", "line", "lines"})
_UNAGREED: Final = frozenset({"profile", "refresh_at", "reported", "standing", "told_at", "updated_at"})


def _row(contract: Contract) -> dict[str, Any]:
    return {name: getattr(contract, name) for name in _SAME} | {
        "source": source_to_record(contract.source),
        "quantity_wh": contract.quantity.watt_hours,
        "window_start": contract.window.start,
        "window_end": contract.window.end,
        "terms": terms_to_record(contract.terms),
        "status": contract.status.value,
        "buyer_order": simplejson.dumps(contract.buyer_order, use_decimal=True, ensure_ascii=False),
        "grid": contract.grid and standing_to_record(contract.grid),
    }


def _contract(row: Row[Any]) -> Contract:
    values: Sequence[Any] = [row._mapping[name] for name in _FIELDS]  # noqa: SLF001  SQLAlchemy's public name
    return Contract(
        **dict(zip(_FIELDS, values, strict=True)),
        source=source_from_record(row.source),
        quantity=Energy(row.quantity_wh),
        window=Interval(row.window_start, row.window_end),
        terms=terms_from_record(row.terms),
        status=ContractStatus(row.status),
        buyer_order=simplejson.loads(row.buyer_order, use_decimal=True),
        grid=row.grid and standing_from_record(row.grid),
    )
