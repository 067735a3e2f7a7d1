"""A statement checked as a whole: every figure that follows from others is computed again and compared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import DecimalException
from functools import lru_cache
from itertools import pairwise
from typing import Final

from degnode.bill_verifier.bands import band_at
from degnode.bill_verifier.bills import (
    billing_periods,
    cycles_within,
    expected_bill,
    expected_taken_up,
    told_taken_up,
)
from degnode.bill_verifier.cancellations import differences_of_cancellation
from degnode.bill_verifier.corrections import expected_corrections
from degnode.bill_verifier.cycles import Cycle, Known, cycles_of, expected_run, known_at
from degnode.bill_verifier.differences import NOTHING, Difference, differences
from degnode.bill_verifier.shares import rules_of
from degnode.bill_verifier.statement import Json, StatementUnreadable, digest_of, read_statement, span
from kernel.clock import parse_instant

_BROKEN: Final = (
    AttributeError,
    ArithmeticError,
    DecimalException,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What comes of figures that cannot stand at their place: a date of no calendar, text for a number."""
_CACHED: Final = 100_000
"""Intervals whose price is remembered: those of some years of quarter hours."""
_LONGEST_WINDOW: Final = timedelta(days=3660)


def verify_statement(text: str | bytes) -> list[Difference]:
    """Return every figure of a statement that is not what follows from the rest of it.

    Raises: StatementUnreadable, if it is no statement, or has something that cannot be computed with.
    """
    statement = read_statement(text)
    try:
        return list(_differences(statement))
    except _BROKEN as error:
        raise StatementUnreadable(
            f"the statement has something that nothing can be computed from: {error!r}"
        ) from error


def _differences(statement: Json) -> Iterator[Difference]:
    if span(statement["contract"]["window"]).duration > _LONGEST_WINDOW:
        raise ValueError("a window of more than ten years")
    yield from differences(statement["sha256"], digest_of(statement), "sha256")
    yield from _order_of_claims(statement)
    contract, terms = statement["contract"], statement["terms"]
    yield from _sharing(statement)
    for name, unless_said in (("matching", "WINDOW"), ("metering_minutes", 15)):
        yield from differences(contract[name], terms.get(name, unless_said), f"contract.{name}")
    yield from differences_of_cancellation(contract, terms)
    cycles = cycles_of(statement["contract"], statement["terms"])
    yield from _runs(statement, cycles)
    bill = statement["bill"]
    yield from differences(bill, expected_bill(statement, cycles), "bill")
    yield from _corrections(statement, cycles)
    yield from differences(
        told_taken_up(statement["corrections"], bill),
        expected_taken_up(statement["corrections"], bill),
        "taken_up",
    )


def _order_of_claims(statement: Json) -> Iterator[Difference]:
    """Refuse claims that do not go before the contract, or that are not in their order."""
    contract = statement["contract"]
    for side in ("exported", "imported"):
        claims = [*statement["meters"][side]["claims"], contract]
        for at, (one, following) in enumerate(pairwise(claims)):
            if parse_instant(one["confirmed_at"]) > parse_instant(following["confirmed_at"]):
                path = f"meters.{side}.claims[{at}].confirmed_at"
                yield Difference(path, one["confirmed_at"], f"at most {following['confirmed_at']}")


def _sharing(statement: Json) -> Iterator[Difference]:
    """Refuse another rule of sharing than the terms have, and others before a contract with a fixed share."""
    meters = statement["meters"]
    for side, rule in rules_of(statement["terms"]).items():
        yield from differences(meters[side]["allocation"], rule, f"meters.{side}.allocation")
        if rule.startswith("STATIC_KEY"):
            yield from differences(meters[side]["claims"], [], f"meters.{side}.claims")


def _runs(statement: Json, cycles: dict[str, Cycle]) -> Iterator[Difference]:
    terms, zone = statement["terms"], statement["contract"]["zone"]
    priced = lru_cache(maxsize=_CACHED)(lambda start: band_at(terms, start, zone))
    known: dict[datetime, Known] = {}
    previous: dict[str, Json] = {}
    for number, run in enumerate(statement["runs"]):
        path, at = f"runs[{number}]", parse_instant(run["settled_at"])
        cycle = cycles.get(run["cycle"])
        if cycle is None:
            yield Difference(f"{path}.cycle", run["cycle"], NOTHING)
            continue
        if at < cycle.metered.end:
            yield Difference(f"{path}.settled_at", run["settled_at"], "after the cycle's end")
        if at not in known:
            known[at] = known_at(statement, at, priced)
        expected = expected_run(statement, run["cycle"], cycle, known[at], previous.get(run["cycle"]))
        yield from differences(run, expected, path)
        previous[run["cycle"]] = run


def _corrections(statement: Json, cycles: dict[str, Cycle]) -> Iterator[Difference]:
    periods = billing_periods(statement["contract"])
    for number, bill in enumerate(statement["corrected_bills"]):
        if bill["bill"] in periods:
            due = cycles_within(cycles, periods[bill["bill"]][1])
            yield from differences(bill["cycles"], due, f"corrected_bills[{number}].cycles")
    for bill in (statement["bill"], *statement["corrected_bills"]):
        told = [one for one in statement["corrections"] if one["bill"] == bill["bill"]]
        yield from differences(told, expected_corrections(statement, bill), f"corrections of {bill['bill']}")
