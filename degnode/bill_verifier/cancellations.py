"""What ending a contract before its time costs, by its terms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction

from degnode.bill_verifier.costs import Cost
from degnode.bill_verifier.differences import Difference, differences
from degnode.bill_verifier.lines import Charged, rounded
from degnode.bill_verifier.statement import Json, exact, span, written_span
from kernel.clock import parse_instant
from kernel.interval import Interval


def cancellation_in(contract: Json, metered: Interval) -> Json | None:
    """Return how a contract was ended, in its last cycle, where something is owed for that."""
    is_last = metered.end == span(contract["window"]).end
    found: Json | None = contract.get("cancellation") if is_last else None
    return found


def is_void(contract: Json) -> bool:
    """Say whether nothing was delivered, for the contract was cancelled before that."""
    ended = contract.get("cancellation")
    return ended is not None and parse_instant(ended["at"]) <= span(ended["agreed_window"]).start


def no_energy() -> Charged:
    """Return the energy of a contract that delivers nothing, which costs nothing whatever its terms are."""
    cost = Cost(kind="ENERGY", title="Energy Cost", gross=Fraction(0), net=Fraction(0), quantity=0)
    return Charged(cost=cost, gross=0, net=0, quantity=0)


def fee_charges(contract: Json, metered: Interval) -> list[Charged]:
    """Return what the buyer owes for having cancelled."""
    ended = cancellation_in(contract, metered)
    if ended is None or ended["side"] != "BUYER":
        return []
    cost = Cost(kind="FEE", title="Cancellation Fee", gross=Fraction(0), net=Fraction(0))
    return [Charged(cost=cost, gross=ended["owed_minor"], net=ended["owed_minor"], quantity=None)]


def differences_of_cancellation(contract: Json, terms: Json) -> Iterator[Difference]:
    """Compare what is owed for a cancellation, and the window that it left, with what the terms say."""
    ended = contract.get("cancellation")
    if ended is None:
        return
    path, at, agreed = "contract.cancellation", parse_instant(ended["at"]), span(ended["agreed_window"])
    yield from differences(contract["terminated_at"], ended["at"], "contract.terminated_at")
    yield from differences(ended["owed_minor"], _owed(ended, terms), f"{path}.owed_minor")
    start = at - timedelta(microseconds=1) if is_void(contract) else agreed.start
    yield from differences(contract["window"], written_span(Interval(start, at)), "contract.window")


def _owed(ended: Json, terms: Json) -> int:
    """Return what the side that cancelled owes: nothing where it did so in time."""
    found = [term for term in terms.get("cancellation", ()) if term["side"] == ended["side"]]
    start, at = span(ended["agreed_window"]).start, parse_instant(ended["at"])
    if not found or at < start - timedelta(minutes=found[0]["notice_minutes"]):
        return 0
    if "minor" in found[0]:
        minor: int = found[0]["minor"]
        return minor
    return rounded(Fraction(exact(found[0]["percent"])) * ended["value_minor"] / 100)
