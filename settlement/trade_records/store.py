"""Where trades' records are kept: one writer of a record at a time, every state of it for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import simplejson
from sqlalchemy import Row, insert, select, text, update

from kernel.clock import format_instant, parse_instant
from kernel.ids import derived_id
from settlement.trade_records.merging import NO_DIGEST, agree, begin, canonical, row_digest
from settlement.trade_records.parties import PartyRole, check_party, check_platform, check_recordable
from settlement.trade_records.refusals import RefusalCode, Refused
from settlement.trade_records.tables import trade_record_versions, trade_records
from storage.unit_of_work import UnitOfWork

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:record, 0))")
_IDS: Final = {
    "transactionId": "transaction_id",
    "orderItemId": "order_item_id",
    "platformIdBuyer": "platform_id_buyer",
    "platformIdSeller": "platform_id_seller",
    "discomIdBuyer": "discom_id_buyer",
    "discomIdSeller": "discom_id_seller",
    "buyerId": "buyer_id",
    "sellerId": "seller_id",
}
_TIMES: Final = {
    "tradeTime": "trade_time",
    "deliveryStartTime": "delivery_start",
    "deliveryEndTime": "delivery_end",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A request to write into a record, by the subscriber that signed it.

    `change` has the API's field names, without the key; instants are RFC 3339 text in UTC.
    """

    caller: str
    role: PartyRole
    record: UUID
    change: Mapping[str, Any]
    client_reference: str | None = None
    note: str | None = None

    @property
    def digest(self) -> str:
        """What tells a repetition of this request from another one with its reference."""
        told = {"role": self.role, "change": self.change, "note": self.note}
        return sha256(canonical(told).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The record's state after a write."""

    record: UUID
    created_at: datetime
    row_digest: str


def record_id(transaction_id: str, order_item_id: str) -> UUID:
    """Return the id of the record that belongs to an item of an order."""
    return derived_id("trade-record", transaction_id, order_item_id)


async def put_record(
    write: Write, *, transaction_id: str, order_item_id: str, uow: UnitOfWork, now: datetime
) -> Written:
    """Begin a record, or add to it what a platform says. Raises: Refused."""
    check_platform(write.role)
    await uow.connection.execute(_LOCK, {"record": str(write.record)})
    found = await _find(write.record, uow=uow)
    if found is not None:
        content = _content_of(found)
        check_party(write.caller, write.role, content)
        return await _go_on(write, found, agree(content, write.change), uow=uow, now=now)
    key = {"transactionId": transaction_id, "orderItemId": order_item_id}
    content = begin({**key, **write.change})
    check_party(write.caller, write.role, content)
    row = {"id": write.record, "created_at": now, "version": 1, **_columns(content)}
    await uow.connection.execute(insert(trade_records).values(row))
    digest = await _keep(write, content, version=1, before=NO_DIGEST, uow=uow, now=now)
    return Written(record=write.record, created_at=now, row_digest=digest)


async def record_actuals(write: Write, *, uow: UnitOfWork, now: datetime) -> Written:
    """Note in a record what a utility says of its side. Raises: Refused."""
    await uow.connection.execute(_LOCK, {"record": str(write.record)})
    found = await _find(write.record, uow=uow)
    if found is None:
        raise Refused(RefusalCode.NOT_FOUND, "there is no such record; a platform puts it first")
    content = _content_of(found)
    check_party(write.caller, write.role, content)
    check_recordable(write.role, write.change)
    return await _go_on(write, found, {**content, **write.change}, uow=uow, now=now)


async def _find(record: UUID, *, uow: UnitOfWork) -> Row[Any] | None:
    query = (
        select(trade_records.c.created_at, trade_record_versions)
        .join(trade_record_versions, trade_record_versions.c.record == trade_records.c.id)
        .where(trade_records.c.id == record, trade_record_versions.c.version == trade_records.c.version)
    )
    return (await uow.connection.execute(query)).one_or_none()


def _content_of(row: Row[Any]) -> dict[str, Any]:
    content: dict[str, Any] = simplejson.loads(row.content, use_decimal=True)
    return content


async def _go_on(
    write: Write, found: Row[Any], content: Mapping[str, Any], *, uow: UnitOfWork, now: datetime
) -> Written:
    """Return the record after `write`, which is not done again if it was done under its reference before."""
    done = await _find_done(write, uow=uow)
    if done is not None:
        if done.request_digest != write.digest:
            raise Refused(
                RefusalCode.CONFLICT,
                "this clientReference was used before, for another request",
                field="clientReference",
            )
        return Written(record=write.record, created_at=found.created_at, row_digest=done.row_digest)
    said_nothing_new = canonical(content) == found.content and write.note is None
    if said_nothing_new and write.client_reference is None:
        return Written(record=write.record, created_at=found.created_at, row_digest=found.row_digest)
    version = found.version + 1
    digest = await _keep(write, content, version=version, before=found.row_digest, uow=uow, now=now)
    values = {"version": version, **_columns(content)}
    await uow.connection.execute(
        update(trade_records).where(trade_records.c.id == write.record).values(values)
    )
    return Written(record=write.record, created_at=found.created_at, row_digest=digest)


async def _find_done(write: Write, *, uow: UnitOfWork) -> Row[Any, Any] | None:
    versions = trade_record_versions.c
    query = select(versions.request_digest, versions.row_digest).where(
        versions.record == write.record,
        versions.caller == write.caller,
        versions.client_reference == write.client_reference,
    )
    return None if write.client_reference is None else (await uow.connection.execute(query)).one_or_none()


async def _keep(
    write: Write, content: Mapping[str, Any], *, version: int, before: str, uow: UnitOfWork, now: datetime
) -> str:
    """Keep a new state of a record, and return its digest."""
    written = canonical(content)
    digest = row_digest(before, written)
    row = {
        "record": write.record,
        "version": version,
        "content": written,
        "row_digest": digest,
        "role": write.role,
        "caller": write.caller,
        "client_reference": write.client_reference,
        "request_digest": write.digest,
        "note": write.note,
        "at": now,
    }
    await uow.connection.execute(insert(trade_record_versions).values(row))
    return digest


def _columns(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is looked for by, out of a record's state."""
    times = {column: parse_instant(content[field]) for field, column in _TIMES.items() if field in content}
    return {column: content[field] for field, column in _IDS.items()} | times


def stated(created_at: datetime, record: UUID, content: Mapping[str, Any], digest: str) -> dict[str, Any]:
    """Return a record as the API states it, with what the ledger itself gave it."""
    given = {"creationTime": format_instant(created_at), "recordId": str(record), "rowDigest": digest}
    return {**content, **given}
