"""Why a cycle's or a bill's amount is what it is: enough to compute it again without this program.

An explanation is a plain record for JSON, kept with what it explains and never changed. Units: Wh as
whole numbers, amounts of money in whole minor units of the currency, prices in its major units as text,
instants in UTC as RFC 3339. `version` counts the shapes of the record; docs/settlement.md has this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, TypeAlias

from kernel.interval import Interval
from kernel.money import Rounding
from settlement.agreement import Agreement, Matching
from settlement.charges.line import ChargeLine
from settlement.cycles import SettlementCycle
from settlement.lines import LineItem, cancellation_in, shortfalls
from settlement.periods import NamedPeriod
from settlement.quantities import CycleQuantities, SideQuantities
from settlement.shortfall.contract_penalties import SideShortfall
from settlement.side import MeteredInterval
from settlement.stalls import explain_stall
from trading.cancellation import Cancellation
from trading.charging.facts import SessionFacts
from trading.records import terms_to_record
from trading.taxes import TaxGroup
from trading.terms import Terms

Record: TypeAlias = dict[str, Any]

VERSION: Final = 2
RULES: Final[Mapping[Matching, str]] = {
    Matching.WINDOW: "MIN_OF_TWO_BY_WINDOW",
    Matching.INTERVAL: "MIN_OF_TWO_BY_INTERVAL",
}
"""Delivered is the least of export, import and contract, less what was cut; see settlement.laying."""
RULE_VERSION: Final = 2
_MICROSECOND: Final = timedelta(microseconds=1)
MOST_READINGS: Final = 300
"""Readings of one meter that are written out one by one; of more there is the digest and the sum."""


class ClosedBy(StrEnum):
    """Why a cycle could be settled."""

    COMPLETE_READINGS = "COMPLETE_READINGS"
    DEADLINE = "DEADLINE"
    """Readings were missing when collecting ended; what is missing counts as nought."""
    CANCELLATION = "CANCELLATION"
    """Nothing is delivered any more: the contract was cancelled before that."""
    NEVER_BEGAN = "NEVER_BEGAN"
    """Of a charging session: nothing was taken, and no reading is waited for."""


def explain_cycle(
    agreement: Agreement,
    quantities: CycleQuantities,
    *,
    charges: Sequence[ChargeLine],
    lines: Sequence[LineItem],
    closed_by: ClosedBy,
    terms: Record,
) -> Record:
    """Return what a closed cycle is computed from; `terms` is what `explain_terms` says of the agreement."""
    record: Record = {
        "version": VERSION,
        "explains": "SETTLEMENT_CYCLE",
        "contract": agreement.contract_id,
        "cycle": quantities.cycle.id,
        "zone": agreement.zone,
        "settlement_type": agreement.terms.settlement_type.value,
        "period": _span(quantities.cycle.period),
        "metered": _span(quantities.cycle.metered),
        "closed_by": closed_by.value,
        "rule": RULES[agreement.matching],
        "rule_version": RULE_VERSION,
        "contracted_wh": agreement.contracted.watt_hours,
        "curtailed_wh": agreement.curtailed.watt_hours,
        "exported": _side(quantities.exported, allocation=agreement.source_allocation) | _share(agreement),
        "imported": _side(quantities.imported, allocation=agreement.target_allocation),
        "delivered_before_wh": quantities.before.total.watt_hours,
        "delivered_to_date_wh": quantities.to_date.total.watt_hours,
        "bands": _bands(quantities),
        "terms": terms,
        "charges": [_charge(line) for line in charges],
        "lines": [line.to_record() for line in lines],
    }
    if agreement.session is not None:
        record["session"] = session_record(agreement.session)
        record |= explain_stall(quantities, agreement)
    found = shortfalls(quantities, agreement)
    record |= {"shortfalls": [_shortfall(each) for each in found]} if found else {}
    ended = cancellation_in(quantities, agreement)
    return record | ({"cancellation": write_cancellation(ended)} if ended else {})


def explain_bill(
    agreement: Agreement,
    named: NamedPeriod,
    cycles: Sequence[SettlementCycle],
    *,
    lines: Sequence[LineItem],
    taxes: Sequence[TaxGroup],
) -> Record:
    """Return what a bill is gathered from: the lines of each settlement cycle, by the run that counts.

    The shares of a tax are of the other lines, in their order.
    """
    return {
        "version": VERSION,
        "explains": "BILL",
        "contract": agreement.contract_id,
        "bill": named.id,
        "zone": agreement.zone,
        "billing": agreement.billing.value,
        "period": _span(named.period),
        "metered": _span(named.metered),
        "currency": agreement.terms.currency.code,
        "cycles": [
            {
                "cycle": cycle.cycle_id,
                "run": cycle.run,
                "delivered_wh": cycle.delivered.watt_hours,
                "lines": [line.to_record() for line in cycle.lines],
            }
            for cycle in cycles
        ],
        "taxes": [_tax(group) for group in taxes],
        "lines": [line.to_record() for line in lines],
    }


def digest_of(readings: Sequence[MeteredInterval]) -> str:
    """Return the SHA-256 over the readings: a line for each, `start end Wh` in ASCII, and its line feed."""
    text = "".join(
        f"{_instant(interval.start)} {_instant(interval.end)} {energy.watt_hours}\n"
        for interval, energy in readings
    )
    return sha256(text.encode()).hexdigest()


def session_record(facts: SessionFacts) -> Record:
    """Return how a charging session went, of a stall with its ledger. Units: microseconds."""
    record: Record = {
        "began": facts.began,
        "missed": facts.missed,
        "charging_us": facts.charging // _MICROSECOND,
        "idle_us": facts.idle // _MICROSECOND,
    }
    if not facts.rows:
        return record
    start = facts.reserved_start
    return record | {
        "reserved_start": None if start is None else _instant(start),
        "ledger": [[_instant(row.at), row.state.value, row.stall, row.event] for row in facts.rows],
    }


def _side(side: SideQuantities, *, allocation: str | None) -> Record:
    readings = side.readings
    record: Record = {
        "allocation": allocation,
        "wh": side.energy.watt_hours,
        "to_date_wh": side.to_date.watt_hours,
        "count": len(readings),
        "sha256": digest_of(readings),
        "missing": [_span(gap) for gap in side.gaps],
    }
    if len(readings) <= MOST_READINGS:
        record["readings"] = [[*_span(interval), energy.watt_hours] for interval, energy in readings]
    return record


def _share(agreement: Agreement) -> Record:
    """Return the contract's fixed share of the source's meter, if it has one: `readings` are that share."""
    percent = agreement.terms.share_percent
    return {} if percent is None else {"share_percent": f"{percent:f}"}


def _bands(quantities: CycleQuantities) -> list[Record]:
    before = quantities.before.bands
    return [
        {
            "band": str(band),
            "rate": f"{band.rate:f}",
            "discounts": list(band.discounts),
            "before_wh": before[band].watt_hours if band in before else 0,
            "to_date_wh": to_date.watt_hours,
        }
        for band, to_date in quantities.to_date.bands.items()
    ]


def explain_terms(terms: Terms) -> Record:
    """Return the terms of a contract, as each of its cycles has them."""
    return {
        "pricing_model": terms.pricing_model.value,
        "price_per_kwh": f"{terms.price.per_kwh:f}",
        "discount_percent": f"{terms.discount.percent:f}" if terms.discount else None,
        "wheeling_minor": terms.wheeling.amount.minor if terms.wheeling else None,
        "wheeling_utility": terms.wheeling.utility_name if terms.wheeling else None,
        "currency": terms.currency.code,
        "exponent": terms.currency.exponent,
        "rounding": Rounding.HALF_UP.value,
        "agreed": terms_to_record(terms),
    }


def _charge(line: ChargeLine) -> Record:
    return {
        "kind": line.kind.value,
        "title": line.title,
        "gross_minor": line.gross.minor,
        "net_minor": line.net.minor,
        "quantity_wh": None if line.quantity is None else line.quantity.watt_hours,
        "rate": None if line.rate is None else f"{line.rate:f}",
        "side": line.side.value,
        "collected_by": line.collected_by.value,
    }


def _shortfall(found: SideShortfall) -> Record:
    penalty = found.penalty
    return {
        "side": penalty.side.value,
        "payee": penalty.payee.value,
        "due_wh": found.due_wh,
        "allocated_wh": found.allocated_wh,
        "short_wh": found.short_wh,
        "counted_wh": str(found.counted_wh),
        "minor": found.amount.minor,
    }


def write_cancellation(ended: Cancellation) -> Record:
    """Return how a contract was ended, as explanations and statements have it."""
    return {
        "side": ended.side.value,
        "at": _instant(ended.at),
        "agreed_window": _span(ended.agreed),
        "value_minor": ended.value.minor,
        "owed_minor": ended.owed.minor,
    }


def _tax(group: TaxGroup) -> Record:
    return {
        "title": group.title,
        "percent": f"{group.percent:f}",
        "jurisdiction": group.jurisdiction,
        "minor": group.amount.minor,
        "shares_minor": [share.minor for share in group.shares],
    }


def _span(interval: Interval) -> list[str]:
    return [_instant(interval.start), _instant(interval.end)]


def _instant(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
