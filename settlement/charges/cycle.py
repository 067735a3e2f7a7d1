"""What one settlement cycle costs, line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from kernel.currency import Currency
from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from kernel.money import Money, Rounding, round_to_minor, sum_money
from settlement.charges.line import ChargeLine
from settlement.charges.rounding import cost_between
from settlement.shortfall.contract_penalties import SideShortfall
from trading.bands import Band
from trading.charges import LineKind
from trading.charging.facts import SessionFacts, session_costs
from trading.costs import ExactLine, Standing, amount_off, cost_to_date
from trading.terms import Terms
from trading.wheeling import Collector, Side

PENALTY: Final = "Penalty"
Settled = Mapping[Band, Energy]


class FactsInvalid(ValueError):
    """A cycle after which less was settled than before it: that is corrected, not billed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleFacts:
    """What settlement knows of one cycle of a contract.

    `before` and `to_date` are what was settled since the window began, until the cycle began and until it
    ended, by band. `period` is the cycle's; what of it lies beyond `window` costs nothing. `contracted` is
    the whole quantity, `curtailed` what was cut from it. `shortfalls` are what the sides owe for theirs.
    `session` is how a charging session went.
    Raises: FactsInvalid.
    """

    window: Interval
    zone: str
    period: Interval
    before: Settled
    to_date: Settled
    is_first: bool
    is_last: bool
    contracted: Energy
    curtailed: Energy = ZERO_ENERGY
    is_terminated: bool = False
    shortfalls: tuple[SideShortfall, ...] = ()
    session: SessionFacts | None = None

    def __post_init__(self) -> None:
        for band, energy in self.before.items():
            if energy > self.to_date.get(band, ZERO_ENERGY):
                raise FactsInvalid(f"{energy} of {band} were settled before {self.period}, and less after it")

    @property
    def fixed_share(self) -> Fraction:
        """How much of a fixed price is due by the cycle's end.

        All of it when the contract is completed, whatever was settled; of one that was terminated, or cut,
        the part of the contracted energy that was settled.
        """
        if not self.is_last:
            return Fraction(0)
        if not self.is_terminated and self.curtailed == ZERO_ENERGY:
            return Fraction(1)
        if self.contracted == ZERO_ENERGY:
            return Fraction(0)
        settled = sum(energy.watt_hours for energy in self.to_date.values())
        return min(Fraction(1), Fraction(settled, self.contracted.watt_hours))


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleCharges:
    """The lines of one settlement cycle, in the order of a bill; taxes are a bill's own."""

    currency: Currency
    lines: tuple[ChargeLine, ...]

    @property
    def total(self) -> Money:
        """The exact sum of what the buyer pays the platform, without taxes."""
        return sum_money((line.net for line in self.lines if line.is_billed), currency=self.currency)


def charge_cycle(terms: Terms, facts: CycleFacts, *, rounding: Rounding = Rounding.HALF_UP) -> CycleCharges:
    """Return what a settlement cycle costs under `terms`.

    Each line is the rounded cost to date less the rounded cost before; amounts that are taken off come
    off the energy's lines, in their order and as far as they go. Lines of nothing are left out, but
    for one of energy. Raises: BandUnknown; ZoneUnknown.
    """
    start, end = _standings(facts)
    pairs = list(zip(cost_to_date(terms, start), cost_to_date(terms, end), strict=True))
    lines = [_line(before, to_date, terms.currency, rounding) for before, to_date in pairs]
    energy = [pair for pair in pairs if pair[0].kind is LineKind.ENERGY]
    off = _amount_off(energy, amount_off(terms, facts.window), rounding)
    lines = _take_off(lines, off)
    lines += _session_lines(terms, facts, rounding)
    lines += [_penalty(shortfall) for shortfall in facts.shortfalls]
    told = [line for line in lines if line.gross.minor or _has_energy(line)]
    if not any(line.kind is LineKind.ENERGY for line in told):
        told.insert(0, lines[0])
    return CycleCharges(currency=terms.currency, lines=tuple(told))


