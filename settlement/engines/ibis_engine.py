"""The engine of a fleet: one Ibis expression, for Spark, ClickHouse, or DuckDB again.

What differs between them is how the connection is made, where the files are read, and a few words that
not all of them understand alike. Sums and products of whole numbers are the same everywhere; divisions,
roundings and DECIMAL products are not, and there are none; but for one quotient where energy is lost, which
is put right in whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import reduce
from operator import methodcaller
from typing import Any, Final, TypeAlias

import ibis
import pyarrow

from settlement.engines.calendar import Calendar
from settlement.engines.contract_table import ContractTable
from settlement.engines.faults import check_sum, require_earlier
from settlement.engines.file_sets import FileSet, open_duckdb
from settlement.engines.losses import ALL
from settlement.engines.reading_files import open_readings
from settlement.engines.relational import Met, Ranges, Total, settle
from settlement.engines.tally import Quantities

Table: TypeAlias = Any
"""A table of Ibis, which brings no types of its own."""

OpenTable = Callable[[FileSet], AbstractContextManager[tuple[Any, Table]]]
"""Opens a connection of Ibis and a table of the files' rows on it, for as long as the block runs."""

Column: TypeAlias = Any
"""A column of Ibis."""

_RANGE_TYPES: Final = {
    "contract": pyarrow.int64(),
    "segment": pyarrow.int64(),
    "source": pyarrow.string(),
    "source_low": pyarrow.int64(),
    "source_high": pyarrow.int64(),
    "target": pyarrow.string(),
    "target_low": pyarrow.int64(),
    "target_high": pyarrow.int64(),
    "lost": pyarrow.int64(),
}


def seconds_of(start: Column) -> Column:
    """Return the second in which an instant lies: databases round what is left of it, or do not."""
    return start.truncate("s").epoch_seconds()


