"""EvChargingOffer v3.0: what a stall costs by the kWh and by the minute, and who takes part as what.

Source: the draft EV charging use case 2 of the Digital Energy Grid, section 4 of its design.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from kernel.currency import Currency
from kernel.money import Money
from schemas import iris
from trading.charging.stall_terms import ReservationTerms, StallTerms
from trading.mapping.find import Json
from trading.rates import Price

WALK_IN: Final = "WALK_IN"
RESERVATION: Final = "RESERVATION"
OPERATOR: Final = "cpo"
DRIVER: Final = "driver"
"""The roles of such a contract."""
_MINUTE: Final = timedelta(minutes=1)


def write_stall_offer(terms: StallTerms, *, operator: str | None, driver: str | None = None) -> Json:
    """Return terms as a ChargingOffer of the third generation; `driver` is the buyer's platform, if known."""
    return {
        "@context": iris.STALL_OFFER_CONTEXT,
        "@type": iris.CHARGING_OFFER,
        "mode": WALK_IN if terms.reservation is None else RESERVATION,
        "terms": _write_terms(terms),
        "contractAttributes": write_roles(operator=operator, driver=driver),
    }


def write_roles(*, operator: str | None, driver: str | None) -> Json:
    """Return who is operator and who driver, with the rules that the session is settled by."""
    return {
        "@context": iris.DEG_CONTRACT_CONTEXT,
        "@type": iris.DEG_CONTRACT,
        "roles": [
            {"role": OPERATOR, "participantId": operator},
            {"role": DRIVER, "participantId": driver},
        ],
        "policy": {"url": iris.STALL_POLICY, "queryPath": iris.STALL_POLICY_PATH},
    }


def write_taken_offer(sent: Mapping[str, Any], terms: StallTerms) -> Json:
    """Return the offer that was taken, over what the buyer sent of it, which says who takes part."""
    ours = write_stall_offer(terms, operator=None)
    return ours | dict(sent) | {name: ours[name] for name in ("mode", "terms")}


def is_stall_offer(bag: Mapping[str, Any]) -> bool:
    return "mode" in bag and "terms" in bag


def read_stall_terms(terms: Mapping[str, Any]) -> StallTerms:
    """Return the terms of a ChargingOffer of the third generation.

    Raises: LookupError, TypeError, ValueError.
    """
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


def _write_terms(terms: StallTerms) -> Json:
    written: Json = {
        "currency": terms.energy.currency.code,
        "energyPerKWh": terms.energy.per_kwh,
        "occupancyPerMin": terms.occupancy.amount,
        "idlePerMin": terms.idle.amount,
        "graceMin": terms.grace // _MINUTE,
        "maxDemotions": terms.most_demotions,
        "gridDelayCreditPerMin": terms.grid_credit.amount,
    }
    reserved = terms.reservation
    if reserved is not None:
        written["reservation"] = {
            "fee": reserved.fee.amount,
            "cancelBeforeMin": reserved.cancel_before // _MINUTE,
            "cpoDelayCreditPerMin": reserved.delay_credit.amount,
            "liabilityCap": reserved.cap.amount,
        }
    return written


def _read_reservation(terms: Mapping[str, Any], currency: Currency) -> ReservationTerms:
    return ReservationTerms(
        fee=Money.of(terms["fee"], currency),
        cancel_before=timedelta(minutes=int(terms["cancelBeforeMin"])),
        delay_credit=Money.of(terms["cpoDelayCreditPerMin"], currency),
        cap=Money.of(terms["liabilityCap"], currency),
    )
