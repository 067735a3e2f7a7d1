"""A meter's document as it comes from strangers: read, read the slow way, written again, turned into Wh."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from metering.documents import MirrorDocument, MirrorUsagePoint
from metering.doubt import Doubt
from metering.energy import measure, scale_of
from metering.sep.elements import MeterDocumentRefused
from metering.sep.plain_runs import lift_plain_runs
from metering.sep.reader import read_mirror_document
from metering.sep.writer import (
    in_legacy_namespace,
    write_mirror_meter_reading_list,
    write_mirror_usage_point,
)
from metering.timeliness import DEFAULT_TIME_LIMITS, TimeGate

_REFUSED: Final = {400, 413}
_GATE: Final = TimeGate.at(datetime(2026, 1, 9, 10, tzinfo=UTC), DEFAULT_TIME_LIMITS)
_COMMENT: Final = b"<!---->"
"""Says nothing, and keeps readings from being read other than as elements."""


def mirror_document(data: bytes) -> None:
    """Read `data` as a mirror does, of today and of 2013; what is taken must survive being written.

    Readings that are lifted out of the document must say what they say as elements.
    """
    for legacy in (False, True):
        document = _read(data, legacy=legacy)
        if lift_plain_runs(data)[1]:
            assert _read(data + _COMMENT, legacy=legacy) == document
        if document is None:
            continue
        written = _written(document)
        assert read_mirror_document(written) == document
        assert read_mirror_document(in_legacy_namespace(written), legacy=True) == document
        _count(document)


def _read(data: bytes, *, legacy: bool) -> MirrorDocument | None:
    """Return the document that `data` holds, None if it is refused."""
    try:
        return read_mirror_document(data, legacy=legacy)
    except MeterDocumentRefused as refusal:
        if refusal.http_status not in _REFUSED:
            raise
        return None


def _written(document: MirrorDocument) -> bytes:
    if isinstance(document, MirrorUsagePoint):
        return write_mirror_usage_point(document)
    return write_mirror_meter_reading_list(document.meter_readings)


def _count(document: MirrorDocument) -> None:
    for register in document.meter_readings:
        scale = scale_of(register.reading_type) if register.reading_type else None
        if scale is None or isinstance(scale, Doubt):
            continue
        for reading, _ in register.readings():
            outcome = measure(reading, scale)
            if not isinstance(outcome, Doubt) and _GATE.doubt(outcome) is None:
                assert 0 <= outcome.watt_hours < 2**63
                assert _GATE.earliest_start <= outcome.start <= outcome.end <= _GATE.latest_end
