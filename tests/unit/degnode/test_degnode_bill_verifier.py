"""A published trade's statement, with each of its figures changed once; and the command that checks it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bpp.catalog_file.reader import load_catalogue
from degnode.__main__ import app
from degnode.bill_verifier.differences import Difference
from degnode.bill_verifier.statement import StatementUnreadable, read_statement
from degnode.bill_verifier.verify import verify_statement
from kernel.clock import parse_instant
from kernel.energy import Energy
from kernel.interval import Interval
from settlement.statements.evidence import EarlierClaim, KnownCut
from tests.support.agreements import WINDOW, agree
from tests.support.bill_statements import hours, resealed, statement_of
from trading.charges import LineKind, Tax
from trading.quote import quote_energy

Json = dict[str, Any]
Path_ = tuple[str | int, ...]

HOUR = timedelta(hours=1)
EXAMPLES = Path(__file__).parents[3] / "examples" / "catalog"
TAX = Tax(title="GST", percent=Decimal("7.5"), jurisdiction="KA", applies_to=frozenset({LineKind.ENERGY}))
NOT_COMPUTED = {"issued_at", "settled_at"}
"""Instants that nothing else in the statement says."""


@pytest.fixture(scope="module")
def statement() -> Json:
    """Return a day's trade after an earlier contract on the same source, cut half-way, with tax."""
    agreement = agree(discount="10")
    agreement = replace(agreement, terms=replace(agreement.terms, taxes=(TAX,)))
    earlier = EarlierClaim(
        confirmed_at=WINDOW.start - timedelta(days=2),
        window=Interval(WINDOW.start - HOUR, WINDOW.start + 4 * HOUR),
        contracted=Energy(4_000),
        cuts=(KnownCut(since=WINDOW.start + HOUR, energy=Energy(1_000), known_from=WINDOW.start),),
    )
    return statement_of(
        agreement,
        exported=hours(WINDOW, [1_000, 2_000, 3_000, 0, 2_500, 700, 1_111]),
        imported=hours(WINDOW, [500, 1_500, 900, 2_000, 800, 600, 400, 300]),
        earlier=[earlier],
    )


def test_nothing_differs_in_an_honest_statement(statement: Json) -> None:
    assert verify_statement(json.dumps(statement)) == []


def test_a_month_by_subscription_and_by_the_hour_comes_to_what_its_catalogue_says() -> None:
    document = load_catalogue(EXAMPLES / "household-supply.yaml")
    terms = document.offers[0].terms
    window = Interval(parse_instant("2026-01-01T07:00:00Z"), parse_instant("2026-02-01T07:00:00Z"))
    home = agree(window=window, kwh="744", zone="America/Denver", matching=terms.matching)
    readings = hours(window, [1_000] * 744)

    told = statement_of(replace(home, terms=terms), exported=readings, imported=readings)

    assert {line["title"]: line["minor"] for line in told["bill"]["lines"]} == {
        "Subscription Fee": 4_200,
        "Included Energy": 0,
        "Energy Cost (06:00-10:00)": 2_304,
        "Energy Cost (17:00-21:00)": 2_736,
        "Energy Cost (other hours)": 5_328,
    }
    assert verify_statement(json.dumps(told)) == []
    quote = quote_energy(Energy(744_000), terms, window=window, zone="America/Denver")
    assert str(quote.total) == "145.68 USD"
    told["runs"][20]["explanation"]["bands"][0]["to_date_wh"] -= 1
    (found,) = verify_statement(resealed(told))
    assert found.path == "runs[20].explanation.bands[0].to_date_wh"


def test_a_figure_that_was_changed_is_named_by_its_path(statement: Json) -> None:
    forged = copy.deepcopy(statement)
    forged["bill"]["lines"][0]["minor"] += 1

    (found,) = verify_statement(resealed(forged))

    told = statement["bill"]["lines"][0]["minor"]
    assert found == Difference("bill.lines[0].minor", told + 1, told)


