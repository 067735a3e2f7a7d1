"""Readings in CSV: one interval of energy a line, under headings."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, Final

from metering.sources.csv_columns import ColumnReader
from metering.sources.csv_heading import GREATEST_CSV_LINE_BYTES, read_heading
from metering.sources.csv_layout import CsvOptions, layout_of
from metering.sources.csv_line import LineReader, LineRefused
from metering.sources.file_line import Line
from metering.sources.gathering import gathered
from metering.sources.instants import InstantUnclear
from metering.sources.line_block import LineBlock
from metering.sources.lines import lines_of, whole_lines_of
from metering.sources.ports import Found, Reject

_BOM: Final = b"\xef\xbb\xbf"
_READ_AT_ONCE: Final = 262_144
_TOO_FEW_FOR_COLUMNS: Final = 16_384  # bytes


class CsvSource:
    """Reads CSV by the headings of the file and by `options`."""

    def __init__(self, options: CsvOptions | None = None) -> None:
        self._options = options or CsvOptions()

    def read(self, stream: BinaryIO) -> Iterator[Found]:
        """Yield what the lines say. Raises: SourceUnreadable, of a heading that does not do."""
        first, options = stream.readline(GREATEST_CSV_LINE_BYTES + 1), self._options
        reader = LineReader(layout_of(read_heading(first), options), options)
        said = str(options)
        head = (f"# read with {said}\n" if said else "").encode() + first.removeprefix(_BOM)
        yield from gathered(_all_lines(stream, reader), head=head)


def _all_lines(stream: BinaryIO, reader: LineReader) -> Iterator[Line | LineBlock | Reject]:
    by_columns, number = ColumnReader(reader), 2
    for raw in whole_lines_of(stream, size=_READ_AT_ONCE, greatest=GREATEST_CSV_LINE_BYTES):
        yield from _lines(raw, number, reader, by_columns)
        number += raw.count(b"\n") + (raw[-1:] != b"\n")


def _lines(
    raw: bytes, number: int, reader: LineReader, by_columns: ColumnReader
) -> Iterator[Line | LineBlock | Reject]:
    """Yield lines as columns where that does, and one by one around those that want a look."""
    block = by_columns.read(raw, number)
    middle = raw.rfind(b"\n", 0, len(raw) // 2) + 1
    if block is not None:
        yield block
    elif not middle or len(raw) < _TOO_FEW_FOR_COLUMNS:
        yield from _one_by_one(raw, number, reader)
    else:
        yield from _lines(raw[:middle], number, reader, by_columns)
        yield from _lines(raw[middle:], number + raw.count(b"\n", 0, middle), reader, by_columns)


def _one_by_one(raw: bytes, first: int, reader: LineReader) -> Iterator[Line | Reject]:
    for number, line, whole in lines_of(BytesIO(raw), greatest=GREATEST_CSV_LINE_BYTES, first=first):
        try:
            said = reader.read(line, number, whole=whole)
        except (LineRefused, InstantUnclear) as error:
            yield Reject(place=f"line {number}", raw=line, code=error.code, sentence=error.sentence)
            continue
        if said is not None:
            yield said
