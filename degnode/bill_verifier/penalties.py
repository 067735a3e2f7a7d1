"""What both sides owe for falling short of a contract, once its window is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from degnode.bill_verifier.costs import Cost
from degnode.bill_verifier.delivery import Way
from degnode.bill_verifier.lines import Charged, rounded
from degnode.bill_verifier.statement import Json, exact
from kernel.currency import Currency


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """What one side was short of, and what that costs in minor units."""

    penalty: Json
    due: int
    allocated: int
    counted: Fraction
    minor: int

    def to_record(self) -> Json:
        return {
            "side": self.penalty["side"],
            "payee": self.penalty["payee"],
            "due_wh": self.due,
            "allocated_wh": min(self.allocated, self.due),
            "short_wh": max(0, self.due - self.allocated),
            "counted_wh": str(self.counted),
            "minor": self.minor,
        }

    def to_charge(self) -> Charged:
        has_rate = "per_kwh" in self.penalty and self.counted.denominator == 1
        rate = exact(self.penalty["per_kwh"]) if has_rate else None
        side: str = self.penalty["side"]
        cost = Cost(kind="PENALTY", title="Penalty", gross=Fraction(0), net=Fraction(0), rate=rate, side=side)
        quantity = int(self.counted) if has_rate else None
        return Charged(cost=cost, gross=self.minor, net=self.minor, quantity=quantity)


def shortfalls(terms: Json, *, deliverable: int, exported: int, imported: int, way: Way) -> list[Shortfall]:
    """Return what each side that has a penalty was short of, of what its meter left to the contract."""
    sides = {
        "SELLER": (deliverable, way.arriving(exported) if way.is_arrived else exported),
        "BUYER": (way.due_of_target(deliverable), imported),
    }
    return [_shortfall(penalty, terms, *sides[penalty["side"]]) for penalty in terms.get("penalties", ())]


def charges_of(found: Iterable[Shortfall]) -> list[Charged]:
    """Return what of it comes to anything."""
    return [each.to_charge() for each in found if each.minor]


def _shortfall(penalty: Json, terms: Json, due: int, allocated: int) -> Shortfall:
    short = Fraction(max(0, due - allocated))
    band = due * Fraction(exact(penalty["tolerance_percent"])) / 100
    beyond = {"WHOLE": short, "EXCESS": short - band}[penalty["counted"]]
    counted = beyond if short > band else Fraction(0)
    if "per_kwh" in penalty:
        rate = Fraction(exact(penalty["per_kwh"]))
    else:
        rate = Fraction(exact(terms["price_per_kwh"])) * Fraction(exact(penalty["percent_of_price"])) / 100
    unit = 10 ** Currency(terms["currency"]).exponent
    minor = rounded(counted * rate / 1000 * unit)
    return Shortfall(penalty=penalty, due=due, allocated=allocated, counted=counted, minor=minor)
