"""One line of a CSV file: what it says, or why it is refused."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from operator import itemgetter
from typing import Final, TypeVar

from kernel.errors import NodeError
from kernel.plain_text import one_line
from metering.documents import Reading, TimePeriod
from metering.doubt import Doubt
from metering.energy import Direction
from metering.quality import quality_of
from metering.sources.amounts import KWH_DECIMALS, watt_hours_of
from metering.sources.csv_heading import GREATEST_CSV_LINE_BYTES
from metering.sources.csv_layout import FIELDS, CsvLayout, CsvOptions
from metering.sources.file_line import Line, RegisterName
from metering.sources.instants import read_fold, read_moment, the_instant, the_period
from metering.sources.naming import MeterName

_MOST_REMEMBERED: Final = 100_000
_LONGEST_NAME: Final = 255
_NEWLINE: Final = ord("\n")
_DURATION: Final = re.compile(r"[0-9]{1,9}")
_HEX_QUALITY: Final = re.compile(r"0x[0-9A-Fa-f]{1,4}")
_DIRECTIONS: Final = {
    "import": Direction.IMPORT,
    "1": Direction.IMPORT,
    "export": Direction.EXPORT,
    "19": Direction.EXPORT,
}


K = TypeVar("K")
V = TypeVar("V")


class LineRefused(ValueError):
    """A line cannot be taken; `code` says why."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


class Remembered(dict[K, V]):
    """What `read` made of each text; what recurs, such as times and meters, is read once."""

    def __init__(self, read: Callable[[K], V]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, key: K) -> V:
        value = self._read(key)
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        self[key] = value
        return value


class LineReader:
    """Reads one line after the other."""

    def __init__(self, layout: CsvLayout, options: CsvOptions) -> None:
        self.layout = layout
        self._options = options
        self._blank = " \t" + layout.delimiter
        self._decimals = KWH_DECIMALS if "kwh" in layout.at else 0
        absent = layout.width  # behind the last cell of a line there is always an empty one
        self.cell_of = {name: layout.at.get(name, absent) for name in FIELDS}
        self.energy_at = layout.at["kwh" if "kwh" in layout.at else "wh"]
        self._meter_at, self._quality_at = self.cell_of["meter"], self.cell_of["quality"]
        self._period_of = itemgetter(*(self.cell_of[name] for name in ("start", "end", "duration", "fold")))
        self._register_of = itemgetter(self.cell_of["register"], self.cell_of["direction"])
        self.amounts = Remembered(self._watt_hours)
        self.meters = Remembered(self._meter)
        self.registers = Remembered(self._register)
        self.periods = Remembered(self._period)
        self.qualities = Remembered(_quality)

    @property
    def counts_watt_hours(self) -> bool:
        """Whether the energy is in Wh, of which there are no decimals."""
        return self._decimals == 0

    def read(self, raw: bytes, number: int, *, whole: bool) -> Line | None:
        """Return what a line says, or None if it is empty. Raises: LineRefused, InstantUnclear."""
        if not whole:
            raise LineRefused("LINE_TOO_LONG", f"a line has at most {GREATEST_CSV_LINE_BYTES} bytes")
        text = _text(raw)
        if text is None:
            raise LineRefused("NOT_UTF8", "the line is not written in UTF-8")
        text = self.layout.heading.own_part(text.rstrip("\r\n"))
        if not text.strip(self._blank):
            return None
        cells = self._cells(text)
        reading = Reading(
            value=self.amounts[cells[self.energy_at]],
            time_period=self.periods[self._period_of(cells)],
            quality_flags=self.qualities[cells[self._quality_at]],
        )
        register = self.registers[self._register_of(cells)]
        return Line(
            self.meters[cells[self._meter_at]],
            ((register, reading),),
            number,
            raw if raw[-1] == _NEWLINE else raw + b"\n",
        )

    def _cells(self, text: str) -> list[str]:
        """Return the cells of a line, as many as there are headings, and an empty one behind them."""
        delimiter, width = self.layout.delimiter, self.layout.width
        if '"' not in text:
            cells = text.split(delimiter)
        else:
            try:
                cells = next(csv.reader([text], delimiter=delimiter, strict=True))
            except csv.Error as error:
                raise LineRefused("QUOTES", f"its quotes do not fit together: {error}") from error
        if len(cells) != width:
            if len(cells) < width or any(cells[width:]):
                raise LineRefused("COLUMNS", f"it has {len(cells)} columns where the headings have {width}")
            del cells[width:]
        cells.append("")
        return cells

    def _meter(self, cell: str) -> MeterName:
        try:
            return self._options.name_of(cell.strip() or self._options.meter or "")
        except NodeError as error:
            raise LineRefused(error.code, str(error)) from error

    def _register(self, cells: tuple[str, str]) -> RegisterName:
        name, written = (cell.strip() for cell in cells)
        direction = _DIRECTIONS.get(written.casefold()) if written else self._options.direction
        if direction is None:
            raise LineRefused("DIRECTION", f"{written[:40]!r} is neither import nor export")
        if name != one_line(name) or len(name) > _LONGEST_NAME:
            raise LineRefused("REGISTER", f"a register's name is one line of {_LONGEST_NAME} characters")
        return RegisterName(name, direction)

    def _watt_hours(self, cell: str) -> int:
        written = cell.strip()
        plain = written.replace(",", ".", 1) if self._options.decimal_comma else written
        amount = watt_hours_of(plain, decimals=self._decimals)
        if isinstance(amount, Doubt):
            hint = "; say --decimal-comma if that is one" if "," in plain else ""
            raise LineRefused(amount.reason.value, amount.sentence + hint)
        return amount

    def _period(self, cells: tuple[str, ...]) -> TimePeriod:
        start, end, duration, fold = (cell.strip() for cell in cells)
        begins, ends = self._edges(start, end, duration, read_fold(fold))
        if ends <= begins:
            raise LineRefused("EMPTY_PERIOD", "the interval does not end after it starts")
        return TimePeriod(start=begins, duration=ends - begins)

    def _edges(self, start: str, end: str, duration: str, fold: int | None) -> tuple[int, int]:
        zone = self._options.zone
        moment, stated = read_moment(start, zone), self._seconds(duration)
        if end:
            begins, ends = the_period(moment, read_moment(end, zone), fold)
            if duration and ends - begins != stated:
                raise LineRefused("PERIOD", f"from start to end it is {ends - begins} s, not {stated}")
            return begins, ends
        if stated is None:
            raise LineRefused("PERIOD", "it has neither an end nor a duration")
        begins = the_instant(moment, fold)
        return begins, begins + stated

    def _seconds(self, text: str) -> int | None:
        if not text:
            return self._options.seconds
        if not _DURATION.fullmatch(text):
            raise LineRefused("PERIOD", f"the duration {text[:40]!r} is no whole number of seconds")
        return int(text)


def _quality(cell: str) -> int:
    """Return the bits for our words with spaces between, or for bits written in hexadecimal."""
    text = cell.strip()
    if _HEX_QUALITY.fullmatch(text):
        return int(text, 16)
    try:
        return quality_of(text.casefold().split())
    except KeyError as error:
        raise LineRefused("QUALITY", f"{str(error)[:40]} is no word for a quality") from error
