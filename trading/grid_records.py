"""What a contract has to do with utilities, and what was asked of them, as it is kept: plain JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from trading.grid import GridGrant, GridRequest, GridStanding, SanctionedLoad, TradingLimit
from trading.records import Record, wheeling_from_record, wheeling_to_record
from trading.terms import SettlementType

_TEXTS = (
    "order_id",
    "buyer_platform",
    "seller_platform",
    "buyer_utility",
    "seller_utility",
    "buyer_id",
    "provider_id",
    "resource_id",
    "offer_id",
    "source_meter",
    "target_meter",
    "zone",
)


def standing_to_record(standing: GridStanding) -> Record:
    """Return `standing` as JSON that `standing_from_record` reads back."""
    return {
        "platform": standing.platform,
        "seller_utility": standing.seller_utility,
        "buyer_utility": standing.buyer_utility,
        "offered": standing.offered,
        "limit": standing.limit and limit_to_record(standing.limit),
    }


def standing_from_record(record: Record) -> GridStanding:
    """Return the standing that was kept as `record`."""
    limit = record["limit"]
    return GridStanding(**{**record, "limit": limit and limit_from_record(limit)})


def limit_to_record(limit: TradingLimit) -> Record:
    """Return `limit` as JSON that `limit_from_record` reads back."""
    load = limit.load
    return {
        "remaining_wh": limit.remaining.watt_hours,
        "load": load and {"total": load.total, "used": load.used, "unit": load.unit},
        "valid_until": limit.valid_until and limit.valid_until.isoformat(),
    }


def limit_from_record(record: Record) -> TradingLimit:
    """Return the limit that was kept as `record`."""
    load, until = record["load"], record["valid_until"]
    return TradingLimit(
        remaining=Energy(record["remaining_wh"]),
        load=load and SanctionedLoad(**load),
        valid_until=until and datetime.fromisoformat(until),
    )


def request_to_record(request: GridRequest) -> Record:
    """Return `request` as JSON that `request_from_record` reads back."""
    return {name: getattr(request, name) for name in _TEXTS} | {
        "quantity_wh": request.quantity.watt_hours,
        "start": request.window.start.isoformat(),
        "end": request.window.end.isoformat(),
        "settlement": request.settlement.value,
    }


def request_from_record(record: Record) -> GridRequest:
    """Return the request that was kept as `record`."""
    texts: dict[str, Any] = {name: record[name] for name in _TEXTS}
    return GridRequest(
        **texts,
        quantity=Energy(record["quantity_wh"]),
        window=Interval(datetime.fromisoformat(record["start"]), datetime.fromisoformat(record["end"])),
        settlement=SettlementType(record["settlement"]),
    )


def grant_to_record(grant: GridGrant) -> Record:
    """Return `grant` as JSON that `grant_from_record` reads back; its quote has been looked at."""
    return {
        "order_id": grant.order_id,
        "wheeling": [
            wheeling_to_record(charge) | {"currency": charge.currency.code} for charge in grant.wheeling
        ],
        "limit": grant.limit and limit_to_record(grant.limit),
    }


def grant_from_record(record: Record) -> GridGrant:
    """Return the grant that was kept as `record`."""
    limit = record["limit"]
    return GridGrant(
        order_id=record["order_id"],
        wheeling=tuple(
            wheeling_from_record(charge, Currency(charge["currency"])) for charge in record["wheeling"]
        ),
        limit=limit and limit_from_record(limit),
    )
