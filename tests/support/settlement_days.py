"""Small days of random meters and contracts, for every engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from tempfile import TemporaryDirectory

import simplejson
from hypothesis import strategies as st

from kernel.local_days import LocalDay
from settlement.engines.calendar import Calendar, find_day, make_calendar
from settlement.engines.contract_files import read_contracts
from settlement.engines.contract_table import ContractTable
from settlement.engines.file_sets import find_files
from settlement.engines.port import SettlementEngine
from tests.support.naive_settlement import (
    Band,
    Deal,
    Reading,
    Settled,
    row_of,
    settle_naively,
    write_readings,
)

QUARTER = 900
METERS = ("AA", "BB", "CC")
DAYS = (("Asia/Kolkata", date(2026, 3, 14)), ("Europe/Berlin", date(2026, 3, 29)),
        ("Europe/Berlin", date(2026, 10, 25)))  # fmt: skip
NIGHT_AND_DAY: tuple[tuple[Band, ...], ...] = (
    (),
    ((time(6), time(22), "8.25"), (time(22), time(6), "4.5")),
    ((time(2, 30), time(3, 30), "9"),),
)


LOSSES = ("", "0", "7.5", "33.333333", "0.000001", "99.999999")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallDay:
    """A day of a zone with its readings and contracts."""

    zone: str
    day: LocalDay
    readings: tuple[Reading, ...]
    deals: tuple[Deal, ...]

    @property
    def start(self) -> int:
        return int(self.day.period.start.timestamp())

    @property
    def end(self) -> int:
        return int(self.day.period.end.timestamp())

    def naively(self) -> Settled:
        """Return what the day brings, by the naive way."""
        return settle_naively(self.deals, self.readings, start=self.start, end=self.end, zone=self.zone)

    def by(self, engine: SettlementEngine) -> Settled:
        """Return what the day brings by an engine, from files."""
        with TemporaryDirectory() as folder:
            files = find_files([write_readings(Path(folder) / "readings.parquet", self.readings)])
            contracts, calendar = load(self, Path(folder))
            found = engine.quantities(files, contracts, calendar)
        return {
            (contracts.ids[row], band): wh
            for row, bands in enumerate(found.settled.tolist())
            for band, wh in enumerate(bands)
            if wh and contracts.end[row] > self.start
        }


def load(day: SmallDay, folder: Path) -> tuple[ContractTable, Calendar]:
    """Return the contracts of a day by way of a file, and its calendar."""
    contracts = read_contracts(
        find_files([write_contracts(folder / "contracts.jsonl", day.deals)], endings=(".jsonl",)),
        day_start=day.start,
        day_end=day.end,
    )
    return contracts, make_calendar(day.day, contracts, zone=day.zone)


def write_contracts(path: Path, deals: Sequence[Deal]) -> str:
    """Write contracts as JSON Lines and return the path."""
    path.write_text("".join(simplejson.dumps(row_of(deal)) + "\n" for deal in deals))
    return str(path)


def lossy_day() -> SmallDay:
    """A day on which both ways of matching lose energy that would have been taken, before it and on it."""
    zone, on = DAYS[0]
    day = find_day(on, zone=zone)
    start = int(day.period.start.timestamp())
    readings = [
        Reading(meter=meter, second=start + hours * 3600, imported=30, exported=exported)
        for hours in range(-3, 4)
        for meter, exported in (("AA", 10), ("BB", 11), ("CC", 13))
    ]
    deals = [
        Deal(
            contract=f"c{number}", source=source, target=target, traded=number, quantity=quantity,
            start=start - 2 * 3600, end=start + 12 * 3600, by_interval=by_interval, rate="5",
            loss_percent=loss,
        )
        for number, (source, target, quantity, by_interval, loss) in enumerate((
            ("AA", "BB", 1_000, True, "33.333333"),
            ("BB", "CC", 1_000, False, "7.5"),
            ("CC", "AA", 20, True, "7.5"),
            ("CC", "BB", 25, False, "33.333333"),
        ))
    ]  # fmt: skip
    return SmallDay(zone=zone, day=day, readings=tuple(readings), deals=tuple(deals))


@st.composite
def small_days(draw: st.DrawFn) -> SmallDay:
    """Days with few meters and many conflicts; some intervals missing, some windows begun before."""
    zone, on = draw(st.sampled_from(DAYS))
    day = find_day(on, zone=zone)
    start, end = (int(edge.timestamp()) for edge in (day.period.start, day.period.end))
    step = draw(st.sampled_from([3600, 7200]))
    instants = range(start - 4 * step, end, step)
    counted = st.integers(0, 12)
    readings = [
        Reading(meter=meter, second=second, imported=draw(counted), exported=draw(counted))
        for meter in METERS
        for second in draw(st.lists(st.sampled_from(instants), unique=True, max_size=12))
    ]
    readings.append(Reading(meter="ZZ", second=start - 1, imported=1, exported=1))
    losses = st.just("") if draw(st.booleans()) else st.sampled_from(LOSSES)
    edges = st.integers(-4, 26).map(lambda hours: start + hours * 3600)
    deals = []
    for number in range(draw(st.integers(1, 5))):
        first, last = sorted((draw(edges), draw(edges)))
        pair = draw(st.permutations(METERS))
        bands = draw(st.sampled_from(NIGHT_AND_DAY))
        deals.append(
            Deal(
                contract=f"c{number}",
                source=pair[0],
                target=pair[1],
                traded=draw(st.integers(0, 2)),
                quantity=draw(st.integers(0, 40)),
                start=first,
                end=last + QUARTER,
                by_interval=draw(st.booleans()),
                rate="5" if len(bands) < 2 else "",
                bands=bands,
                loss_percent=draw(losses),
            )
        )
    return SmallDay(zone=zone, day=day, readings=tuple(readings), deals=tuple(deals))
