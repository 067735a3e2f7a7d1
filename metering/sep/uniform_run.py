"""Plain readings that differ in their digits only, read as one block of bytes and not one by one.

Most meters write every reading of a document with the same tags and the same spaces. The first one is
matched by the expression; each other one that has a digit wherever the first has one, and the same byte
everywhere else, would be matched in the same way. Whatever is less alike is left to the expression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from metering.reading_columns import NO_LOCAL_ID, ReadingColumns, Whole
from metering.sep.column_ranges import are_in_range

_S: Final = rb"[ \t\r\n]*+"
_HEX: Final = rb"(?:[0-9A-Fa-f]{2}){1,2}"
BEGINNING, END = b"<Reading>", b"</Reading>"
READING: Final = (
    BEGINNING + _S
    + rb"(?:<consumptionBlock>([0-9]{1,3})</consumptionBlock>" + _S + rb")?+"
    + rb"(?:<qualityFlags>(" + _HEX + rb")</qualityFlags>" + _S + rb")?+"
    + rb"<timePeriod>" + _S + rb"<duration>([0-9]{1,10})</duration>" + _S
    + rb"<start>([0-9]{1,15})</start>" + _S + rb"</timePeriod>" + _S
    + rb"(?:<touTier>([0-9]{1,3})</touTier>" + _S + rb")?+"
    + rb"<value>(-?[0-9]{1,15})</value>" + _S
    + rb"(?:<localID>(" + _HEX + rb")</localID>" + _S + rb")?+"
    + END + _S
)  # fmt: skip
"""A reading as meters write it. Its groups: block, quality, duration, start, tier, value, local id."""
BLOCK, QUALITY, DURATION, START, TIER, VALUE, LOCAL_ID = range(1, 8)

_GROUPS: Final = (BLOCK, QUALITY, DURATION, START, TIER, VALUE, LOCAL_ID)
_BASES: Final = {QUALITY: 16, LOCAL_ID: 16}
_MOST_DIGITS: Final = 15
"""Of a value."""
_SAFE: Final = {BLOCK: 2, TIER: 2, DURATION: 9, VALUE: 14}
"""So many digits never make a number that is out of its range."""

_ONE: Final = re.compile(READING)
_GAP: Final = re.compile(_S)
_VALUE: Final = b"<value>"
_NO_VALUE: Final = b"<value></value>"
_FACES: Final = bytes.maketrans(b"123456789", b"000000000")
_WORTH: Final = np.zeros(256)
"""What a byte counts as a digit, up to the base of 16."""
for _digit in "0123456789abcdefABCDEF":
    _WORTH[ord(_digit)] = int(_digit, 16)
Bytes = npt.NDArray[np.uint8]
Span = tuple[int, int]


def read_uniform_run(run: bytes) -> ReadingColumns | None:
    """Return the readings of which `run` consists as columns; None if they are not alike.

    `run` ends with the end of a reading, and its first one begins it. A number that is out of its range
    is for the tree to complain of: None is returned then, too.
    """
    gap = _GAP.match(run, run.index(END) + len(END))
    readings = run.removesuffix(END).split(END + (gap[0] if gap else b""))
    width = max(map(len, readings))
    if width * len(readings) > len(run) + _MOST_DIGITS * len(readings) or _NO_VALUE in run:
        return None  # to fill up others could take all memory, and would make a 0 of no value
    block = b"".join([each if len(each) == width else _widened(each, width) for each in readings])
    first = _ONE.fullmatch(block[:width] + END)
    if first is None or first[VALUE].startswith(b"-") or len(block) != width * len(readings):
        return None
    face = block.translate(_FACES)
    if face != face[:width] * len(readings):
        return None
    layout = _layout(tuple(first.span(group) for group in _GROUPS))
    columns = layout.read(np.frombuffer(block, dtype=np.uint8).reshape(-1, width))
    return columns if layout.is_safe or are_in_range(columns) else None


def _widened(reading: bytes, width: int) -> bytes:
    """Return a reading with zeros before its value, which do not change that."""
    return reading.replace(_VALUE, _VALUE + b"0" * (width - len(reading)), 1)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Layout:
    """Where the digits of a reading stand, and what each weighs in which number.

    The numbers are sums of whole products below 2**53, which are exact in binary64, in whatever order.
    """

    places: Whole
    weights: npt.NDArray[np.float64]  # a row for each group, a column for each place
    has_local_id: bool
    is_safe: bool

    def read(self, cells: Bytes) -> ReadingColumns:
        """Return the numbers of readings, of which each is a row of `cells`."""
        written = cells.take(self.places, axis=1)
        numbers = (self.weights @ _WORTH.take(written, mode="clip").T).astype(np.int64)  # none is beyond 255
        block, quality, duration, start, tier, value, local_id = numbers
        if not self.has_local_id:
            local_id[:] = NO_LOCAL_ID
        return ReadingColumns(
            start=start,
            duration=duration,
            value=value,
            quality_flags=quality,
            tou_tier=tier,
            consumption_block=block,
            local_id=local_id,
        )


@lru_cache(maxsize=256)  # a meter writes its readings alike every day
def _layout(spans: tuple[Span, ...]) -> _Layout:
    """Return the layout whose groups stand at these spans; one that is absent is at (-1, -1)."""
    lengths = [stop - start for start, stop in spans]
    places = [place for start, stop in spans for place in range(start, stop)]
    weights = np.zeros((len(spans), len(places)))
    column = 0
    for row, (group, length) in enumerate(zip(_GROUPS, lengths, strict=True)):
        base = _BASES.get(group, 10)
        weights[row, column : column + length] = [base**power for power in reversed(range(length))]
        column += length
    return _Layout(
        places=np.array(places, dtype=np.int64),
        weights=weights,
        has_local_id=lengths[-1] > 0,
        is_safe=all(
            length <= _SAFE.get(group, length) for group, length in zip(_GROUPS, lengths, strict=True)
        ),
    )
