"""EvChargingSession v3.0 with the terms that it is settled by, out of a contract of 2.0.0 LTS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from kernel.clock import parse_instant
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from trading.charging.stall_ledger import (
    ReservationTerms,
    StallRow,
    StallSession,
    StallState,
    StallTerms,
)
from trading.mapping.find import reading
from trading.rates import Price


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
            terms=_read_terms(commitment["offer"]["offerAttributes"]["terms"]),
            promised=promised,
            rows=tuple(_read_row(row) for row in ledger),
            reserved_start=None if reserved is None else parse_instant(reserved),
        )


def _read_terms(terms: Mapping[str, Any]) -> StallTerms:
    currency = Currency(terms["currency"])
    reservation = terms.get("reservation")
    return StallTerms(
        energy=Price(per_kwh=Decimal(terms["energyPerKWh"]), currency=currency),
        occupancy=Money.of(terms["occupancyPerMin"], currency),
        idle=Money.of(terms["idlePerMin"], currency),
        grace=timedelta(minutes=int(terms["graceMin"])),
        most_demotions=int(terms["maxDemotions"]),
        grid_credit=Money.of(terms["gridDelayCreditPerMin"], currency),
        reservation=None if reservation is None else _read_reservation(reservation, currency),
    )


def _read_reservation(terms: Mapping[str, Any], currency: Currency) -> ReservationTerms:
    return ReservationTerms(
        fee=Money.of(terms["fee"], currency),
        cancel_before=timedelta(minutes=int(terms["cancelBeforeMin"])),
        delay_credit=Money.of(terms["cpoDelayCreditPerMin"], currency),
        cap=Money.of(terms["liabilityCap"], currency),
    )


def _read_row(row: Mapping[str, Any]) -> StallRow:
    return StallRow(
        at=parse_instant(row["at"]),
        state=StallState(row["state"]),
        energy=Energy.from_kwh(row["kWh"]) if "kWh" in row else None,
        stall=row.get("stallId"),
        event=row.get("eventId"),
    )
