"""Terms of sessions in words, for those whom no field of the protocol tells of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from trading.charging.fees import NO_TIME, MinuteFee, SessionTerms
from trading.charging.stall_terms import StallOffer

_MINUTE: Final = timedelta(minutes=1)


def describe_session(terms: SessionTerms) -> Iterator[str]:
    """Return a sentence for each thing that a session may cost beside its energy."""
    if terms.occupancy is not None:
        yield f"Charging costs {_fee(terms.occupancy)} beside the energy."
    if terms.idle is not None:
        yield f"A vehicle that stays at the plug after its charging owes {_fee(terms.idle)}."
    if terms.no_show is not None:
        yield (
            f"A reserved slot is kept for {_minutes(terms.no_show.grace)} after its start; "
            f"who does not come owes {terms.no_show.fee}."
        )
    if terms.stall is not None:
        yield from _describe_stall(terms.stall)
    if terms.buffer is not None:
        yield (
            f"{terms.buffer.amount} are paid beside the price, for up to {terms.buffer.energy} more than was "
            "ordered; what is not used returns."
        )


def _describe_stall(stall: StallOffer) -> Iterator[str]:
    terms, reserved = stall.terms, stall.terms.reservation
    grace, power = _minutes(terms.grace), f"{stall.promised.normalize():f} kW"
    yield (
        f"A minute of charging costs {terms.occupancy} beside the energy, but for those that limits of the "
        f"operator or of the grid add to what {power} take; one that the grid adds is credited "
        f"{terms.grid_credit}."
    )
    yield f"A vehicle that stays after its charging owes {terms.idle} for each minute after {grace}."
    yield f"The stall is kept for {grace}; who is not there then is given up."
    if reserved is not None:
        yield (
            f"Reserving it costs {reserved.fee}, which returns where the stall is later than {grace}; each "
            f"minute of the operator's delay is credited {reserved.delay_credit}, {reserved.cap} at most."
        )


def _fee(fee: MinuteFee) -> str:
    per = "for each minute" if fee.minutes == 1 else f"for each {fee.minutes} minutes"
    after = f" after {_minutes(fee.grace)}" if fee.grace > NO_TIME else ""
    return f"{fee.amount} {per}{after}, in proportion to time"


def _minutes(time: timedelta) -> str:
    minutes = time / _MINUTE
    return f"{minutes:g} minutes" if minutes != 1 else "a minute"
