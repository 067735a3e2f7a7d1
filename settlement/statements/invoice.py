"""A bill as people get it: a page to read and print, and its lines as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from settlement.statements.chart import draw_chart

CSV_HEADINGS: Final = ("bill", "kind", "title", "amount", "taken_off", "currency")
_PAGE: Final = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    files("settlement.statements").joinpath("invoice.html.j2").read_text(encoding="utf-8")
)

Statement = Mapping[str, Any]


def write_page(statement: Statement) -> str:
    """Return a bill as one HTML page that refers to nothing else."""
    bill = statement["bill"]
    currency = Currency(bill["currency"])
    total, due = Money(bill["total_minor"], currency), Money(bill["due_minor"], currency)
    lines = [
        {
            "title": line["title"],
            "amount": Money(line["minor"], currency).amount,
            "taken_off": Money(line.get("discount_minor", 0), currency),
        }
        for line in bill["lines"]
    ]
    delivered = [(cycle["cycle"], Energy(cycle["delivered_wh"])) for cycle in bill["explanation"]["cycles"]]
    return _PAGE.render(
        bill=bill,
        contract=statement["contract"]["id"],
        currency=currency,
        lines=lines,
        total=total,
        credit=total - due,
        due=due,
        delivered=sum((energy for _, energy in delivered), Energy(0)),
        chart=draw_chart(delivered),
    )


def write_csv(statement: Statement) -> str:
    """Return the lines of a bill as CSV, amounts in major units."""
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
    return out.getvalue()
