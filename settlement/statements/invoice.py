"""A bill as people get it: a page to read and print, and its lines as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment

from kernel.clock import parse_instant
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.local_days import find_zone
from kernel.money import Money
from settlement.corrections import CorrectionKind
from settlement.statements.chart import draw_chart

CSV_HEADINGS: Final = ("bill", "kind", "title", "amount", "taken_off", "currency")
_PAGE: Final = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    files("settlement.statements").joinpath("invoice.html.j2").read_text(encoding="utf-8")
)

Statement = Mapping[str, Any]
SELLERS_PENALTY: Final = "Penalty of the seller"


def write_page(statement: Statement) -> str:
    """Return a bill as one HTML page that refers to nothing else."""
    bill = statement["bill"]
    currency = Currency(bill["currency"])
    total, due = bill["total_minor"], bill["due_minor"]
    zone = find_zone(statement["contract"]["zone"])
    lines = [
        {
            "title": line["title"],
            "amount": _grouped(line["minor"], currency),
            "taken_off": _taken_off(line, currency),
        }
        for line in bill["lines"]
    ]
    penalty = sum(
        part["minor"]
        for correction in statement["corrections"]
        if correction["kind"] == CorrectionKind.PENALTY_CREDIT
        for part in correction["taken_up"]
        if part["bill"] == bill["bill"]
    )
    earlier = total - due - penalty
    delivered = [(cycle["cycle"], Energy(cycle["delivered_wh"])) for cycle in bill["explanation"]["cycles"]]
    return _PAGE.render(
        bill=bill,
        contract=statement["contract"]["id"],
        currency=currency,
        zone=zone.key,
        start=_local(bill["period"][0], zone),
        end=_local(bill["period"][1], zone),
        issued_at=_local(bill["issued_at"], zone),
        lines=lines,
        total=_grouped(total, currency),
        credit=_grouped(earlier, currency) if earlier else None,
        penalty=_grouped(penalty, currency) if penalty else None,
        penalties=[
            {"title": title, "amount": _grouped(minor, currency)}
            for title, minor in _penalty_credits(statement)
        ],
        due=_grouped(due, currency),
        delivered=sum((energy for _, energy in delivered), Energy(0)),
        chart=draw_chart(delivered) if delivered else None,
    )


def _penalty_credits(statement: Statement) -> list[tuple[str, int]]:
    """Return the credit notes of what the seller owes by the bill's cycles, each with its minor units."""
    return [
        (f"{SELLERS_PENALTY} ({penalty['cycle']}, run {penalty['run']})", correction["amount_minor"])
        for correction in statement["corrections"]
        if correction["bill"] == statement["bill"]["bill"]
        and correction["kind"] == CorrectionKind.PENALTY_CREDIT
        for penalty in [correction["explanation"]["penalty"]]
    ]


def _grouped(minor: int, currency: Currency) -> str:
    """Return an amount in major units, its thousands set apart, with the currency's decimals."""
    return f"{Money(minor, currency).amount:,f}"


def _taken_off(line: Statement, currency: Currency) -> str:
    minor = line.get("discount_minor", 0)
    return f"{_grouped(minor, currency)} {currency}" if minor else ""


def _local(instant: str, zone: ZoneInfo) -> str:
    """Return an instant on the clock of the market, to the minute."""
    return parse_instant(instant).astimezone(zone).strftime("%Y-%m-%d %H:%M")


def write_csv(statement: Statement) -> str:
    """Return the lines of a bill as CSV, amounts in major units.

    Below them stand the credit notes of what the seller owes by its cycles, less than nought.
    """
    bill = statement["bill"]
    currency = Currency(bill["currency"])
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEADINGS)
    for line in bill["lines"]:
        amounts = (
            Money(line[name], currency).amount if name in line else "" for name in ("minor", "discount_minor")
        )
        writer.writerow((bill["bill"], line["kind"], line["title"], *amounts, currency.code))
    for title, minor in _penalty_credits(statement):
        credited = -Money(minor, currency).amount
        writer.writerow((bill["bill"], CorrectionKind.PENALTY_CREDIT, title, credited, "", currency.code))
    return out.getvalue()
