"""What a bill should say, from the runs that counted when it was issued and the corrections it took up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from degnode.bill_verifier.cycles import Cycle
from degnode.bill_verifier.lines import gathered, line_of, tax_line, taxes_on
from degnode.bill_verifier.statement import Json, span, written_span
from kernel.clock import parse_instant
from kernel.interval import Interval
from kernel.local_days import find_zone, start_of_day
from kernel.local_periods import Cadence, LocalPeriod, local_periods


def expected_bill(statement: Json, cycles: Mapping[str, Cycle]) -> Json:
    """Return what the statement's bill should say."""
    contract, terms, told = statement["contract"], statement["terms"], statement["bill"]
    bill_id, issued = told["bill"], parse_instant(told["issued_at"])
    periods = billing_periods(contract)
    period, metered = periods.get(bill_id) or list(periods.values())[-1]
    ids = cycles_within(cycles, metered)
    taken = _taken_up(statement["corrections"], bill_id, issued)
    if bill_id not in periods and any(one["kind"] == "ADJUSTMENT" for one, _ in taken):
        ids = []
    counting = [counting_run(statement["runs"], cycle_id, by=issued) for cycle_id in ids]
    own = gathered(line for run in counting for line in run["lines"])
    taxes = taxes_on(own, terms)
    adjustments = [part for part in taken if part[0]["kind"] == "ADJUSTMENT"]
    titles = [(f"Adjustment ({one['bill']}, run {one['run']})", minor) for one, minor in adjustments]
    added = [line_of("ADJUSTMENT", title, minor) for title, minor in titles]
    lines = gathered([*own, *map(tax_line, taxes), *added])
    total = sum(line["minor"] for line in lines)
    credits_ = [part for part in taken if part[0]["kind"] != "ADJUSTMENT"]
    due = total - sum(minor for _, minor in credits_)
    explanation: Json = {
        "version": 2,
        "explains": "BILL",
        "contract": contract["id"],
        "bill": bill_id,
        "zone": contract["zone"],
        "billing": contract["billing"],
        "period": written_span(period),
        "metered": written_span(metered),
        "currency": terms["currency"],
        "cycles": [
            {name: run[name] for name in ("cycle", "run", "delivered_wh", "lines")} for run in counting
        ],
        "taxes": taxes,
        "lines": lines,
    }
    parts = {"adjustments": adjustments, "credits": credits_}
    explanation |= {name: [_part(*part) for part in found] for name, found in parts.items() if found}
    return {
        "bill": bill_id,
        "issued_at": told["issued_at"],
        "period": written_span(period),
        "status": told["status"] if due and told["status"] in ("PENDING", "OVERDUE", "PAID") else "PAID",
        "currency": terms["currency"],
        "cycles": ids,
        "lines": lines,
        "total_minor": total,
        "due_minor": due,
        "explanation": explanation,
    }


def expected_taken_up(corrections: Sequence[Json], bill: Json) -> Json:
    """Return what the bill should have taken up: whole adjustments, and credit as far as both reach."""
    issued = parse_instant(bill["issued_at"])
    waiting = [one for one in corrections if parse_instant(one["issued_at"]) <= issued]
    left = {(one["bill"], one["run"]): one["amount_minor"] - _taken_before(one, bill) for one in waiting}
    due = sum(line["minor"] for line in bill["lines"])
    expected: Json = {}
    for one in sorted(waiting, key=lambda each: parse_instant(each["issued_at"]) == issued):
        name = f"{one['bill']}, run {one['run']}"
        rest = left[one["bill"], one["run"]]
        if one["kind"] == "ADJUSTMENT":
            expected[name] = rest
        else:
            expected[name] = min(due, rest)
            due -= expected[name]
    return {name: minor for name, minor in expected.items() if minor}


def told_taken_up(corrections: Sequence[Json], bill: Json) -> Json:
    """Return what the statement says that the bill took up."""
    issued = parse_instant(bill["issued_at"])
    taken = _taken_up(corrections, bill["bill"], issued)
    return {f"{one['bill']}, run {one['run']}": minor for one, minor in taken}


def cycles_within(cycles: Mapping[str, Cycle], metered: Interval) -> list[str]:
    """Return the ids of the settlement cycles that end in a billing cycle."""
    return [name for name, each in cycles.items() if metered.start < each.metered.end <= metered.end]


def counting_run(runs: Iterable[Json], cycle_id: str, *, by: datetime) -> Json:
    """Return the last run of a cycle that there was by an instant."""
    return [run for run in runs if run["cycle"] == cycle_id and parse_instant(run["settled_at"]) <= by][-1]


def billing_periods(contract: Json) -> dict[str, tuple[Interval, Interval]]:
    """Return the billing cycles by their ids: the whole of each, and its part of the window."""
    window = span(contract["window"])
    first = _billed(contract, window)[0].date.replace(day=1)
    since = min(start_of_day(first, find_zone(contract["zone"])), window.start)
    numbers: Counter[str] = Counter()
    found: dict[str, tuple[Interval, Interval]] = {}
    for each in _billed(contract, Interval(since, window.end)):
        month = f"{each.date:%Y-%m}"
        numbers[month] += 1
        if metered := each.period.intersection(window):
            found[f"bill-{month}-{numbers[month]:03d}"] = (each.period, metered)
    return found


def _billed(contract: Json, window: Interval) -> list[LocalPeriod]:
    cadence, anchor = Cadence(contract["billing"]), contract["anchor_day"]
    return local_periods(window, zone=contract["zone"], cadence=cadence, anchor_day=anchor)


def _taken_up(corrections: Sequence[Json], bill_id: str, issued: datetime) -> list[tuple[Json, int]]:
    """Return what a bill took up of each correction; those of its own instant come last."""
    taken = [
        (one, part["minor"]) for one in corrections for part in one["taken_up"] if part["bill"] == bill_id
    ]
    return sorted(taken, key=lambda part: parse_instant(part[0]["issued_at"]) == issued)


def _taken_before(correction: Json, bill: Json) -> int:
    issued = parse_instant(bill["issued_at"])
    return sum(
        part["minor"]
        for part in correction["taken_up"]
        if part["bill"] != bill["bill"] and parse_instant(part["issued_at"]) <= issued
    )


def _part(correction: Json, minor: int) -> Json:
    return {"bill": correction["bill"], "run": correction["run"], "minor": minor}
