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
        credit=_grouped(total - due, currency) if total != due else None,
        due=_grouped(due, currency),
        delivered=sum((energy for _, energy in delivered), Energy(0)),
        chart=draw_chart(delivered) if delivered else None,
    )


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
