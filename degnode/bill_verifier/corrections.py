"""What an issued bill should have been corrected by since, from the later runs of its cycles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from degnode.bill_verifier.bills import counting_run
from degnode.bill_verifier.lines import gathered, taxes_on
from degnode.bill_verifier.statement import Json, written
from kernel.clock import parse_instant

OPPOSITE = {"ADJUSTMENT": "CREDIT_NOTE", "CREDIT_NOTE": "ADJUSTMENT", "PENALTY_CREDIT": "ADJUSTMENT"}


def expected_corrections(statement: Json, bill: Json) -> list[Json]:
    """Return the corrections that a bill should have, in order; takings-back are taken as they are told."""
    told = [one for one in statement["corrections"] if one["bill"] == bill["bill"]]
    computed = _from_runs(statement, bill)
    expected: list[Json] = []
    for one in told:
        if one["reverses"] is not None:
            expected.append(_taken_back(one, told))
        elif (following := next(computed, None)) is not None:
            expected.append(following | {"taken_up": one["taken_up"]})
    expected += [following | {"taken_up": []} for following in computed]
    return [one | {"bill": bill["bill"], "run": run} for run, one in enumerate(expected, start=2)]


def _taken_back(one: Json, told: Sequence[Json]) -> Json:
    (wrong,) = (each for each in told if each["run"] == one["reverses"])
    return {
        "kind": OPPOSITE[wrong["kind"]],
        "amount_minor": wrong["amount_minor"],
        "issued_at": one["issued_at"],
        "reverses": wrong["run"],
        "explanation": {"reverses_run": wrong["run"], "reason": one["explanation"]["reason"]},
        "taken_up": one["taken_up"],
    }


@dataclass
class Owed:
    """What the buyer has been credited for by its seller's penalty so far, in minor units."""

    minor: int


def _penalty(statement: Json, bill: Json, owed: Owed, at: datetime) -> Iterator[Json]:
    """Yield the correction by which the buyer has what the seller owes it at an instant, if it had not.

    Only a contract's last cycle says what its seller owes.
    """
    for cycle_id in bill["cycles"][-1:]:
        run = counting_run(statement["runs"], cycle_id, by=at)
        for minor in _owed_by(run):
            more = minor - owed.minor
            if not more:
                continue
            penalty = {"cycle": cycle_id, "run": run["run"]}
            penalty |= {"minor": minor, "before_minor": owed.minor}
            yield {
                "kind": "PENALTY_CREDIT" if more > 0 else "ADJUSTMENT",
                "amount_minor": abs(more),
                "issued_at": written(at),
                "reverses": None,
                "explanation": {"penalty": penalty},
            }
            owed.minor = minor


def _owed_by(run: Json) -> Iterator[int]:
    """Yield what a run says that the seller owes the buyer, for a shortfall, a cancellation, lost time."""
    explanation = run["explanation"]
    for short in explanation.get("shortfalls", ()):
        if (short["side"], short["payee"]) == ("SELLER", "INJURED_SIDE"):
            yield short["minor"]
    if "stall" in explanation:
        yield explanation["stall"]["credit_minor"]
    ended = explanation.get("cancellation")
    if ended is not None and ended["side"] == "SELLER":
        yield ended["owed_minor"]


def _from_runs(statement: Json, bill: Json) -> Iterator[Json]:
    issued = parse_instant(bill["issued_at"])
    later: dict[datetime, list[Json]] = {}
    for run in statement["runs"]:
        at = parse_instant(run["settled_at"])
        if run["cycle"] in bill["cycles"] and at > issued:
            later.setdefault(at, []).append(run)
    owed = Owed(minor=0)
    yield from _penalty(statement, bill, owed, issued)
    for at in sorted(later):
        tax = _taxes(statement, bill, later[at], at, after=True) - _taxes(
            statement, bill, later[at], at, after=False
        )
        cycles = [_delta(run, _before(statement, run)) for run in later[at]]
        amount = sum(cycle["delta_minor"] for cycle in cycles) + tax
        if amount:
            yield {
                "kind": "ADJUSTMENT" if amount > 0 else "CREDIT_NOTE",
                "amount_minor": abs(amount),
                "issued_at": written(at),
                "reverses": None,
                "explanation": {"cycles": cycles, "tax_minor": tax},
            }
        yield from _penalty(statement, bill, owed, at)


def _taxes(statement: Json, bill: Json, runs: Sequence[Json], at: datetime, *, after: bool) -> int:
    """Return the taxes of a bill by the runs that counted at an instant, or before those that came then."""
    counting = {cycle_id: counting_run(statement["runs"], cycle_id, by=at) for cycle_id in bill["cycles"]}
    if not after:
        counting |= {run["cycle"]: _before(statement, run) for run in runs}
    lines = gathered(line for run in counting.values() for line in run["lines"])
    return sum(tax["minor"] for tax in taxes_on(lines, statement["terms"]))


def _before(statement: Json, run: Json) -> Json:
    (before,) = (
        each for each in statement["runs"] if each["cycle"] == run["cycle"] and each["run"] == run["run"] - 1
    )
    found: Json = before
    return found


def _delta(run: Json, before: Json) -> Json:
    return {
        "cycle": run["cycle"],
        "run": run["run"],
        "delta_minor": run["amount_minor"] - before["amount_minor"],
        "delta_wh": run["delivered_wh"] - before["delivered_wh"],
    }
