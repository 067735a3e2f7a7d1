"""What time at a stall costs, and what its operator credits, worked out from the ledger of the session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from degnode.bill_verifier.costs import Cost
from degnode.bill_verifier.lines import Charged, rounded
from degnode.bill_verifier.shares import Counted
from degnode.bill_verifier.statement import Json, exact
from kernel.clock import parse_instant

_FLOWING: Final = ("CHARGING", "LIMITED_BY_CPO", "LIMITED_BY_GRID")
_MICROSECOND: Final = timedelta(microseconds=1)
_MINUTE: Final = 60_000_000
"""In microseconds."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A row of a ledger: a state, since when, how many minutes it lasted, and the Wh that flowed."""

    state: str
    at: datetime
    minutes: Fraction
    watt_hours: int | None


def is_stall(terms: Json, session: Json | None) -> bool:
    """Say whether a session is settled by the ledger of a stall."""
    return bool(session and session.get("ledger")) and "stall" in terms.get("session", {})


def stays(session: Json, counted: Counted, total: int) -> list[Stay]:
    """Return the rows of a ledger; of `total` each has what the meter counted while it lasted."""
    rows = [(parse_instant(at), state) for at, state, _, _ in session["ledger"]]
    flowing = [number for number, (_, state) in enumerate(rows) if state in _FLOWING]
    found: list[Stay] = []
    before = 0
    for number, (at, state) in enumerate(rows):
        until = rows[number + 1][0] if number + 1 < len(rows) else at
        watt_hours = None
        if number in flowing:
            by_end = total if number == flowing[-1] else min(total, _by(counted, until))
            watt_hours, before = by_end - before, by_end
        found.append(Stay(state, at, Fraction((until - at) // _MICROSECOND, _MINUTE), watt_hours))
    return found


def stall_charges(terms: Json, session: Json, rows: list[Stay], *, is_cancelled: bool) -> list[Charged]:
    """Return what time costs, then what is credited; a late cancellation is billed in place of the fee."""
    stall, unit = terms["session"]["stall"], Fraction(exact(terms["session"]["stall"]["promised_kw"]))
    added = {state: _added(rows, state, unit) for state in _FLOWING[1:]}
    late = _late(stall, session, rows)
    paid = [
        ("Occupancy", _minutes(rows, _FLOWING) - sum(added.values()), stall["occupancy_minor"]),
        (
            "Idle Fee",
            max(Fraction(0), _minutes(rows, ("IDLE",)) - stall["grace_minutes"]),
            stall["idle_minor"],
        ),
    ]
    charges = [_charge("FEE", title, rounded(minutes * minor)) for title, minutes, minor in paid]
    reserved = stall.get("reservation")
    if reserved:
        if not is_cancelled and _is_kept(reserved, session, rows, late):
            charges.append(_charge("FEE", "Reservation Fee", reserved["fee_minor"]))
        credit = (late + added["LIMITED_BY_CPO"]) * reserved["delay_credit_minor"]
        capped = rounded(min(credit, Fraction(reserved["cap_minor"])))
        charges.append(_charge("PENALTY", "Operator Delay Credit", capped))
    by_grid = rounded(added["LIMITED_BY_GRID"] * stall["grid_credit_minor"])
    charges.append(_charge("PENALTY", "Grid Delay Credit", by_grid))
    return [charge for charge in charges if charge.net]


def explained(rows: list[Stay], charges: list[Charged]) -> Json:
    """Return what an explanation says of a stall."""
    credited = sum(charge.net for charge in charges if charge.cost.side == "SELLER")
    return {"energies_wh": [row.watt_hours for row in rows], "credit_minor": credited}


def _by(counted: Counted, instant: datetime) -> int:
    """Return the Wh by an instant; of an interval that reaches over it a part, rounded down."""
    return sum(_part(period.start, period.end, wh, instant) for period, wh in counted)


def _part(start: datetime, end: datetime, watt_hours: int, instant: datetime) -> int:
    within = min(max(instant, start), end) - start
    return watt_hours * (within // _MICROSECOND) // ((end - start) // _MICROSECOND)


def _minutes(rows: list[Stay], states: tuple[str, ...]) -> Fraction:
    return sum((row.minutes for row in rows if row.state in states), Fraction(0))


def _added(rows: list[Stay], state: str, promised: Fraction) -> Fraction:
    """Return the minutes that would have been needed, at the promised power, for what a limit left out."""
    return sum(_short(rows, state, promised), Fraction(0))


def _short(rows: list[Stay], state: str, promised: Fraction) -> Iterator[Fraction]:
    for row in rows:
        if row.state == state:
            given = Fraction(row.watt_hours or 0) * 60 / (promised * 1000)
            yield max(Fraction(0), row.minutes - given)


def _late(stall: Json, session: Json, rows: list[Stay]) -> Fraction:
    """Return the minutes by which the stall was late, beyond the grace."""
    if "reservation" not in stall or session["reserved_start"] is None:
        return Fraction(0)
    ready = [row.at for row in rows if row.state == "ASSIGNED"]
    if not ready and rows[-1].state == "FAILED_BY_CPO":
        ready = [rows[-1].at]
    if not ready:
        return Fraction(0)
    grace: int = stall["grace_minutes"]
    waited = Fraction((ready[0] - parse_instant(session["reserved_start"])) // _MICROSECOND, _MINUTE)
    return max(Fraction(0), waited - grace)


def _is_kept(reserved: Json, session: Json, rows: list[Stay], late: Fraction) -> bool:
    last = rows[-1]
    if last.state == "CANCELLED" and session["reserved_start"] is not None:
        ahead = parse_instant(session["reserved_start"]) - last.at
        return ahead < timedelta(minutes=reserved["cancel_before_minutes"])
    return last.state == "NO_SHOW" or (last.state == "DEPARTED" and not late)


def _charge(kind: str, title: str, minor: int) -> Charged:
    side = "SELLER" if kind == "PENALTY" else "BUYER"
    cost = Cost(kind=kind, title=title, gross=Fraction(0), net=Fraction(0), side=side)
    return Charged(cost=cost, gross=minor, net=minor, quantity=None)
