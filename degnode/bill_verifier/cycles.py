"""What each run of a settlement cycle should say, from the readings and claims that were known then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from typing import Final, NamedTuple

from degnode.bill_verifier.bands import included_in_time
from degnode.bill_verifier.cancellations import cancellation_in, fee_charges, is_void, no_energy
from degnode.bill_verifier.costs import Reached
from degnode.bill_verifier.delivery import Agreed, BandAt, Delivered, delivered_by, gaps_in, total, way_of
from degnode.bill_verifier.lines import Charged, billed, charged_between
from degnode.bill_verifier.penalties import Shortfall, charges_of, shortfalls
from degnode.bill_verifier.sessions import session_charges
from degnode.bill_verifier.shares import Counted, cut_by, left_to_contract, share_of_contract
from degnode.bill_verifier.stalls import explained, is_stall, stall_charges, stays
from degnode.bill_verifier.statement import Json, exact, span, written, written_span
from kernel.clock import parse_instant
from kernel.currency import Currency
from kernel.interval import Interval
from kernel.local_periods import Cadence, local_periods, local_slots

RULES: Final = {"WINDOW": "MIN_OF_TWO_BY_WINDOW", "INTERVAL": "MIN_OF_TWO_BY_INTERVAL"}
MOST_READINGS: Final = 300


@dataclass(frozen=True, slots=True)
class Cycle:
    """A settlement cycle: the whole of it, and its part of the contract's window."""

    period: Interval
    metered: Interval


@dataclass(frozen=True, slots=True)
class Known:
    """What both meters left to the contract as known at an instant, and what was cut from it by then."""

    at: datetime
    exported: Counted
    imported: Counted
    cut: int
    is_terminated: bool
    band_at: BandAt


def cycles_of(contract: Json, terms: Json) -> dict[str, Cycle]:
    """Return the settlement cycles of the window by their ids, in order of time."""
    window, zone, kind = span(contract["window"]), contract["zone"], terms["settlement_type"]
    if kind == "REAL_TIME":
        length = timedelta(minutes=contract["metering_minutes"])
        found = local_slots(window, zone=zone, length=length)
    else:
        anchor = contract["anchor_day"]
        found = local_periods(window, zone=zone, cadence=Cadence(kind), anchor_day=anchor)
    return {
        f"settle-{each.date.isoformat()}-{each.number:03d}": Cycle(
            each.period, Interval(max(each.period.start, window.start), min(each.period.end, window.end))
        )
        for each in found
    }


def known_at(statement: Json, at: datetime, band_at: BandAt) -> Known:
    """Return what was known when a run was made; `band_at` says which price an interval has."""
    contract, meters = statement["contract"], statement["meters"]
    fulfilled, ended = contract["fulfilled_at"], contract["terminated_at"]
    cuts_by = at if fulfilled is None else min(at, parse_instant(fulfilled))
    window, percent = span(contract["window"]), statement["terms"].get("share_percent")
    imported = left_to_contract(meters["imported"], window=window, at=at, cuts_by=cuts_by)
    if percent is None:
        exported = left_to_contract(meters["exported"], window=window, at=at, cuts_by=cuts_by)
    else:
        exported = share_of_contract(meters["exported"], percent, window=window, at=at)
    return Known(
        at=at,
        exported=exported,
        imported=imported,
        cut=cut_by(contract["cuts"], at),
        is_terminated=ended is not None and parse_instant(ended) <= at,
        band_at=band_at,
    )


def expected_run(statement: Json, cycle_id: str, cycle: Cycle, known: Known, previous: Json | None) -> Json:
    """Return what a run of a cycle should say; `previous` is the run before it, where there is one."""
    contract, terms = statement["contract"], statement["terms"]
    before, after = (_delivered(statement, known, by) for by in (cycle.metered.start, cycle.metered.end))
    short = _shortfalls(statement, cycle.metered, known)
    session = contract.get("session")
    charges = [no_energy()] if is_void(contract) else _charged(statement, cycle, known, before, after)
    stall = _at_stall(statement, cycle, known, after)
    charges += [*stall.charges, *charges_of(short), *fee_charges(contract, cycle.metered)]
    lines = billed(charges)
    sides = {
        "exported": _side(known.exported, cycle.metered, statement["meters"]["exported"]["allocation"]),
        "imported": _side(known.imported, cycle.metered, statement["meters"]["imported"]["allocation"]),
    }
    if "share_percent" in terms:
        sides["exported"]["share_percent"] = f"{exact(terms['share_percent']):f}"
    closed_by = "DEADLINE" if any(side["missing"] for side in sides.values()) else "COMPLETE_READINGS"
    if session and not session["began"]:
        closed_by = "NEVER_BEGAN"
    explanation: Json = {
        "version": 2,
        "explains": "SETTLEMENT_CYCLE",
        "contract": contract["id"],
        "cycle": cycle_id,
        "zone": contract["zone"],
        "settlement_type": terms["settlement_type"],
        "period": written_span(cycle.period),
        "metered": written_span(cycle.metered),
        "closed_by": "CANCELLATION" if is_void(contract) else closed_by,
        "rule": RULES[contract["matching"]],
        "rule_version": 2,
        "contracted_wh": contract["contracted_wh"],
        "curtailed_wh": known.cut,
        **sides,
        "delivered_before_wh": before.total,
        "delivered_to_date_wh": after.total,
        "bands": _bands(before, after),
        "terms": _terms(terms),
        "charges": [charge.to_record() for charge in charges],
        "lines": lines,
    }
    if session:
        explanation |= {"session": session} | stall.explained
    if short:
        explanation["shortfalls"] = [each.to_record() for each in short]
    if ended := cancellation_in(contract, cycle.metered):
        explanation["cancellation"] = ended
    run = previous["run"] + 1 if previous else 1
    if previous:
        names = ("run", "amount_minor", "delivered_wh")
        explanation |= {"run": run, "previous_run": {name: previous[name] for name in names}}
    return {
        "cycle": cycle_id,
        "run": run,
        "settled_at": written(known.at),
        "amount_minor": sum(line["minor"] for line in lines),
        "delivered_wh": after.total - before.total,
        "lines": lines,
        "explanation": explanation,
    }


