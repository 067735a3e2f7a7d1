"""Terms of sessions as they are kept: plain JSON, what is not agreed left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from trading.charges import Charge
from trading.charging.fees import Buffer, MinuteFee, NoShow, SessionTerms
from trading.charging.stall_terms import ReservationTerms, StallOffer, StallTerms
from trading.rates import Price

Record = dict[str, Any]
_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = timedelta(minutes=1)


def session_to_record(terms: SessionTerms) -> Record:
    """Return the terms without the finder's charge, which stands among the charges, by its title."""
    record: Record = {"longest_seconds": terms.longest // _SECOND}
    if terms.idle is not None:
        record["idle"] = _fee_to(terms.idle)
    if terms.occupancy is not None:
        record["occupancy"] = _fee_to(terms.occupancy)
    if terms.no_show is not None:
        grace = terms.no_show.grace // _SECOND
        record["no_show"] = {"minor": terms.no_show.fee.minor, "grace_seconds": grace}
    if terms.buffer is not None:
        buffer = terms.buffer
        record["buffer"] = {
            "title": buffer.title,
            "minor": buffer.amount.minor,
            "wh": buffer.energy.watt_hours,
        }
    if terms.stall is not None:
        record["stall"] = _stall_to(terms.stall)
    return record | ({"finder": terms.finder.title} if terms.finder else {})


def session_from_record(
    record: Mapping[str, Any], currency: Currency, charges: tuple[Charge, ...]
) -> SessionTerms:
    """Return the terms that were kept as `record`, beside `charges`."""
    no_show, buffer = record.get("no_show"), record.get("buffer")
    return SessionTerms(
        longest=record["longest_seconds"] * _SECOND,
        idle=_fee_from(record.get("idle"), currency),
        occupancy=_fee_from(record.get("occupancy"), currency),
        no_show=no_show
        and NoShow(fee=Money(no_show["minor"], currency), grace=no_show["grace_seconds"] * _SECOND),
        buffer=buffer
        and Buffer(
            title=buffer["title"], amount=Money(buffer["minor"], currency), energy=Energy(buffer["wh"])
        ),
        finder=next((charge for charge in charges if charge.title == record.get("finder")), None),
        stall=_stall_from(record["stall"], currency) if "stall" in record else None,
    )


def _stall_to(offer: StallOffer) -> Record:
    terms, reserved = offer.terms, offer.terms.reservation
    record: Record = {
        "promised_kw": f"{offer.promised:f}",
        "per_kwh": f"{terms.energy.per_kwh:f}",
        "occupancy_minor": terms.occupancy.minor,
        "idle_minor": terms.idle.minor,
        "grace_minutes": terms.grace // _MINUTE,
        "grid_credit_minor": terms.grid_credit.minor,
    }
    if reserved is not None:
        record["reservation"] = {
            "fee_minor": reserved.fee.minor,
            "cancel_before_minutes": reserved.cancel_before // _MINUTE,
            "delay_credit_minor": reserved.delay_credit.minor,
            "cap_minor": reserved.cap.minor,
        }
    return record


def _stall_from(record: Mapping[str, Any], currency: Currency) -> StallOffer:
    reserved = record.get("reservation")
    terms = StallTerms(
        energy=Price(per_kwh=Decimal(record["per_kwh"]), currency=currency),
        occupancy=Money(record["occupancy_minor"], currency),
        idle=Money(record["idle_minor"], currency),
        grace=record["grace_minutes"] * _MINUTE,
        most_demotions=0,
        grid_credit=Money(record["grid_credit_minor"], currency),
        reservation=None if reserved is None else _reservation_from(reserved, currency),
    )
    return StallOffer(terms=terms, promised=Decimal(record["promised_kw"]))


def _reservation_from(record: Mapping[str, Any], currency: Currency) -> ReservationTerms:
    return ReservationTerms(
        fee=Money(record["fee_minor"], currency),
        cancel_before=record["cancel_before_minutes"] * _MINUTE,
        delay_credit=Money(record["delay_credit_minor"], currency),
        cap=Money(record["cap_minor"], currency),
    )


def _fee_to(fee: MinuteFee) -> Record:
    return {"minor": fee.amount.minor, "minutes": fee.minutes, "grace_seconds": fee.grace // _SECOND}


def _fee_from(record: Mapping[str, Any] | None, currency: Currency) -> MinuteFee | None:
    return record and MinuteFee(  # type: ignore[return-value]  # an empty record is never kept
        amount=Money(record["minor"], currency),
        minutes=record["minutes"],
        grace=record["grace_seconds"] * _SECOND,
    )
