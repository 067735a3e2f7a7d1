"""Which trades' records a caller finds: only those it has a part in, and by nothing that it may not see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import simplejson
from sqlalchemy import ColumnElement, or_, select

from settlement.trade_records.parties import NAMED_IN, SEEN_BY, visible_to
from settlement.trade_records.store import stated
from settlement.trade_records.tables import trade_record_versions, trade_records
from storage.unit_of_work import UnitOfWork

_RECORDS: Final = trade_records.c
_EQUAL: Final[Mapping[str, ColumnElement[str]]] = {
    "transactionId": _RECORDS.transaction_id,
    "orderItemId": _RECORDS.order_item_id,
    "buyerId": _RECORDS.buyer_id,
    "sellerId": _RECORDS.seller_id,
    "discomIdBuyer": _RECORDS.discom_id_buyer,
    "discomIdSeller": _RECORDS.discom_id_seller,
    "platformIdBuyer": _RECORDS.platform_id_buyer,
    "platformIdSeller": _RECORDS.platform_id_seller,
}
_SPANS: Final[Mapping[str, ColumnElement[datetime]]] = {
    "creationTime": _RECORDS.created_at,
    "tradeTime": _RECORDS.trade_time,
    "deliveryStart": _RECORDS.delivery_start,
    "deliveryEnd": _RECORDS.delivery_end,
}


class SortBy(StrEnum):
    """What records are put in order by; those that have none of it come last."""

    CREATION = "creationTime"
    TRADE = "tradeTime"
    DELIVERY_START = "deliveryStartTime"
    DELIVERY_END = "deliveryEndTime"


_SORTED: Final = dict(zip(SortBy, _SPANS.values(), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which records are looked for.

    `equal` holds texts by the API's field names; `since` and `until` instants by `creationTime`,
    `tradeTime`, `deliveryStart` and `deliveryEnd`: from the first on, before the second.
    """

    record: UUID | None = None
    equal: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, datetime] = field(default_factory=dict)
    until: Mapping[str, datetime] = field(default_factory=dict)
    sort: SortBy = SortBy.CREATION
    descending: bool = True
    limit: int = 50
    offset: int = 0


async def find_records(wanted: Wanted, *, caller: str, uow: UnitOfWork) -> list[dict[str, Any]]:
    """Return a page of the caller's records, each as the caller sees it."""
    key = _SORTED[wanted.sort]
    query = (
        select(_RECORDS.id, _RECORDS.created_at, trade_record_versions)
        .join(trade_record_versions, trade_record_versions.c.record == _RECORDS.id)
        .where(trade_record_versions.c.version == _RECORDS.version, *_conditions(wanted, caller))
        .order_by((key.desc() if wanted.descending else key.asc()).nulls_last(), _RECORDS.id)
        .limit(wanted.limit)
        .offset(wanted.offset)
    )
    found = (await uow.connection.execute(query)).all()
    return [
        visible_to(
            caller,
            stated(row.created_at, row.id, simplejson.loads(row.content, use_decimal=True), row.row_digest),
        )
        for row in found
    ]


def _conditions(wanted: Wanted, caller: str) -> list[ColumnElement[bool]]:
    parts = {role: _EQUAL[name] == caller for role, name in NAMED_IN.items()}
    conditions: list[ColumnElement[bool]] = [or_(*parts.values())]
    if wanted.record is not None:
        conditions.append(_RECORDS.id == wanted.record)
    for name, value in wanted.equal.items():
        conditions.append(_EQUAL[name] == value)
        if name in SEEN_BY:
            conditions.append(or_(*(parts[role] for role in SEEN_BY[name])))
    conditions += [_SPANS[name] >= instant for name, instant in wanted.since.items()]
    conditions += [_SPANS[name] < instant for name, instant in wanted.until.items()]
    return conditions
