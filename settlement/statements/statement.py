"""The statement of a bill, version 1: the document that `degnode verify-bill` works out anew.

Energy is in whole Wh, money in whole minor units of the currency, instants in UTC. Other contracts on
the same meters are told of without their ids: only what they may take matters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from kernel.interval import Interval
from settlement.explanation import Record, session_record, write_cancellation
from settlement.statements.evidence import Evidence, KnownCut, KnownReading, MeterEvidence
from settlement.statements.kept import KeptBill, KeptCorrection, KeptRun, KeptStatement
from trading.records import terms_to_record

FORMAT: Final = "degnode-bill-statement"
VERSION: Final = 1
_MINUTE: Final = timedelta(minutes=1)


def write_statement(kept: KeptStatement, evidence: Evidence, *, now: datetime) -> Record:
    """Return the statement of a bill as plain JSON."""
    statement: Record = {
        "format": FORMAT,
        "version": VERSION,
        "made_at": _instant(now),
        "contract": _contract(evidence),
        "terms": terms_to_record(evidence.agreement.terms),
        "meters": {"exported": _meter(evidence.exported), "imported": _meter(evidence.imported)},
        "runs": [_run(run) for run in kept.runs],
        "bill": _bill(kept.bill, kept.corrections),
        "corrected_bills": [_corrected(each) for each in kept.corrected],
        "corrections": [_correction(each) for each in kept.corrections],
    }
    return statement | {"sha256": digest_of(statement)}


def digest_of(statement: Mapping[str, Any]) -> str:
    """Return the SHA-256 over a statement without its digest: JSON with sorted keys, no spaces, in UTF-8."""
    text = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


def _contract(evidence: Evidence) -> Record:
    agreement = evidence.agreement
    session = {} if agreement.session is None else {"session": session_record(agreement.session)}
    ended = agreement.cancellation
    return (
        session
        | {
            "id": agreement.contract_id,
            "confirmed_at": _instant(evidence.confirmed_at),
            "fulfilled_at": _maybe(evidence.fulfilled_at),
            "terminated_at": _maybe(evidence.terminated_at),
            "zone": agreement.zone,
            "window": _span(agreement.window),
            "contracted_wh": agreement.contracted.watt_hours,
            "cuts": _cuts(evidence.cuts),
            "matching": agreement.matching.value,
            "billing": agreement.billing.value,
            "anchor_day": agreement.anchor_day,
            "metering_minutes": agreement.metering_interval // _MINUTE,
        }
        | ({"cancellation": write_cancellation(ended)} if ended else {})
    )


def _meter(evidence: MeterEvidence) -> Record:
    return {
        "meter": evidence.meter,
        "allocation": evidence.allocation,
        "claims": [
            {
                "confirmed_at": _instant(claim.confirmed_at),
                "window": _span(claim.window),
                "contracted_wh": claim.contracted.watt_hours,
                "cuts": _cuts(claim.cuts),
            }
            for claim in evidence.claims
        ],
        "readings": [_reading(reading) for reading in evidence.readings],
    }


def _reading(reading: KnownReading) -> list[str | int | None]:
    """Return start, end, Wh, and from when until when that was known."""
    known = [_instant(reading.known_from), _maybe(reading.known_until)]
    return [*_span(reading.interval), reading.energy.watt_hours, *known]


def _cuts(cuts: Iterable[KnownCut]) -> list[Record]:
    return [
        {
            "since": _instant(cut.since),
            "wh": cut.energy.watt_hours,
            "known_from": _instant(cut.known_from),
        }
        for cut in cuts
    ]


def _run(kept: KeptRun) -> Record:
    cycle = kept.cycle
    return {
        "cycle": cycle.cycle_id,
        "run": cycle.run,
        "settled_at": _instant(kept.settled_at),
        "amount_minor": cycle.amount.minor,
        "delivered_wh": cycle.delivered.watt_hours,
        "lines": [line.to_record() for line in cycle.lines],
        "explanation": cycle.explanation,
    }


def _bill(kept: KeptBill, corrections: Iterable[KeptCorrection]) -> Record:
    bill = kept.bill
    credit = sum(
        part.minor
        for each in corrections
        if each.correction.kind.is_credit
        for part in each.taken_up
        if part.bill_id == bill.cycle_id
    )
    return {
        "bill": bill.cycle_id,
        "issued_at": _instant(kept.issued_at),
        "period": _span(bill.period),
        "status": bill.status.value,
        "currency": bill.currency.code,
        "cycles": list(bill.settlement_cycle_ids),
        "lines": [line.to_record() for line in bill.lines],
        "total_minor": bill.total.minor,
        "due_minor": bill.total.minor - credit,
        "explanation": bill.explanation,
    }


def _corrected(kept: KeptBill) -> Record:
    return {
        "bill": kept.bill.cycle_id,
        "issued_at": _instant(kept.issued_at),
        "cycles": list(kept.bill.settlement_cycle_ids),
    }


def _correction(kept: KeptCorrection) -> Record:
    correction = kept.correction
    return {
        "bill": correction.bill_id,
        "run": correction.run,
        "kind": correction.kind.value,
        "amount_minor": correction.amount.minor,
        "issued_at": _instant(kept.issued_at),
        "reverses": correction.reverses,
        "explanation": correction.explanation,
        "taken_up": [
            {"bill": part.bill_id, "issued_at": _instant(part.issued_at), "minor": part.minor}
            for part in kept.taken_up
        ],
    }


def _maybe(instant: datetime | None) -> str | None:
    return None if instant is None else _instant(instant)


def _span(interval: Interval) -> list[str]:
    return [_instant(interval.start), _instant(interval.end)]


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