def _charged(
    statement: Json, cycle: Cycle, known: Known, before: Delivered, after: Delivered
) -> list[Charged]:
    contract, terms = statement["contract"], statement["terms"]
    charges = charged_between(terms, *_reached(contract, cycle.metered, known, before, after))
    session = contract.get("session")
    is_last = cycle.metered.end == span(contract["window"]).end
    if session and is_last and not is_stall(terms, session):
        charges += session_charges(terms, session)
    return charges


class _AtStall(NamedTuple):
    """What the ledger of a stall comes to in a cycle, and how that is explained; nothing of other cycles."""

    charges: list[Charged]
    explained: Json


def _at_stall(statement: Json, cycle: Cycle, known: Known, after: Delivered) -> _AtStall:
    contract, terms = statement["contract"], statement["terms"]
    session = contract.get("session")
    if cycle.metered.end != span(contract["window"]).end or not is_stall(terms, session):
        return _AtStall([], {})
    rows = stays(session, known.exported, after.total)
    charges = stall_charges(terms, session, rows, is_cancelled=bool(contract.get("cancellation")))
    return _AtStall(charges, {"stall": explained(rows, charges)})


def _delivered(statement: Json, known: Known, by: datetime) -> Delivered:
    contract = statement["contract"]
    return delivered_by(
        known.exported,
        known.imported,
        agreed=Agreed(contract["contracted_wh"], known.cut, included_in_time(statement["terms"])),
        by_interval=contract["matching"] == "INTERVAL",
        way=way_of(statement["terms"]),
        until=by,
        band_at=known.band_at,
    )


def _shortfalls(statement: Json, metered: Interval, known: Known) -> list[Shortfall]:
    """Return what both sides were short of, in the last cycle of a contract that was not ended early."""
    contract = statement["contract"]
    if metered.end != span(contract["window"]).end or known.is_terminated:
        return []
    return shortfalls(
        statement["terms"],
        deliverable=contract["contracted_wh"] - known.cut,
        exported=total(known.exported),
        imported=total(known.imported),
        way=way_of(statement["terms"]),
    )


def _reached(
    contract: Json, metered: Interval, known: Known, before: Delivered, after: Delivered
) -> tuple[Reached, Reached]:
    window = span(contract["window"])
    is_first = metered.start == window.start
    is_last = metered.end == window.end
    share = Fraction(0)
    if is_last:
        share = Fraction(1)
        if known.is_terminated or known.cut:
            contracted = contract["contracted_wh"]
            share = min(share, Fraction(after.total, contracted)) if contracted else Fraction(0)
    start = Reached(
        window=window,
        zone=contract["zone"],
        energy=before.bands,
        until=None if is_first else metered.start,
        begun=not is_first,
    )
    end = Reached(
        window=window,
        zone=contract["zone"],
        energy=after.bands,
        until=metered.end,
        cycles=1,
        delivered_cycles=int(after.total > before.total),
        begun=True,
        fixed_share=share,
    )
    return start, end


def _side(left: Counted, metered: Interval, allocation: str) -> Json:
    to_date = [(period, wh) for period, wh in left if period.end <= metered.end]
    ended = [(period, wh) for period, wh in to_date if period.end > metered.start]
    rows = [[*written_span(period), wh] for period, wh in ended]
    text = "".join(f"{start} {end} {wh}\n" for start, end, wh in rows)
    record: Json = {
        "allocation": allocation,
        "wh": total(ended),
        "to_date_wh": total(to_date),
        "count": len(ended),
        "sha256": sha256(text.encode()).hexdigest(),
        "missing": [written_span(gap) for gap in gaps_in(left, metered)],
    }
    return record | ({"readings": rows} if len(rows) <= MOST_READINGS else {})


def _bands(before: Delivered, after: Delivered) -> Sequence[Json]:
    return [
        {
            "band": band.name,
            "rate": f"{band.rate:f}",
            "discounts": list(band.discounts),
            "before_wh": before.bands.get(band, 0),
            "to_date_wh": watt_hours,
        }
        for band, watt_hours in after.bands.items()
    ]


def _terms(terms: Json) -> Json:
    discount, wheeling = terms["discount"], terms["wheeling"]
    return {
        "pricing_model": terms["pricing_model"],
        "price_per_kwh": f"{exact(terms['price_per_kwh']):f}",
        "discount_percent": f"{exact(discount['percent']):f}" if discount else None,
        "wheeling_minor": wheeling["minor"] if wheeling else None,
        "wheeling_utility": wheeling["utility_name"] if wheeling else None,
        "currency": terms["currency"],
        "exponent": Currency(terms["currency"]).exponent,
        "rounding": "ROUND_HALF_UP",
        "agreed": terms,
    }