def _standings(facts: CycleFacts) -> tuple[Standing, Standing]:
    """Return how far the contract had come when the cycle began and when it ended."""
    has_begun_before = not facts.is_first
    before = Standing(
        window=facts.window,
        zone=facts.zone,
        energy=facts.before,
        until=facts.period.start if has_begun_before else None,
        begun=has_begun_before,
    )
    settled = sum(energy.watt_hours for energy in facts.to_date.values()) - before.watt_hours
    to_date = replace(
        before,
        energy=facts.to_date,
        until=min(facts.period.end, facts.window.end),
        cycles=1,
        delivered_cycles=int(settled > 0),
        begun=True,
        fixed_share=facts.fixed_share,
    )
    return before, to_date


def _line(before: ExactLine, to_date: ExactLine, currency: Currency, rounding: Rounding) -> ChargeLine:
    """Return what a line grew by; gross is never shown as less than net, which rounding alone would do."""
    net = cost_between(before.net, to_date.net, currency=currency, rounding=rounding)
    gross = cost_between(before.gross, to_date.gross, currency=currency, rounding=rounding)
    wheeling = to_date.wheeling
    return ChargeLine(
        kind=to_date.kind,
        title=to_date.title,
        gross=max(gross, net),
        net=net,
        quantity=None if to_date.quantity is None else Energy(to_date.quantity - (before.quantity or 0)),
        rate=to_date.rate,
        side=wheeling.side if wheeling else Side.BUYER,
        collected_by=wheeling.collected_by if wheeling else Collector.PLATFORM,
    )


def _session_lines(terms: Terms, facts: CycleFacts, rounding: Rounding) -> list[ChargeLine]:
    """Return what a session costs beside its energy, which its last cycle has; each is rounded once."""
    if terms.session is None or facts.session is None or not facts.is_last:
        return []
    lines = []
    for cost in session_costs(terms.session, facts.session):
        amount = round_to_minor(cost.amount, terms.currency, rounding=rounding)
        lines.append(ChargeLine(kind=LineKind.FEE, title=cost.title, gross=amount, net=amount))
    return lines


def _penalty(shortfall: SideShortfall) -> ChargeLine:
    """Return what a side owes; it has a rate per kWh where the terms do, and whole Wh are penalized."""
    price = shortfall.penalty.price
    is_product = price is not None and shortfall.quantity is not None
    return ChargeLine(
        kind=LineKind.PENALTY,
        title=PENALTY,
        gross=shortfall.amount,
        net=shortfall.amount,
        quantity=shortfall.quantity if is_product else None,
        rate=price.per_kwh if price is not None and is_product else None,
        side=shortfall.penalty.side,
    )


def _amount_off(energy: Sequence[tuple[ExactLine, ExactLine]], amount: Money, rounding: Rounding) -> Money:
    """Return how much of the amounts that are taken off falls to the cycle."""
    currency = amount.currency
    if not amount.minor:
        return amount
    costs = (
        sum_money((round_to_minor(line.net, currency, rounding=rounding) for line in side), currency=currency)
        for side in zip(*energy, strict=True)
    )
    before, to_date = (min(cost, amount) for cost in costs)
    return to_date - before


def _take_off(lines: Sequence[ChargeLine], amount: Money) -> list[ChargeLine]:
    if not amount.minor:
        return list(lines)
    left = amount
    reduced: list[ChargeLine] = []
    for line in lines:
        taken = min(left, line.net) if line.kind is LineKind.ENERGY else Money.zero(amount.currency)
        left -= taken
        reduced.append(replace(line, net=line.net - taken))
    return reduced


def _has_energy(line: ChargeLine) -> bool:
    return line.kind is LineKind.ENERGY and line.quantity is not None and line.quantity > ZERO_ENERGY
