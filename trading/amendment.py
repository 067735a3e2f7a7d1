"""Another quantity, window or price for a contract: what is wished, and the contract as it would be. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from kernel.clock import format_instant
from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from trading.changes import Change, Phase, Verdict, phase_of, require_rule
from trading.contract import Contract
from trading.fields import Field
from trading.rates import Price
from trading.refusals import UpdateNotAllowed, WindowUnavailable
from trading.wheeling import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What of a contract is to be otherwise; None of what stays. `price` is what a kWh costs."""

    quantity: Energy | None = None
    window: Interval | None = None
    price: Decimal | None = None

    def less_what_is(self, contract: Contract) -> Amendment:
        """Return what of it the contract does not say already."""
        return Amendment(
            quantity=None if self.quantity == contract.quantity else self.quantity,
            window=None if self.window == contract.window else self.window,
            price=None if self.price == contract.terms.price.per_kwh else self.price,
        )

    @property
    def changes(self) -> Iterator[Change]:
        """What it changes."""
        if self.quantity is not None:
            yield Change.QUANTITY
        if self.window is not None:
            yield Change.WINDOW
        if self.price is not None:
            yield Change.PRICE

    def __bool__(self) -> bool:
        return any(True for _ in self.changes)

    def describe(self, contract: Contract) -> str:
        """Return in words what becomes what."""
        parts = []
        if self.quantity is not None:
            parts.append(f"{contract.quantity} became {self.quantity}")
        if self.window is not None:
            parts.append(f"{_span(contract.window)} became {_span(self.window)}")
        if self.price is not None:
            was, currency = contract.terms.price.per_kwh, contract.terms.currency
            parts.append(f"{was:f} {currency} per kWh became {self.price:f}")
        return ", ".join(parts)


def require_amendable(contract: Contract, amendment: Amendment, *, side: Side, now: datetime) -> Verdict:
    """Return whether `side` has an amendment at once, or needs consent: of several changes the stricter.

    Raises: UpdateNotAllowed, QuoteExpired, WindowUnavailable.
    """
    rules = [require_rule(contract, change, side=side, now=now) for change in amendment.changes]
    _require_possible(contract, amendment, side=side, now=now)
    needs_consent = any(rule.verdict is Verdict.BY_CONSENT for rule in rules)
    return Verdict.BY_CONSENT if needs_consent else Verdict.AT_ONCE


def is_cut(contract: Contract, *, side: Side, now: datetime) -> bool:
    """Say whether less can only be had by cutting what is being delivered."""
    return phase_of(contract, side=side, now=now) is Phase.DELIVERY


def amend(contract: Contract, amendment: Amendment, *, now: datetime) -> Contract:
    """Return the contract as amended, its other terms as they are; it is looked at when its window ends."""
    window, terms = amendment.window or contract.window, contract.terms
    if amendment.price is not None:
        terms = replace(terms, price=Price(per_kwh=amendment.price, currency=terms.currency))
    quantity = amendment.quantity or contract.quantity
    amended = replace(contract, quantity=quantity, window=window, terms=terms, updated_at=now)
    return replace(amended, refresh_at=max(window.end, now)) if contract.is_binding else amended


def _require_possible(contract: Contract, amendment: Amendment, *, side: Side, now: datetime) -> None:
    quantity, window = amendment.quantity, amendment.window
    if amendment.price is not None and not contract.terms.can_be_repriced:
        raise UpdateNotAllowed(f"what the energy of {contract.id} costs is more than a price per kWh")
    if quantity is not None and quantity <= ZERO_ENERGY:
        raise UpdateNotAllowed("nothing is no order", path=Field.QUANTITY, hint="Cancel it.")
    if quantity is not None and quantity >= contract.quantity and is_cut(contract, side=side, now=now):
        raise UpdateNotAllowed(
            f"{contract.quantity} are being delivered: only less can be agreed on now",
            path=Field.QUANTITY,
            hint="Order more in a new transaction.",
        )
    if window is not None and window.start < now:
        raise WindowUnavailable(
            f"that window began at {format_instant(window.start)}",
            path=Field.TRADE_START,
            hint="Choose a window that is yet to begin.",
        )


def _span(window: Interval) -> str:
    return f"{format_instant(window.start)} to {format_instant(window.end)}"
