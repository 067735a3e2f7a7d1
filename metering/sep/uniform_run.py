"""Plain readings that differ in their digits only, read as one block of bytes and not one by one.

Most meters write every reading of a document with the same tags and the same spaces. The first one is
matched by the expression; each other one that has a digit wherever the first has one, and the same byte
everywhere else, would be matched in the same way. Whatever is less alike is left to the expression.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import numpy.typing as npt

from metering.reading_columns import NO_LOCAL_ID, ReadingColumns, Whole

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

_ONE: Final = re.compile(READING)
_GAP: Final = re.compile(_S)
_VALUE: Final = b"<value>"
_ZERO: Final = ord("0")
_POWERS: Final = {base: np.array([base**power for power in range(15)][::-1]) for base in (10, 16)}
Bytes = npt.NDArray[np.uint8]


def read_uniform_run(run: bytes) -> ReadingColumns | None:
    """Return the readings of which `run` consists as columns; None if they are not alike.

    `run` ends with the end of a reading, and its first one begins it.
    """
    gap = _GAP.match(run, run.index(END) + len(END))
    readings = run.removesuffix(END).split(END + (gap[0] if gap else b""))
    width = max(map(len, readings))
    block = b"".join([_widened(reading, width) for reading in readings])
    first = _ONE.fullmatch(block[:width] + END)
    if first is None or len(block) != width * len(readings):
        return None
    digits = np.frombuffer(block, dtype=np.uint8).reshape(-1, width) - np.uint8(_ZERO)
    alike = digits == digits[0]
    alike |= (digits <= 9) & (digits[0] <= 9)
    return _columns(digits, first) if alike.all() else None


def _widened(reading: bytes, width: int) -> bytes:
    """Return a reading with zeros before its value, which do not change that."""
    missing = width - len(reading)
    return reading.replace(_VALUE, _VALUE + b"0" * missing, 1) if missing else reading


def _columns(digits: Bytes, first: re.Match[bytes]) -> ReadingColumns | None:
    if first[VALUE].startswith(b"-"):
        return None
    return ReadingColumns(
        start=_number(digits, first, START),
        duration=_number(digits, first, DURATION),
        value=_number(digits, first, VALUE),
        quality_flags=_number(digits, first, QUALITY, base=16),
        tou_tier=_number(digits, first, TIER),
        consumption_block=_number(digits, first, BLOCK),
        local_id=_number(digits, first, LOCAL_ID, base=16, absent=NO_LOCAL_ID),
    )


def _number(digits: Bytes, first: re.Match[bytes], group: int, *, base: int = 10, absent: int = 0) -> Whole:
    if first[group] is None:
        return np.full(len(digits), absent, dtype=np.int64)
    written = digits[:, slice(*first.span(group))]
    if base == 16:
        letters = (written | np.uint8(0x20)) - np.uint8(ord("a") - _ZERO - 10)
        written = np.where(written <= 9, written, letters)
    numbers: Whole = written.astype(np.int64) @ _POWERS[base][-written.shape[1] :]
    return numbers
