"""Statements of bills that were settled in memory, all cycles at one instant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kernel.energy import Energy
from kernel.interval import Interval
from settlement.agreement import Agreement
from settlement.allocation.quantity import Lump
from settlement.allocation.series import Entitlement, fixed_share, left_over
from settlement.corrections import carry
from settlement.penalty_credits import credit_penalty, seller_penalty
from settlement.settle import SettlementOutcome, settle_contract
from settlement.side import MeteredInterval
from settlement.statements.evidence import EarlierClaim, Evidence, KnownCut, MeterEvidence, track_readings
from settlement.statements.kept import KeptBill, KeptCorrection, KeptRun, KeptStatement, TakenUp
from settlement.statements.statement import digest_of, write_statement

Json = dict[str, Any]
FIFO, STATIC_KEY = "FIFO/1", "STATIC_KEY/2"


def statement_of(
    agreement: Agreement,
    *,
    exported: Sequence[MeteredInterval],
    imported: Sequence[MeteredInterval],
    earlier: Sequence[EarlierClaim] = (),
) -> Json:
    """Return the statement of the first bill, two days after the window; `earlier` claim the source too.

    They do not matter to a contract that has a fixed share of it.
    """
    share = agreement.terms.share_percent
    source_rule, earlier = (FIFO, earlier) if share is None else (STATIC_KEY, ())
    agreement = replace(agreement, source_allocation=source_rule, target_allocation=FIFO)
    now = agreement.window.end + timedelta(days=2)
    left = [each for each in left_to(exported, earlier) if agreement.window.start <= each[0].start]
    left = left if share is None else fixed_share(left, share)
    outcome = settle_contract(agreement, exported=left, imported=imported, now=now)
    evidence = Evidence(
        agreement=agreement,
        confirmed_at=agreement.window.start - timedelta(days=1),
        exported=MeterEvidence(
            meter="SOURCE",
            allocation=source_rule,
            readings=track_readings([(now, exported)]),
            claims=tuple(earlier),
        ),
        imported=MeterEvidence(meter="TARGET", allocation=FIFO, readings=track_readings([(now, imported)])),
        cuts=cuts_of(agreement, now),
        terminated_at=now if agreement.is_terminated else None,
    )
    return as_json(write_statement(_kept(outcome, now), evidence, now=now))


def cuts_of(agreement: Agreement, now: datetime) -> tuple[KnownCut, ...]:
    if not agreement.curtailed.watt_hours:
        return ()
    cut = KnownCut(since=agreement.window.start, energy=agreement.curtailed, known_from=now)
    return (cut,)


def left_to(metered: Sequence[MeteredInterval], earlier: Sequence[EarlierClaim]) -> list[MeteredInterval]:
    """Return what the engine says that earlier contracts leave."""
    entitlements = [
        Entitlement(
            contract_id=f"earlier-{at}",
            traded_at=claim.confirmed_at,
            window=claim.window,
            quantity=Lump(
                watt_hours=claim.contracted.watt_hours,
                limits=tuple(
                    (cut.since, max(0, claim.contracted.watt_hours - cut.energy.watt_hours))
                    for cut in claim.cuts
                ),
            ),
        )
        for at, claim in enumerate(earlier)
    ]
    return left_over(metered, entitlements)


def as_json(statement: Json) -> Json:
    """Return the statement as it is read from a file."""
    found: Json = json.loads(json.dumps(statement))
    return found


def resealed(statement: Json) -> str:
    """Return the statement as text, with a digest that fits: as a forger would send it."""
    rest = {key: value for key, value in statement.items() if key != "sha256"}
    return json.dumps(rest | {"sha256": digest_of(rest)})


def _kept(outcome: SettlementOutcome, now: datetime) -> KeptStatement:
    issued = outcome.bills[0]
    gathered = set(issued.settlement_cycle_ids)
    billed = dict.fromkeys(gathered, issued.cycle_id)
    notes = credit_penalty(seller_penalty(outcome.cycles[-1]), billed, ())
    (bill,), carried = carry([issued], notes)
    taken_up = tuple(TakenUp(bill_id=bill.cycle_id, issued_at=now, minor=part.minor) for part in carried)
    return KeptStatement(
        bill=KeptBill(bill=bill, issued_at=now),
        corrected=(),
        corrections=tuple(
            KeptCorrection(correction=note, issued_at=now, taken_up=taken_up) for note in notes
        ),
        runs=tuple(
            KeptRun(cycle=cycle, settled_at=now) for cycle in outcome.cycles if cycle.cycle_id in gathered
        ),
    )


def hours(window: Interval, watt_hours: Sequence[int]) -> list[MeteredInterval]:
    """Return energies one after the other, each of an hour, from the window's start on."""
    one = timedelta(hours=1)
    return [
        (Interval(window.start + at * one, window.start + (at + 1) * one), Energy(wh))
        for at, wh in enumerate(watt_hours)
    ]
