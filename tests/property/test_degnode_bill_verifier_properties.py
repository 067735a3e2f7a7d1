"""The verifier beside the settlement engine, which it shares no code with: they agree on every bill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from degnode.bill_verifier.statement import StatementUnreadable
from degnode.bill_verifier.verify import verify_statement
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.local_periods import Cadence
from settlement.agreement import Agreement
from settlement.side import MeteredInterval
from settlement.statements.evidence import EarlierClaim, KnownCut
from tests.support import term_strategies
from tests.support.bill_statements import resealed, statement_of

Json = dict[str, Any]

HOUR: Final = timedelta(hours=1)
QUARTER: Final = timedelta(minutes=15)
ZONES: Final = ("UTC", "Asia/Kolkata", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo")
STARTS: Final = (
    datetime(2026, 3, 28, 20, tzinfo=UTC),
    datetime(2026, 4, 3, 12, tzinfo=UTC),
    datetime(2026, 1, 30, 22, tzinfo=UTC),
    datetime(2026, 6, 1, tzinfo=UTC),
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A contract, what its meters counted, and who comes first on its source."""

    agreement: Agreement
    exported: list[MeteredInterval]
    imported: list[MeteredInterval]
    earlier: list[EarlierClaim]

    def statement(self) -> Json:
        return statement_of(
            self.agreement, exported=self.exported, imported=self.imported, earlier=self.earlier
        )


@st.composite
def counted(draw: st.DrawFn, span: Interval) -> list[MeteredInterval]:
    """Return a meter's intervals within a span: of one length, some of them missing, some of nought."""
    length = draw(st.sampled_from([QUARTER, HOUR]))
    number = span.duration // length
    energies = draw(
        st.lists(st.none() | st.integers(0, 4_000), min_size=number, max_size=number)
        if number <= 40
        else st.lists(st.none() | st.integers(0, 4_000), min_size=7, max_size=7).map(
            lambda few: (few * number)[:number]
        )
    )
    return [
        (Interval(span.start + at * length, span.start + (at + 1) * length), Energy(wh))
        for at, wh in enumerate(energies)
        if wh is not None
    ]


@st.composite
def claims_on(draw: st.DrawFn, span: Interval) -> EarlierClaim:
    hours = span.duration // HOUR
    first = draw(st.integers(0, hours - 1))
    last = draw(st.integers(first + 1, hours))
    contracted = draw(st.integers(1, 20_000))
    cut = KnownCut(
        since=span.start + draw(st.integers(first, last)) * HOUR,
        energy=Energy(draw(st.integers(0, contracted))),
        known_from=span.start,
    )
    return EarlierClaim(
        confirmed_at=span.start - timedelta(days=3),
        window=Interval(span.start + first * HOUR, span.start + last * HOUR),
        contracted=Energy(contracted),
        cuts=(cut,) if draw(st.booleans()) else (),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    start = draw(st.sampled_from(STARTS)) + draw(st.integers(0, 5)) * HOUR
    window = Interval(start, start + draw(st.integers(1, 70)) * HOUR)
    before = Interval(start - 6 * HOUR, window.end)
    terms = draw(term_strategies.terms())
    if terms.by_interval is not None:
        terms = replace(terms, by_interval=replace(terms.by_interval, start=start + QUARTER))
    if terms.subscription is not None and draw(st.booleans()):
        included = Energy(draw(st.integers(0, 60_000)))
        terms = replace(terms, subscription=replace(terms.subscription, included=included))
    contracted = draw(st.integers(0, 60_000))
    agreement = Agreement(
        contract_id="contract-1",
        window=window,
        contracted=Energy(contracted),
        terms=terms,
        zone=draw(st.sampled_from(ZONES)),
        curtailed=Energy(draw(st.sampled_from([0, contracted // 3]))),
        matching=terms.matching,
        metering_interval=terms.metering,
        billing=Cadence(terms.billing_period.value),
        anchor_day=1,
        is_terminated=draw(st.booleans()),
    )
    return Case(
        agreement=agreement,
        exported=draw(counted(before)),
        imported=draw(counted(window)),
        earlier=draw(st.lists(claims_on(before), max_size=3)),
    )


@settings(max_examples=60)
@given(case=cases())
def test_the_engine_and_the_verifier_agree_on_every_bill(case: Case) -> None:
    assert verify_statement(json.dumps(case.statement())) == []


@settings(max_examples=60)
@given(case=cases(), data=st.data())
def test_any_figure_that_is_changed_alone_is_found(case: Case, data: st.DataObject) -> None:
    statement = case.statement()
    path, holder, key = data.draw(st.sampled_from(list(figures_in(statement))))
    holder[key] = changed(holder[key])
    assert is_found(json.dumps(statement)), path


@settings(max_examples=60)
@given(case=cases(), data=st.data())
def test_a_computed_figure_is_found_though_the_digest_was_made_to_fit(
    case: Case, data: st.DataObject
) -> None:
    statement = case.statement()
    computed = [
        figure
        for name in ("runs", "bill")
        for figure in figures_in(statement[name])
        if isinstance(figure[1][figure[2]], int) and not isinstance(figure[1][figure[2]], bool)
    ]
    path, holder, key = data.draw(st.sampled_from(computed))
    holder[key] += data.draw(st.sampled_from([-1, 1, 1_000]))
    assert is_found(resealed(statement)), path


def figures_in(found: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield where every figure and every word is, with what holds it."""
    for key, value in found.items() if isinstance(found, dict) else enumerate(found):
        if isinstance(value, dict | list):
            yield from figures_in(value, f"{path}/{key}")
        else:
            yield f"{path}/{key}", found, key


def changed(value: object) -> object:
    if isinstance(value, int):
        return value + 1
    return f"{value}0" if value else "2026-01-01T00:00:00Z"


def is_found(text: str) -> bool:
    """Say whether the verifier names a difference, or says that it cannot compute with it."""
    try:
        return bool(verify_statement(text))
    except StatementUnreadable:
        return True