def test_each_figure_of_runs_and_of_the_bill_is_found_though_the_digest_fits(statement: Json) -> None:
    figures = [path for name in ("runs", "bill") for path in figures_in(statement[name], (name,))]
    assert len(figures) > 150
    missed = [path for path in figures if path[-1] not in NOT_COMPUTED and not is_found(statement, path)]
    assert missed == []


def test_each_figure_and_word_is_found_if_the_digest_does_not_fit(statement: Json) -> None:
    paths = [path for path in figures_in(statement, ()) if path != ("sha256",)]
    for path in paths[:: len(paths) // 40]:
        assert is_found(statement, path, fits=False), path


@pytest.mark.parametrize("side", ["exported", "imported"])
def test_each_reading_that_was_changed_changes_what_follows_from_it(statement: Json, side: str) -> None:
    for number in range(len(statement["meters"][side]["readings"])):
        assert is_found(statement, ("meters", side, "readings", number, 2)), number


def test_what_earlier_contracts_claim_decides_what_is_left(statement: Json) -> None:
    for path in (("contracted_wh",), ("cuts", 0, "wh"), ("window", 1)):
        forged = copy.deepcopy(statement)
        claim = forged["meters"]["exported"]["claims"][0]
        for key in path[:-1]:
            claim = claim[key]
        last = path[-1]
        claim[last] = claim[last] - 500 if isinstance(claim[last], int) else "2024-10-04T11:00:00Z"
        assert any("exported" in each.path for each in verify_statement(resealed(forged))), path


def test_a_run_that_was_left_out_or_a_reading_that_was_added_is_found(statement: Json) -> None:
    without = copy.deepcopy(statement)
    without["runs"].pop()
    more = copy.deepcopy(statement)
    last = more["meters"]["exported"]["readings"][-1]
    more["meters"]["exported"]["readings"].append([last[1], "2024-10-04T18:00:00Z", 5, *last[3:]])

    with pytest.raises(StatementUnreadable):
        verify_statement(resealed(without))
    assert verify_statement(resealed(more))


def test_a_claim_that_came_later_than_the_contract_goes_not_before_it(statement: Json) -> None:
    forged = copy.deepcopy(statement)
    forged["meters"]["exported"]["claims"][0]["confirmed_at"] = "2024-10-04T09:00:00Z"

    (found,) = verify_statement(resealed(forged))

    assert found.path == "meters.exported.claims[0].confirmed_at"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": "degnode-bill-statement", "version": 2}', '{"format": 1.5}', "[" * 100_000],
    ids=["nothing", "list", "no format", "version", "float", "deep"],
)
def test_what_is_no_statement_is_refused(text: str) -> None:
    with pytest.raises(StatementUnreadable):
        read_statement(text)


def test_a_statement_without_its_parts_is_refused() -> None:
    with pytest.raises(StatementUnreadable, match="nothing can be computed"):
        verify_statement('{"format": "degnode-bill-statement", "version": 1}')


@pytest.mark.parametrize("price", ["1E+999999999", "1E-999999999", "NaN", "Infinity", "1" * 60, "x"])
def test_a_price_that_nobody_could_compute_with_is_refused_at_once(statement: Json, price: str) -> None:
    forged = copy.deepcopy(statement)
    forged["terms"]["price_per_kwh"] = price

    with pytest.raises(StatementUnreadable):
        verify_statement(resealed(forged))


def test_the_command_says_that_all_follows_or_names_what_does_not(statement: Json, tmp_path: Path) -> None:
    file = tmp_path / "bill.json"
    file.write_text(json.dumps(statement))
    honest = CliRunner().invoke(app, ["verify-bill", str(file)])
    forged = copy.deepcopy(statement)
    forged["bill"]["total_minor"] -= 1
    told = CliRunner().invoke(app, ["verify-bill", "-"], input=resealed(forged), env={"COLUMNS": "120"})
    as_json = CliRunner().invoke(app, ["verify-bill", "--json", "-"], input=resealed(forged))

    assert (honest.exit_code, honest.stdout) == (
        0,
        "Every figure follows from the readings, the terms and the rules.\n",
    )
    assert told.exit_code == 1
    assert "bill.total_minor" in told.stdout
    total = statement["bill"]["total_minor"]
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout) == [{"path": "bill.total_minor", "told": total - 1, "computed": total}]


