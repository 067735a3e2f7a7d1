"""Files of signed readings: one envelope a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO

from kernel.errors import NodeError
from metering.documents import MirrorUsagePoint, Reading
from metering.sources.file_line import RegisterName
from metering.sources.gathering import usage_point_of
from metering.sources.json_lines import GREATEST_JSON_BYTES
from metering.sources.lines import is_remark, lines_of
from metering.sources.meter_keys import FindMeterKey
from metering.sources.naming import ReadMeterName, meter_by_mrid
from metering.sources.ports import Batch, Found, Reject
from metering.sources.signed_json import ANY_AGE, SignedReading, SignedReadings, excess, read_signed_readings


def document_of(signed: SignedReadings, readings: Sequence[SignedReading]) -> MirrorUsagePoint:
    """Return the document that says some of the readings that a meter has signed."""
    by_register: dict[RegisterName, list[Reading]] = {}
    for each in readings:
        by_register.setdefault(each.register, []).append(each.reading)
    return usage_point_of(signed.meter, by_register)


class SignedSource:
    """Reads envelopes line by line, and takes those that a key of their meter has signed, however old."""

    def __init__(
        self, *, find_key: FindMeterKey, now: datetime, name_of: ReadMeterName = meter_by_mrid
    ) -> None:
        self._find_key = find_key
        self._now = now
        self._name_of = name_of

    def read(self, stream: BinaryIO) -> Iterator[Found]:
        """Yield what the envelopes hold."""
        for number, raw, whole in lines_of(stream, greatest=GREATEST_JSON_BYTES):
            if is_remark(raw):
                continue
            place = f"line {number}"
            line = raw if raw.endswith(b"\n") else raw + b"\n"
            if not whole:
                sentence = f"a line has at most {GREATEST_JSON_BYTES} bytes"
                yield Reject(place=place, raw=line, code="LINE_TOO_LONG", sentence=sentence)
                continue
            try:
                batch = self._batch(line, place)
            except NodeError as error:
                yield Reject(place=place, raw=line, code=error.code, sentence=str(error))
                continue
            yield batch

    def _batch(self, line: bytes, place: str) -> Found:
        signed = read_signed_readings(
            line, find_key=self._find_key, now=self._now, limits=ANY_AGE, name_of=self._name_of
        )
        for each in signed.readings:
            if sentence := excess(each.reading, signed.key.greatest_watts):
                where = f"reading {each.ordinal}: {sentence}"
                return Reject(place=place, raw=line, code="ABOVE_PHYSICAL_MAXIMUM", sentence=where)
        return Batch(document=document_of(signed, signed.readings), body=line, place=place, signed=signed.raw)
