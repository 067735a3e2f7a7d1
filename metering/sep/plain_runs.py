"""Readings that a document lists plainly, read by one expression, several times faster than as a tree.

Most meters write their readings one after the other, in the order of the schema and without attributes.
Such runs are lifted out of the document; a mark takes the place of each, and the tree is built of the
rest. Whatever is written in another way is left where it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from metering.reading_columns import NO_LOCAL_ID, ReadingColumns, Whole
from metering.sep.column_ranges import are_in_range
from metering.sep.elements import NAMESPACE
from metering.sep.uniform_run import BEGINNING, END, READING, read_uniform_run

MARK: Final = "degnode-plain-readings"
"""The element that stands for a run; its text is the number of the run."""

_ONE: Final = re.compile(READING)
_RUN: Final = re.compile(rb"(?:" + re.sub(rb"\((?!\?)", rb"(?:", READING) + rb")++")
_DECLARATION: Final = re.compile(
    rb"<\?xml version=([\"'])1\.0\1(?: encoding=([\"'])[Uu][Tt][Ff]-8\2)?[ \t\r\n]*\?>"
)
_XMLNS: Final = f' xmlns="{NAMESPACE}"'.encode()


def lift_plain_runs(raw: bytes) -> tuple[bytes, Sequence[ReadingColumns]]:
    """Return `raw` with a mark in place of every run of plain readings, and those runs in order.

    A document in which what looks like a reading might be something else is returned as it is.
    """
    only = _only_run(raw)
    if only is not None:
        rest, runs = only
    else:
        rest, runs = _all_runs(raw)
    return (rest, runs) if _is_plain(rest, len(runs)) else (raw, ())


def _only_run(raw: bytes) -> tuple[bytes, Sequence[ReadingColumns]] | None:
    """Return what is left of `raw` and its readings, if all of them are alike and follow one another."""
    start, end = raw.find(BEGINNING), raw.rfind(END)
    if not 0 <= start < end:
        return None
    stop = end + len(END)
    columns = read_uniform_run(raw[start:stop])
    if columns is None:
        return None
    return raw[:start] + _mark(0) + raw[stop:], (columns,)


def _all_runs(raw: bytes) -> tuple[bytes, Sequence[ReadingColumns]]:
    runs: list[ReadingColumns] = []

    def lift(found: re.Match[bytes]) -> bytes:
        columns = _columns(_ONE.findall(found[0]))
        if columns is None:
            return found[0]
        runs.append(columns)
        return _mark(len(runs) - 1)

    return _RUN.sub(lift, raw), runs


def _mark(number: int) -> bytes:
    return b"<%s>%d</%s>" % (MARK.encode(), number, MARK.encode())


def _is_plain(rest: bytes, runs: int) -> bool:
    """Say whether tags are what they seem: UTF-8, one namespace for all, no comments, no sections.

    The runs that were lifted out hold none of what is looked for here.
    """
    declared = _DECLARATION.match(rest)
    return (
        rest.count(b"<?") == (declared is not None)
        and b"<!" not in rest
        and rest.count(b"xmlns") == 1
        and _XMLNS in rest
        and rest.count(MARK.encode()) == 2 * runs
    )


def _columns(found: list[tuple[bytes, ...]]) -> ReadingColumns | None:
    """Return the readings as columns; None if a number is out of its range, for the tree to complain of."""
    block, quality, duration, start, tier, value, local_id = zip(*found, strict=True)
    columns = ReadingColumns(
        start=_whole(start),
        duration=_whole(duration),
        value=_whole(value),
        quality_flags=_hexadecimal(quality, absent=0),
        tou_tier=_whole(tier),
        consumption_block=_whole(block),
        local_id=_hexadecimal(local_id, absent=NO_LOCAL_ID),
    )
    return columns if are_in_range(columns) else None


def _whole(texts: Sequence[bytes]) -> Whole:
    if not any(texts):
        return np.zeros(len(texts), dtype=np.int64)
    if not all(texts):
        texts = [text or b"0" for text in texts]
    return np.fromstring(b" ".join(texts), dtype=np.int64, sep=" ")


def _hexadecimal(texts: Sequence[bytes], *, absent: int) -> Whole:
    meanings = {text: int(text, 16) if text else absent for text in set(texts)}
    if len(meanings) == 1:
        return np.full(len(texts), meanings[texts[0]], dtype=np.int64)
    return np.array([meanings[text] for text in texts], dtype=np.int64)
