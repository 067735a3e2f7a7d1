"""A bill's statement as people read it in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from degnode.printing import print_table
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from kernel.plain_text import one_line

Json = dict[str, Any]


def print_statement(statement: Json, console: Console) -> None:
    """Print what a bill asks for, and where each part of it comes from."""
    bill, contract, terms = statement["bill"], statement["contract"], statement["terms"]
    currency = Currency(bill["currency"])
    start, end = bill["period"]
    _say(console, f"{bill['bill']} of {contract['id']}", style="bold")
    _say(console, f"from {start} to {end}, issued {bill['issued_at']}, {bill['status']}")
    lines = [(line["kind"], line["title"], *_amounts(line, currency)) for line in bill["lines"]]
    totals = {"total": bill["total_minor"], "credit": bill["total_minor"] - bill["due_minor"]}
    if totals["credit"]:
        totals["to pay"] = bill["due_minor"]
    lines += [("", name, str(Money(minor, currency)), "") for name, minor in totals.items() if minor]
    print_table("Lines", ("kind", "for", "amount", "taken off"), lines, console=console)
    _say(console, f"Priced {terms['pricing_model']}, {terms['price_per_kwh']} {currency} per kWh.")
    if ended := contract.get("cancellation"):
        owed, value = (Money(ended[name], currency) for name in ("owed_minor", "value_minor"))
        who, other = ("buyer", "seller") if ended["side"] == "BUYER" else ("seller", "buyer")
        agreed = ended["agreed_window"][0]
        _say(console, f"The {who} cancelled at {ended['at']}; delivery was to begin at {agreed}.")
        _say(console, f"For an order of {value} it owes the {other} {owed}.")
    shares = {"exported": terms.get("share_percent"), "imported": None}
    for side, share in shares.items():
        _say(console, _meter(statement["meters"][side], side, share=share))
    headings = ("cycle", "run", "exported", "imported", "delivered", "amount", "closed by", "missing")
    rows = [_run(run, currency) for run in statement["runs"] if run["cycle"] in bill["cycles"]]
    print_table("Settlement cycles", headings, rows, console=console)
    why_owed = "for cancelling" if contract.get("cancellation") else "for its shortfall"
    corrections = [_correction(each, currency, why_owed) for each in statement["corrections"]]
    if corrections:
        print_table(
            "Corrections", ("of", "run", "kind", "amount", "why", "taken up by"), corrections, console=console
        )
    _say(console, "With --json it can be computed anew: degnode verify-bill FILE.")


def _say(console: Console, sentence: str, *, style: str = "") -> None:
    console.print(Text(one_line(sentence), style=style))


def _amounts(line: Json, currency: Currency) -> tuple[str, str]:
    discount = line.get("discount_minor", 0)
    return str(Money(line["minor"], currency)), str(Money(discount, currency)) if discount else ""


def _meter(meter: Json, verb: str, *, share: str | None = None) -> str:
    earlier = len(meter["claims"])
    shared = f", shared out by {meter['allocation']}"
    if share is not None:
        shared += f": {share} % of it in each interval"
    elif earlier:
        shared += f" after {_count(earlier, 'earlier contract')}"
    else:
        shared = ""
    revised = sum(reading[-1] is not None for reading in meter["readings"])
    news = f", {_count(revised, 'of them')} revised since" if revised else ""
    counted = _count(len(meter["readings"]), "reading")
    return f"Meter {meter['meter']} {verb}: {counted}{news}{shared}."


def _count(number: int, noun: str) -> str:
    plural = noun if number == 1 or noun == "of them" else f"{noun}s"
    return f"{number} {plural}"


def _run(run: Json, currency: Currency) -> Sequence[object]:
    why = run["explanation"]
    missing = len(why["exported"]["missing"]) + len(why["imported"]["missing"])
    return (
        run["cycle"],
        run["run"],
        Energy(why["exported"]["wh"]),
        Energy(why["imported"]["wh"]),
        Energy(run["delivered_wh"]),
        Money(run["amount_minor"], currency),
        why["closed_by"].lower().replace("_", " "),
        missing or "",
    )


def _correction(correction: Json, currency: Currency, why_owed: str) -> Sequence[object]:
    why: Json = correction["explanation"]
    reason = why.get("reason") or ", ".join(_delta(each) for each in why.get("cycles", ()))
    if penalty := why.get("penalty"):
        owed = Money(penalty["minor"], currency)
        reason = f"{penalty['cycle']}, run {penalty['run']}: the seller owes {owed} {why_owed}"
    taken: Iterable[Json] = correction["taken_up"]
    return (
        correction["bill"],
        correction["run"],
        correction["kind"],
        Money(correction["amount_minor"], currency),
        reason,
        ", ".join(f"{part['bill']} ({Money(part['minor'], currency)})" for part in taken),
    )


def _delta(cycle: Json) -> str:
    return f"{cycle['cycle']} {cycle['delta_wh']:+} Wh"
