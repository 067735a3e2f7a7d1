"""EvChargingSession v3.0: the ledger of a session at a stall, and the terms that it is settled by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from kernel.clock import format_instant, parse_instant
from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from schemas import iris
from trading.charging.stall_ledger import (
    LAST_STATES,
    StallRow,
    StallSession,
    StallState,
)
from trading.delivery import Delivery, DeliveryStatus, SessionReport, SessionStatus
from trading.mapping.bags.stall_offer import read_stall_terms
from trading.mapping.find import Json, reading, without_none

_S: Final = StallState
_STATUS: Final[Mapping[StallState, SessionStatus]] = {
    _S.CHARGING: SessionStatus.ACTIVE,
    _S.LIMITED_BY_CPO: SessionStatus.ACTIVE,
    _S.LIMITED_BY_GRID: SessionStatus.ACTIVE,
    _S.IDLE: SessionStatus.STOP,
    **dict.fromkeys(LAST_STATES, SessionStatus.COMPLETED),
}
"""How a session stands by the last row of its ledger; before these it is pending."""
_DELIVERY: Final = {
    SessionStatus.PENDING: DeliveryStatus.PENDING,
    SessionStatus.ACTIVE: DeliveryStatus.IN_PROGRESS,
    SessionStatus.STOP: DeliveryStatus.IN_PROGRESS,
    SessionStatus.COMPLETED: DeliveryStatus.COMPLETED,
}


def read_stall_session(contract: Mapping[str, Any]) -> StallSession:
    """Return the session of a contract, with its terms as they stand in the accepted offer.

    Raises: FieldInvalid.
    """
    with reading("the session"):
        commitment = contract["commitments"][0]
        attributes = commitment["commitmentAttributes"]
        ledger = contract["performance"][0]["performanceAttributes"]["ledger"]
        reserved = attributes.get("reservedStart")
        promised = Decimal(attributes["quote"]["promisedKW"])
        if promised <= 0:
            raise ValueError("the promised power is more than nothing")
        return StallSession(
            terms=read_stall_terms(commitment["offer"]["offerAttributes"]["terms"]),
            promised=promised,
            rows=tuple(_read_row(row) for row in ledger),
            reserved_start=None if reserved is None else parse_instant(reserved),
        )


def _read_row(row: Mapping[str, Any]) -> StallRow:
    return StallRow(
        at=parse_instant(row["at"]),
        state=StallState(row["state"]),
        energy=Energy.from_kwh(row["kWh"]) if "kWh" in row else None,
        stall=row.get("stallId"),
        event=row.get("eventId"),
    )


def write_ledger(rows: Sequence[StallRow]) -> Json:
    """Return a ledger as a ChargingSession of the third generation."""
    return {
        "@context": iris.STALL_SESSION_CONTEXT,
        "@type": iris.CHARGING_SESSION,
        "ledger": [_write_row(row) for row in rows],
    }


def is_ledger(bag: Mapping[str, Any]) -> bool:
    return "ledger" in bag


def read_ledger(bag: Mapping[str, Any], *, window: Interval) -> Delivery:
    """Return what a ledger says of the delivery; `window` is the contract's.

    Raises: LookupError, TypeError, ValueError.
    """
    rows = tuple(_read_row(row) for row in bag["ledger"])
    state = rows[-1].state
    delivered = sum((row.energy for row in rows if row.energy is not None), ZERO_ENERGY)
    status = _STATUS.get(state, SessionStatus.PENDING)
    came_to_nothing = status is SessionStatus.COMPLETED and delivered == ZERO_ENERGY
    return Delivery(
        status=DeliveryStatus.FAILED if came_to_nothing else _DELIVERY[status],
        delivered=delivered,
        window=window,
        ended=status is SessionStatus.COMPLETED,
        session=SessionReport(status=status, rows=rows),
    )


def _write_row(row: StallRow) -> Json:
    energy = None if row.energy is None else row.energy.kilowatt_hours
    told = {"at": format_instant(row.at), "state": row.state.value, "kWh": energy}
    return without_none(told | {"stallId": row.stall, "eventId": row.event})
