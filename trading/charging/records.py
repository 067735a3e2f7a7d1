"""Terms of sessions as they are kept: plain JSON, what is not agreed left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from trading.charges import Charge
from trading.charging.fees import Buffer, MinuteFee, NoShow, SessionTerms

Record = dict[str, Any]
_SECOND: Final = timedelta(seconds=1)


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
    )


def _fee_to(fee: MinuteFee) -> Record:
    return {"minor": fee.amount.minor, "minutes": fee.minutes, "grace_seconds": fee.grace // _SECOND}


def _fee_from(record: Mapping[str, Any] | None, currency: Currency) -> MinuteFee | None:
    return record and MinuteFee(  # type: ignore[return-value]  # an empty record is never kept
        amount=Money(record["minor"], currency),
        minutes=record["minutes"],
        grace=record["grace_seconds"] * _SECOND,
    )