def hand_over(_: object, rows: pyarrow.Table) -> Table:
    """Return rows as a table that goes with each question about it."""
    return ibis.memtable(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How a database is asked for what not all of them understand alike."""

    seconds_of: Callable[[Column], Column] = seconds_of
    """The second since 1970, as a whole number, in which an instant lies."""
    count_distinct: Callable[[Column], Column] = methodcaller("nunique")
    """How many values there are, exactly."""
    hand_over: Callable[[Any, pyarrow.Table], Table] = hand_over
    """Gives rows to a connection and returns the table of them."""


COMMON: Final = Words()


@dataclass(frozen=True, slots=True)
class IbisEngine:
    """Whatever Ibis can ask: `open_table` says how, `words` in which words."""

    open_table: OpenTable
    words: Words = COMMON

    def quantities(self, readings: FileSet, contracts: ContractTable, calendar: Calendar) -> Quantities:
        """Return the day's quantities. Raises: DataInvalid, EnergyTooLarge."""
        with open_duckdb() as duckdb:
            open_readings(duckdb, readings)
        with self.open_table(readings) as (connection, table):
            normal = normal_form(table, self.words)
            if calendar.since < calendar.day_start:
                earlier = _placed(normal, (calendar.since, calendar.day_start)).count()
                require_earlier(bool(connection.to_pyarrow(earlier).as_py()), files=readings)
            return settle(_IbisStore(connection, normal, self.words), contracts, calendar)


@dataclass(frozen=True, slots=True)
class _IbisStore:
    connection: Any
    """A backend of Ibis; those share no type."""
    readings: Table
    words: Words

    def totals(self, segments: Sequence[int], meters: Sequence[str]) -> Iterable[Total]:
        """Return what each meter counted in each segment."""
        named = pyarrow.table({"meter": pyarrow.array(meters, pyarrow.string())})
        asked = self.readings.join(self.words.hand_over(self.connection, named), "meter")
        bounds = self.connection.to_pyarrow(greatest_energy(_placed(asked, segments))).to_pylist()[0]
        check_sum(bounds["largest"] or 0, bounds["rows"], what="readings")
        for row in self.connection.to_pyarrow(total_energy(asked, segments, self.words)).to_pylist():
            yield Total(**row)

    def meet(self, ranges: Ranges, segments: Sequence[int]) -> Iterable[Met]:
        """Return what both sides have in the same intervals."""
        columns = {name: pyarrow.array(getattr(ranges, name), kind) for name, kind in _RANGE_TYPES.items()}
        asked = self.words.hand_over(self.connection, pyarrow.table(columns))
        met = met_energy(self.readings, asked, segments, has_losses=bool(ranges.lost.any()))
        for row in self.connection.to_pyarrow(met).to_pylist():
            yield row["contract"], row["segment"], row["wh"]


def normal_form(table: Table, words: Words = COMMON) -> Table:
    """Return readings with the meter as text, the start in seconds since 1970, and energy in 64 bits."""
    return table.select(
        meter=table.meter.cast("string"),
        second=words.seconds_of(table.start).cast("int64"),
        exported=table.export_wh.cast("int64"),
        imported=table.import_wh.cast("int64"),
    )


def greatest_energy(readings: Table) -> Table:
    """Return an expression: the greatest energy of an interval, and how many intervals there are.

    Not every engine says so when a sum leaves 64 bits.
    """
    return readings.agg(
        largest=ibis.greatest(readings.exported.max(), readings.imported.max()),
        rows=readings.count().cast("int64"),
    )


def total_energy(readings: Table, segments: Sequence[int], words: Words = COMMON) -> Table:
    """Return an expression: what each meter counted in each segment, with what tells faults."""
    lesser = ibis.least(readings.exported, readings.imported)
    placed = _placed(readings.mutate(lesser=lesser), segments)
    return placed.group_by("meter", "segment").agg(
        exported=_sum(placed.exported),
        imported=_sum(placed.imported),
        readings=ibis.least(placed.exported.count(), placed.imported.count()).cast("int64"),
        instants=words.count_distinct(placed.second).cast("int64"),
        rows=placed.count().cast("int64"),
        smallest=placed.lesser.min().fill_null(0),
    )


def met_energy(readings: Table, ranges: Table, segments: Sequence[int], *, has_losses: bool = False) -> Table:
    """Return an expression: what both sides of each range have in the same intervals, in all.

    Each side is worked out for itself and then joined by contract and interval. A join of both sides'
    readings first may be planned by their instants alone, which pairs every meter with every other.
    """
    placed = _placed(readings, segments)
    sent = _side(placed, ranges, "source", placed.exported)
    source = (_arriving(sent) if has_losses else sent.drop("lost")).rename(given="wh")
    target = _side(placed, ranges, "target", placed.imported).drop("lost").rename(taken="wh")
    both = source.join(target, ["contract", "segment", "second"])
    met = both.select("contract", "segment", wh=ibis.least(both.given, both.taken))
    return met.group_by("contract", "segment").agg(wh=_sum(met.wh))


def _side(placed: Table, ranges: Table, side: str, counted: Column) -> Table:
    """Return how much of a meter's energy of each interval falls into each range of one side."""
    window = ibis.window(group_by=["meter", "segment"], order_by="second", rows=(None, 0))
    running = placed.select("meter", "segment", "second", counted=counted, upto=_sum(counted).over(window))
    asked = ranges.select(
        "contract",
        "segment",
        "lost",
        meter=ranges[side],
        low=ranges[f"{side}_low"],
        high=ranges[f"{side}_high"],
    )
    found = asked.join(running, ["meter", "segment"])
    part = ibis.least(found.upto, found.high) - ibis.greatest(found.upto - found.counted, found.low)
    wh = ibis.greatest(part, ibis.literal(0, "int64"))
    return found.select("contract", "segment", "second", "lost", wh=wh)


def _arriving(sent: Table) -> Table:
    """Return what arrives of what was sent: what is lost of it is a quotient, rounded up.

    Databases divide whole numbers each in its own way, to a float, a decimal or a whole number. Whichever
    it is, the whole number below it is the quotient or beside it, and a product tells.
    """
    divided = sent.mutate(dividend=sent.wh * sent.lost + (ALL - 1))
    guessed = divided.mutate(guess=(divided.dividend / ALL).floor().cast("int64"))
    too_much = (guessed.guess * ALL > guessed.dividend).cast("int64")
    too_little = ((guessed.guess + 1) * ALL <= guessed.dividend).cast("int64")
    arrived = guessed.wh - (guessed.guess - too_much + too_little)
    return guessed.select("contract", "segment", "second", wh=arrived)


def _placed(readings: Table, segments: Sequence[int]) -> Table:
    """Return the readings of the segments, each with its segment's number from 0."""
    within = readings.filter((readings.second >= segments[0]) & (readings.second < segments[-1]))
    begun = [(within.second >= edge).cast("int64") for edge in segments[1:-1]]
    return within.mutate(segment=reduce(lambda one, other: one + other, begun, ibis.literal(0, "int64")))


def _sum(column: Column) -> Column:
    """Return the sum in 64 bits: of such numbers PostgreSQL would make a NUMERIC."""
    return column.sum().cast("int64")
