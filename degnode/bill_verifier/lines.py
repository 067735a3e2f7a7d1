"""From exact costs to the rounded lines of a cycle and of a bill, and the taxes on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from degnode.bill_verifier.costs import KINDS, Cost, Reached, amount_off, cost_to_date
from degnode.bill_verifier.statement import Json, exact
from kernel.currency import Currency


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """What a line grew by in a cycle, in whole minor units."""

    cost: Cost
    gross: int
    net: int
    quantity: int | None

    def to_record(self) -> Json:
        cost = self.cost
        return {
            "kind": cost.kind,
            "title": cost.title,
            "gross_minor": self.gross,
            "net_minor": self.net,
            "quantity_wh": self.quantity,
            "rate": None if cost.rate is None else f"{cost.rate:f}",
            "side": cost.side,
            "collected_by": cost.collected_by,
        }


def rounded(exact: Fraction) -> int:
    """Return the nearest whole number of what is not negative; a half goes up."""
    return int(exact + Fraction(1, 2))


def charged_between(terms: Json, before: Reached, after: Reached) -> list[Charged]:
    """Return the charges of a cycle: each is the rounded cost to date less the rounded cost before."""
    unit = 10 ** Currency(terms["currency"]).exponent
    pairs = list(zip(cost_to_date(terms, before), cost_to_date(terms, after), strict=True))
    lines = [_grown(one, other, unit) for one, other in pairs]
    off = amount_off(terms, after.window.start)
    costs = [
        sum(rounded(pair[at].net * unit) for pair in pairs if pair[at].kind == "ENERGY") for at in (0, 1)
    ]
    left = min(costs[1], off) - min(costs[0], off)
    for at, line in enumerate(lines):
        if line.cost.kind == "ENERGY":
            taken = min(left, line.net)
            lines[at] = replace(line, net=line.net - taken)
            left -= taken
    told = [line for line in lines if line.gross or (line.cost.kind == "ENERGY" and line.quantity)]
    return told if any(line.cost.kind == "ENERGY" for line in told) else [lines[0], *told]


def _grown(before: Cost, after: Cost, unit: int) -> Charged:
    net = rounded(after.net * unit) - rounded(before.net * unit)
    gross = rounded(after.gross * unit) - rounded(before.gross * unit)
    quantity = None if after.quantity is None else after.quantity - (before.quantity or 0)
    return Charged(cost=after, gross=max(gross, net), net=net, quantity=quantity)


def billed(charges: Iterable[Charged]) -> list[Json]:
    """Return the lines of what the buyer pays the platform."""
    return [
        line_of(charge.cost.kind, charge.cost.title, charge.net, charge.gross - charge.net)
        for charge in charges
        if (charge.cost.side, charge.cost.collected_by) == ("BUYER", "PLATFORM")
    ]


def line_of(kind: str, title: str, minor: int, discount: int = 0) -> Json:
    record: Json = {"kind": kind, "title": title, "minor": minor}
    return record | ({"discount_minor": discount} if discount else {})


def gathered(lines: Iterable[Json]) -> list[Json]:
    """Return one line for each kind and title, with the exact sum, in the order of a bill."""
    sums: dict[tuple[str, str], list[int]] = {}
    for line in lines:
        amounts = sums.setdefault((line["kind"], line["title"]), [0, 0])
        amounts[0] += line["minor"]
        amounts[1] += line.get("discount_minor", 0)
    made = [line_of(kind, title, *amounts) for (kind, title), amounts in sums.items()]
    return sorted(made, key=lambda line: KINDS.index(line["kind"]))


def taxes_on(lines: Sequence[Json], terms: Json) -> list[Json]:
    """Return the taxes that come to something: one for each rate and jurisdiction, rounded once a bill."""
    groups: dict[tuple[Fraction, str], list[Json]] = {}
    for tax in terms.get("taxes", ()):
        groups.setdefault((Fraction(exact(tax["percent"])), tax["jurisdiction"]), []).append(tax)
    found: list[Json] = []
    for (percent, _), members in groups.items():
        kinds = {kind for tax in members for kind in tax["applies_to"]}
        weights = [line["minor"] if line["kind"] in kinds else 0 for line in lines]
        minor = rounded(sum(weights) * percent / 100)
        if minor:
            found.append(_tax(members[0], minor, weights))
    return found


def tax_line(tax: Json) -> Json:
    """Return a tax as a line of a bill."""
    percent = f"{exact(tax['percent']).normalize():f}"
    return line_of("TAX", f"{tax['title']} ({percent} %, {tax['jurisdiction']})", tax["minor"])


def _tax(tax: Json, minor: int, weights: Sequence[int]) -> Json:
    return {
        "title": tax["title"],
        "percent": f"{exact(tax['percent']):f}",
        "jurisdiction": tax["jurisdiction"],
        "minor": minor,
        "shares_minor": _shares(minor, weights),
    }


def _shares(minor: int, weights: Sequence[int]) -> list[int]:
    """Divide in proportion: rounded down, then one each to the largest remainders, the earlier first."""
    total = sum(weights)
    shares = [minor * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda at: (-(minor * weights[at] % total), at))
    for at in by_remainder[: minor - sum(shares)]:
        shares[at] += 1
    return shares
