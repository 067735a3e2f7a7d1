"""What a town's trades come to, the naive way: whole numbers, fractions and loops, and nothing of the engine.

Instants are whole seconds since 1970, energy whole Wh, money whole paise. The town's clock is half past
five ahead of UTC all year.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import floor

HOUR = 3_600
DAY = 24 * HOUR
AHEAD = 5 * HOUR + HOUR // 2
GIVES, TAKES = "gives", "takes"

Piece = tuple[int, int, int]
"""When it starts and ends, and its Wh."""
Counted = Mapping[tuple[str, str], Mapping[tuple[int, int], int]]
"""What is known of each meter and way, by interval."""


@dataclass(frozen=True, kw_only=True)
class Deal:
    """What an offer asks for: per kWh by the hour, for carriage, and taxes; `fixed` is asked for instead."""

    name: str
    rate: str
    by_day: str | None = None
    """The rate from 6 to 18 hours, where it is another."""
    discount: str = "0"
    carriage: int = 0
    fee: str = "0"
    tax: str = "0"
    fixed: int = 0
    hourly: bool = False
    bills: str = "DAILY"
    share: str | None = None
    """The per cent of the roof that it has; without one who bought first is served first."""


@dataclass(kw_only=True)
class Sale:
    """A confirmed contract; `end` is earlier than agreed once it was cancelled."""

    id: str
    gives: str
    takes: str
    confirmed: int
    start: int
    end: int
    watt_hours: int
    deal: Deal
    cuts: list[tuple[int, int, int]] = field(default_factory=list)
    """From when on, how much in all, and when that was said."""
    cancelled: int | None = None
    fulfilled: int | None = None

    @property
    def most(self) -> int:
        return self.watt_hours - (self.cuts[-1][1] if self.cuts else 0)

    @property
    def order(self) -> tuple[int, str]:
        return self.confirmed, self.id

    @property
    def claims_nothing(self) -> bool:
        return self.cancelled is not None and self.cancelled <= self.start


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """A closed settlement cycle: what it delivered, its lines, and their sum."""

    id: str
    start: int
    end: int
    delivered: int
    lines: Mapping[str, int]

    @property
    def amount(self) -> int:
        return sum(self.lines.values())


def rounded(exact: Fraction) -> int:
    """Return the nearest whole number, a half up."""
    return floor(exact + Fraction(1, 2))


def local(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC) + timedelta(seconds=AHEAD)


def parts(start: int, end: int, *, step: int) -> Iterator[tuple[int, int]]:
    """Yield the days or hours of the town's clock between two instants."""
    while start < end:
        following = ((start + AHEAD) // step + 1) * step - AHEAD
        yield start, min(following, end)
        start = following


def cut_up(counted: Mapping[tuple[int, int], int], edges: Iterable[int]) -> list[Piece]:
    """Return a meter's intervals divided at the edges, each part with its Wh in proportion, rounded down."""
    pieces: list[Piece] = []
    at = sorted(set(edges))
    for (start, end), watt_hours in sorted(counted.items()):
        points = [start, *(edge for edge in at if start < edge < end), end]
        upto = [watt_hours * (point - start) // (end - start) for point in points]
        parts = zip(pairwise(points), pairwise(upto), strict=True)
        pieces += [(since, until, after - before) for (since, until), (before, after) in parts]
    return pieces


def share_out(pieces: Iterable[Piece], sales: Iterable[Sale], *, cut_by: int | None) -> Iterator[Piece]:
    """Yield what of each piece is left once the sales took of it, the first traded first."""
    taken: dict[str, int] = defaultdict(int)
    in_order = sorted(sales, key=lambda sale: sale.order)
    for start, end, watt_hours in pieces:
        left = watt_hours
        for sale in in_order:
            if sale.claims_nothing or not (sale.start <= start and end <= sale.end):
                continue
            limits = [
                sale.watt_hours - cut
                for since, cut, said in sale.cuts
                if since < end and (cut_by is None or said <= cut_by)
            ]
            got = min(left, max(0, min([sale.watt_hours, *limits]) - taken[sale.id]))
            taken[sale.id] += got
            left -= got
        assert 0 <= left <= watt_hours
        yield start, end, left


def left_to(sale: Sale, sales: Iterable[Sale], counted: Counted, way: str) -> list[Piece]:
    """Return what one of a sale's meters counted in its window, less what sales before it take."""
    meter = getattr(sale, way)
    before = [other for other in sales if getattr(other, way) == meter and other.order < sale.order]
    windows = [sale, *(other for other in before if not other.claims_nothing)]
    edges = {edge for each in windows for edge in (each.start, each.end)}
    pieces = cut_up(counted.get((meter, way), {}), edges)
    left = share_out(pieces, before, cut_by=sale.fulfilled)
    return [piece for piece in left if sale.start <= piece[0] and piece[1] <= sale.end]


def part_of(sale: Sale, counted: Counted) -> list[Piece]:
    """Return a sale's fixed share of what its roof gave in its window, rounded down to date."""
    share = Fraction(sale.deal.share or "0") / 100
    found: list[Piece] = []
    given = of_roof = 0
    for start, end, watt_hours in cut_up(counted.get((sale.gives, GIVES), {}), [sale.start, sale.end]):
        if sale.start <= start and end <= sale.end:
            of_roof += watt_hours
            found.append((start, end, floor(of_roof * share) - given))
            given = floor(of_roof * share)
    return found


def has_room(sale: Sale, sales: Iterable[Sale]) -> bool:
    """Say whether a roof can serve one more sale: by one rule at a time, and never more than all of it."""
    others = [
        other
        for other in sales
        if other.gives == sale.gives
        and not other.claims_nothing
        and other.start < sale.end
        and sale.start < other.end
    ]
    if any((other.deal.share is None) != (sale.deal.share is None) for other in others):
        return False
    instants = [sale.start, *(other.start for other in others if other.start > sale.start)]
    return all(
        sum(Fraction(each.deal.share or "0") for each in (sale, *others) if each.start <= instant < each.end)
        <= 100
        for instant in instants
    )


def closed_cycles(sale: Sale, sales: Sequence[Sale], counted: Counted, now: int) -> list[Cycle]:
    """Return the cycles of a sale that are closed by now: both meters told of all of it, or a day went by."""
    took = left_to(sale, sales, counted, TAKES)
    gave = left_to(sale, sales, counted, GIVES) if sale.deal.share is None else part_of(sale, counted)
    found: list[Cycle] = []
    before: dict[str, int] = {}
    delivered_before = 0
    for start, end in cycles_of(sale):
        is_whole = all(_told(side, start, end) == end - start for side in (gave, took))
        if now < end or not (is_whole or now >= end + DAY):
            break
        sums = [sum(wh for _, until, wh in side if until <= end) for side in (gave, took)]
        delivered = min(*sums, sale.most)
        to_date = _cost(sale, gave, delivered, is_over=end == sale.end)
        lines = {title: cost - before.get(title, 0) for title, cost in to_date.items()}
        if delivered > delivered_before:
            lines["carriage"] = sale.deal.carriage
        found.append(
            Cycle(
                id=cycle_id(start, hourly=sale.deal.hourly),
                start=start,
                end=end,
                delivered=delivered - delivered_before,
                lines=lines,
            )
        )
        before, delivered_before = to_date, delivered
    return found


def cycles_of(sale: Sale) -> list[tuple[int, int]]:
    return list(parts(sale.start, sale.end, step=HOUR if sale.deal.hourly else DAY))


def cycle_id(start: int, *, hourly: bool) -> str:
    number = local(start).hour + 1 if hourly else 1
    return f"settle-{local(start).date().isoformat()}-{number:03d}"


def billed_cycles(sale: Sale, closed: Sequence[Cycle], now: int) -> list[list[Cycle]]:
    """Return the closed cycles of each day or month of bills that is over and has no other cycle."""
    groups: dict[object, list[tuple[int, int]]] = defaultdict(list)
    for start, end in cycles_of(sale):
        day = local(end - 1).date()
        groups[day if sale.deal.bills == "DAILY" else (day.year, day.month)].append((start, end))
    found = {(cycle.start, cycle.end): cycle for cycle in closed}
    return [
        [found[each] for each in group]
        for group in groups.values()
        if group[-1][1] <= now and all(each in found for each in group)
    ]


def tax_on(cycles: Iterable[Cycle], deal: Deal) -> int:
    """Return the tax of a bill: once on the sum of its lines."""
    return rounded(sum(cycle.amount for cycle in cycles) * Fraction(deal.tax) / 100)


def _told(side: Sequence[Piece], start: int, end: int) -> int:
    return sum(max(0, min(end, until) - max(start, since)) for since, until, _ in side)


def _cost(sale: Sale, gave: Sequence[Piece], delivered: int, *, is_over: bool) -> dict[str, int]:
    """Return what each line has come to, when so much was delivered: the first that was given."""
    deal, rest = sale.deal, delivered
    exact: dict[str, Fraction] = defaultdict(Fraction)
    for start, _, watt_hours in gave:
        part, hour = min(rest, watt_hours), local(start).hour
        rest -= part
        by_day = deal.by_day is not None and 6 <= hour < 18
        rate = Fraction(deal.by_day or "0") if by_day else Fraction(deal.rate)
        off = 1 - Fraction(deal.discount) / 100
        exact["by day" if by_day else "energy"] += Fraction(part, 1_000) * rate * off * 100
    exact["fee"] = Fraction(delivered, 1_000) * Fraction(deal.fee) * 100
    if is_over:
        is_whole = sale.cancelled is None and not sale.cuts
        share = Fraction(1) if is_whole else min(Fraction(1), Fraction(delivered, sale.watt_hours))
        exact["fixed"] = deal.fixed * share
    return {title: rounded(cost) for title, cost in exact.items()}