def figures_in(found: Any, path: Path_) -> Iterator[Path_]:
    """Yield the path of every figure and every word."""
    for key, value in found.items() if isinstance(found, dict) else enumerate(found):
        if isinstance(value, dict | list):
            yield from figures_in(value, (*path, key))
        else:
            yield (*path, key)


def is_found(statement: Json, path: Path_, *, fits: bool = True) -> bool:
    """Say whether the figure at a path is found once it is changed."""
    forged = copy.deepcopy(statement)
    holder: Any = forged
    for key in path[:-1]:
        holder = holder[key]
    value = holder[path[-1]]
    holder[path[-1]] = value + 1 if isinstance(value, int) else f"{value}0" if value else "x"
    try:
        return bool(verify_statement(resealed(forged) if fits else json.dumps(forged)))
    except StatementUnreadable:
        return True


@pytest.fixture(scope="module")
def eighth() -> Json:
    """Return the statement of a contract on an eighth of a roof, some of it in fractions of a Wh."""
    agreement = agree(discount="10")
    agreement = replace(agreement, terms=replace(agreement.terms, share_percent=Decimal("12.50")))
    return statement_of(
        agreement,
        exported=hours(WINDOW, [9_001, 12_007, 7, 0, 25_003, 7_009, 1_111]),
        imported=hours(WINDOW, [5_000] * 8),
    )


def test_a_fixed_share_is_computed_anew_to_the_watt_hour(eighth: Json) -> None:
    assert verify_statement(json.dumps(eighth)) == []
    exported = eighth["runs"][-1]["explanation"]["exported"]
    assert (exported["allocation"], exported["share_percent"]) == ("STATIC_KEY/2", "12.50")
    assert [row[2] for row in exported["readings"]] == [1_125, 1_501, 0, 0, 3_126, 876, 139]
    assert sum(row[2] for row in exported["readings"]) == 54_138 // 8


@pytest.mark.parametrize(
    ("path", "told", "where"),
    [
        (("terms", "share_percent"), "12.51", "exported.wh"),
        (("meters", "exported", "allocation"), "FIFO/1", "meters.exported.allocation"),
        (("meters", "imported", "allocation"), "STATIC_KEY/2", "meters.imported.allocation"),
        (("meters", "exported", "readings", 2, 2), 900, "exported.wh"),
        (("runs", 0, "explanation", "exported", "share_percent"), "25", "exported.share_percent"),
    ],
)
def test_another_share_or_another_rule_is_found(
    eighth: Json, path: Path_, told: str | int, where: str
) -> None:
    forged = copy.deepcopy(eighth)
    place: Any = forged
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = told
    assert any(each.path.endswith(where) for each in verify_statement(resealed(forged)))


def test_nobody_comes_before_a_contract_with_a_fixed_share(eighth: Json, statement: Json) -> None:
    forged = copy.deepcopy(eighth)
    forged["meters"]["exported"]["claims"] = statement["meters"]["exported"]["claims"]
    assert "meters.exported.claims[0]" in [each.path for each in verify_statement(resealed(forged))]


def test_a_contract_without_a_share_is_not_served_by_one(statement: Json) -> None:
    forged = copy.deepcopy(statement)
    forged["meters"]["exported"]["allocation"] = "STATIC_KEY/2"
    found = verify_statement(resealed(forged))
    assert Difference("meters.exported.allocation", "STATIC_KEY/2", "FIFO/1") in found
