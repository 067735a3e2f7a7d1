"""What stations say of their meters, handed to the ordinary intake of readings.

The intake judges: a register that runs backwards, or faster than the connector can give, is set aside
with the reason, and nobody is billed by it. Nothing is refused to the station, which would only send it
again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from metering.documents import Reading, TimePeriod
from metering.doubt import Doubt, Reason
from metering.energy import Direction
from metering.ingest import IngestResult, OnRecorded, record_submission
from metering.quality import ESTIMATED_BY_INTERPOLATION
from metering.sources.file_line import RegisterName
from metering.sources.gathering import usage_point_of
from metering.sources.naming import MeterName
from metering.sources.ocpp_values import ValueRefused, readings_of
from metering.submission import Submission
from metering.verdict import Verdict
from stations.ocmf import MeterKey
from stations.roster import Place
from stations.signed_values import Found, parted, second_of, vouched
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

IMPORT_REGISTER: Final = RegisterName("Outlet", Direction.IMPORT, True)
"""What a car takes: Energy.Active.Import.Register at the outlet."""
_NOTHING_SIGNED: Final = object()
UNSIGNED: Final = Doubt(Reason.UNSIGNED, "the meter has not signed it, and only what it has signed counts")
"""What is set aside for nothing else is no doubt of its charging: most meters sign its two ends alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a message says of a connector's meter: stands, and what of it could not be read.

    `raw` are the message's bytes, which are kept with the readings. `signatures` says of a direction and a
    second for which something was signed that the meter vouches for that (None), or why it does not.
    """

    readings: Sequence[Found]
    raw: bytes
    unreadable: Sequence[str] = ()
    signatures: Mapping[tuple[Direction, int], Doubt | None] = field(default_factory=dict)

    def with_stand(self, at: datetime, watt_hours: int | None) -> Said:
        """Return it with a stand that the message tells apart; none where a signed one is known."""
        is_vouched_for = self.signatures.get((Direction.IMPORT, second_of(at)), _NOTHING_SIGNED) is None
        if watt_hours is None or is_vouched_for:
            return self
        return replace(self, readings=[*self.readings, stand_at(at, watt_hours)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of it: the stands of the import register that count, by second, and every doubt.

    `shown` are stands that do not count for want of a signature alone, by second.
    """

    stands: Mapping[int, int] = field(default_factory=dict)
    doubts: Sequence[str] = ()
    shown: Mapping[int, int] = field(default_factory=dict)

    @property
    def highest(self) -> int | None:
        """The highest stand, in Wh, None if there is none."""
        return max(self.stands.values(), default=None)

    @property
    def counted_at(self) -> datetime | None:
        """When the last of the stands was, None if there is none."""
        return datetime.fromtimestamp(max(self.stands), UTC) if self.stands else None


def stand_at(at: datetime, watt_hours: int, *, is_estimate: bool = False) -> Found:
    """Return the stand of the import register at an instant, cut to the second."""
    period = TimePeriod(start=second_of(at), duration=0)
    quality = ESTIMATED_BY_INTERPOLATION if is_estimate else 0
    return IMPORT_REGISTER, Reading(value=watt_hours, time_period=period, quality_flags=quality)


def read_meter_values(meter_values: Sequence[Any], *, raw: bytes, key: MeterKey | None) -> Said:
    """Return what a message's meter values say of registers; one that is unreadable spoils no other.

    With the meter's `key` what is signed counts as the meter signed it. Without it a value is as good with
    a signature as without, for the station has shown who it is.
    """
    plain: list[Found] = []
    signed: list[Found] = []  # after the others: of one second the last counts
    unreadable: list[str] = []
    signatures: dict[tuple[Direction, int], Doubt | None] = {}
    for meter_value in meter_values:
        try:
            values, records = parted(meter_value)
            found = readings_of([values], interval_seconds=None)
            if not records or key is None:
                plain += found
                continue
            of_meter = vouched(found, records, at=meter_value["timestamp"], key=key)
        except ValueRefused as error:
            unreadable.append(error.sentence)
            continue
        plain += of_meter.plain
        signed += of_meter.signed
        unreadable += of_meter.untold
        signatures |= {(one, of_meter.second): doubt for one, doubt in of_meter.verdicts.items()}
    return Said(readings=[*plain, *signed], raw=raw, unreadable=unreadable, signatures=signatures)


async def take_in(
    said: Said, *, place: Place, uow: UnitOfWork, now: datetime, on_recorded: OnRecorded
) -> Taken:
    """Have what a station said judged and kept, and say what of it counts."""
    doubts = list(said.unreadable)
    stands: Mapping[int, int] = {}
    shown: Mapping[int, int] = {}
    if said.readings:
        result, offered = await _record(said, place, uow, now)
        await on_recorded(uow, [result], now)
        doubts += [each.doubt.sentence for each in result.quarantined if each.doubt != UNSIGNED]
        verdicts = zip(offered, result.verdicts(), strict=True)
        stands = _stands_of(each for each, verdict in verdicts if verdict is not Verdict.QUARANTINED)
        shown = _stands_of(each for each in offered if _doubt_of(*each, said, place) == UNSIGNED)
    if doubts:
        log.warning("station.values_doubted", connector=str(place), doubts=doubts)
    return Taken(stands=stands, doubts=doubts, shown=shown)


def _stands_of(found: Iterable[Found]) -> Mapping[int, int]:
    """Return the stands of the import register, by second."""
    return {
        reading.time_period.start: reading.value
        for register, reading in found
        if register == IMPORT_REGISTER and reading.time_period is not None and reading.value is not None
    }


def _doubt_of(register: RegisterName, reading: Reading, said: Said, place: Place) -> Doubt | None:
    """Return why a reading does not count, whatever it says; what we make of it ourselves nobody signs."""
    if reading.time_period is None:
        return None
    of_second = register.direction, reading.time_period.start
    if of_second in said.signatures:
        return said.signatures[of_second]
    is_ours = reading.quality_flags == ESTIMATED_BY_INTERPOLATION
    return UNSIGNED if place.connector.signed_only and not is_ours else None


async def _record(
    said: Said, place: Place, uow: UnitOfWork, now: datetime
) -> tuple[IngestResult, list[Found]]:
    """Return what became of the readings, and them in the order of their document.

    What is said of one second is one reading: the last counts.
    """
    last = {(register, reading.time_period): reading for register, reading in said.readings}
    by_register: dict[RegisterName, list[Reading]] = {}
    for (register, _), reading in last.items():
        by_register.setdefault(register, []).append(reading)
    ordered = [(register, each) for register, of in by_register.items() for each in of]
    doubts = {
        number: doubt
        for number, each in enumerate(ordered)
        if (doubt := _doubt_of(*each, said, place)) is not None
    }
    submitted = Submission(
        document=usage_point_of(MeterName(place.connector.meter, str(place)), by_register),
        raw=said.raw,
        sender=f"station:{place.station.id}",
        speaks_for_all=True,  # of this meter alone, which the file of stations gives it
        doubts=doubts,
    )
    result = await record_submission(submitted, uow=uow, now=now)
    return result, ordered
