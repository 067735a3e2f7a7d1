"""What a charging session costs beside its energy: time at the plug, and a slot that nobody took."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from degnode.bill_verifier.costs import Cost
from degnode.bill_verifier.lines import Charged, rounded
from degnode.bill_verifier.statement import Json

_SECOND: Final = 1_000_000
"""In microseconds, in which time is stated."""


def session_charges(terms: Json, session: Json) -> list[Charged]:
    """Return what of it comes to anything, each rounded once."""
    agreed = terms.get("session", {})
    return [
        Charged(cost=_cost(title), gross=minor, net=minor, quantity=None)
        for title, exact in _costs(agreed, session)
        if (minor := rounded(exact))
    ]


def _costs(agreed: Json, session: Json) -> Iterator[tuple[str, Fraction]]:
    """Return each thing that may cost something, in minor units."""
    for title, key, lasting in (
        ("Occupancy", "occupancy", session["charging_us"]),
        ("Idle Fee", "idle", session["idle_us"]),
    ):
        if key in agreed:
            fee = agreed[key]
            counted = max(0, lasting - fee["grace_seconds"] * _SECOND)
            yield title, Fraction(fee["minor"] * counted, fee["minutes"] * 60 * _SECOND)
    if "no_show" in agreed and session["missed"]:
        yield "No-show Fee", Fraction(agreed["no_show"]["minor"])


def _cost(title: str) -> Cost:
    return Cost(kind="FEE", title=title, gross=Fraction(0), net=Fraction(0))
