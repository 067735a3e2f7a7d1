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
from metering.sep.elements import INT48, NAMESPACE, UINT8, UINT32

MARK: Final = "degnode-plain-readings"
"""The element that stands for a run; its text is the number of the run."""

_S: Final = rb"[ \t\r\n]*+"
_HEX: Final = rb"(?:[0-9A-Fa-f]{2}){1,2}"
_READING: Final = (
    rb"<Reading>" + _S
    + rb"(?:<consumptionBlock>([0-9]{1,3})</consumptionBlock>" + _S + rb")?+"
    + rb"(?:<qualityFlags>(" + _HEX + rb")</qualityFlags>" + _S + rb")?+"
    + rb"<timePeriod>" + _S + rb"<duration>([0-9]{1,10})</duration>" + _S
    + rb"<start>([0-9]{1,15})</start>" + _S + rb"</timePeriod>" + _S
    + rb"(?:<touTier>([0-9]{1,3})</touTier>" + _S + rb")?+"
    + rb"<value>(-?[0-9]{1,15})</value>" + _S
    + rb"(?:<localID>(" + _HEX + rb")</localID>" + _S + rb")?+"
    + rb"</Reading>" + _S
)  # fmt: skip
_ONE: Final = re.compile(_READING)
_RUN: Final = re.compile(rb"(?:" + re.sub(rb"\((?!\?)", rb"(?:", _READING) + rb")++")
_DECLARATION: Final = re.compile(
    rb"<\?xml version=([\"'])1\.0\1(?: encoding=([\"'])[Uu][Tt][Ff]-8\2)?[ \t\r\n]*\?>"
)
_XMLNS: Final = f' xmlns="{NAMESPACE}"'.encode()


def lift_plain_runs(raw: bytes) -> tuple[bytes, Sequence[ReadingColumns]]:
    """Return `raw` with a mark in place of every run of plain readings, and those runs in order.

    A document in which what looks like a reading might be something else is returned as it is.
    """
    if not _is_plain(raw):
        return raw, ()
    runs: list[ReadingColumns] = []

    def lift(found: re.Match[bytes]) -> bytes:
        columns = _columns(_ONE.findall(found[0]))
        if columns is None:
            return found[0]
        runs.append(columns)
        return b"<%s>%d</%s>" % (MARK.encode(), len(runs) - 1, MARK.encode())

    return _RUN.sub(lift, raw), runs


def _is_plain(raw: bytes) -> bool:
    """Say whether tags are what they seem: UTF-8, one namespace for all, no comments, no sections."""
    declared = _DECLARATION.match(raw)
    return (
        raw.count(b"<?") == (declared is not None)
        and b"<!" not in raw
        and raw.count(b"xmlns") == 1
        and _XMLNS in raw
        and MARK.encode() not in raw
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
    is_in_range = (
        columns.duration.max() <= UINT32.greatest
        and columns.value.max() <= INT48.greatest
        and columns.value.min() >= INT48.least
        and columns.tou_tier.max() <= UINT8.greatest
        and columns.consumption_block.max() <= UINT8.greatest
    )
    return columns if is_in_range else None


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
