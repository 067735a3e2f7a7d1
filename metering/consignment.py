"""Several documents taken in one go: those that bring nothing but runs of new readings of known meters.

Each would have been taken just so by itself, in a unit of work of its own. So is every other document:
of a new meter, with other words about it, with a reading type that is not in force, with readings that
want a look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from asyncpg import Connection, Record

from metering.documents import MirrorUsagePoint
from metering.energy import Lane
from metering.express import Parcel, Run, parcels_of, runs_of
from metering.ingest import IngestResult, TouchedMeter
from metering.many_documents import NewDocument, add_documents, find_taken
from metering.many_meters import lock_meters, registers_of
from metering.meter_store import is_described_so
from metering.outcome import Outcome, hull
from metering.reading_copy import Lot, copy_readings
from metering.stored_meter import GREATEST_ID, Register, StoredUsagePoint
from metering.submission import Submission
from metering.timeliness import DEFAULT_TIME_LIMITS, TimeGate, TimeLimits
from storage.unit_of_work import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A document that may be taken as it is: of which meter, and by which channels.

    Its parcels are what its runs measure, once they are measured.
    """

    place: int
    submitted: Submission
    point: StoredUsagePoint
    registers: Mapping[str, Register]
    runs: Sequence[Run]
    parcels: Sequence[Parcel] = ()

    def channels_of(self, parcel: Parcel) -> Mapping[Lane, int]:
        return self.registers[parcel.meter_reading.mrid].channels

    def asked(self) -> list[tuple[int, int, int]]:
        """Return for which channels, from when to when, nothing may be known."""
        return [
            (channel, *parcel.readings.span)
            for parcel in self.parcels
            for channel in self.channels_of(parcel).values()
        ]

    def result(self) -> IngestResult:
        span = hull([parcel.readings.span for parcel in self.parcels])
        return IngestResult(
            usage_point=self.point.id,
            meter=self.point.mrid,
            created=False,
            repeated=False,
            readings=sum(len(parcel.places) for parcel in self.parcels),
            outcome=Outcome(parcels=self.parcels, span=span),
            touched=() if span is None else (TouchedMeter.over(self.point, span),),
        )


async def take_consignment(
    submitted: Sequence[Submission],
    *,
    transaction: Transaction,
    now: datetime,
    limits: TimeLimits = DEFAULT_TIME_LIMITS,
) -> list[IngestResult | None]:
    """Take in what is plainly news; return what became of each document, None where nothing did.

    Of a document for which None is returned nothing is kept: `record_submission` is to decide on it, in the
    order in which they were submitted.
    """
    driver = transaction.driver
    points = await _lock(submitted, driver)
    registers = await registers_of(driver, {point.id for point in points if point is not None})
    pieces = [
        piece
        for place, (each, point) in enumerate(zip(submitted, points, strict=True))
        if point is not None
        and (piece := _piece(place, each, point, registers.get(point.id, {}))) is not None
    ]
    pieces = _measured(pieces, TimeGate.at(now, limits))
    pieces = _in_turn(_apart(await _unknown(pieces, driver)), points)
    documents = await add_documents(driver, [_document(piece) for piece in pieces], now=now)
    kept = {number: piece for piece, number in zip(pieces, documents, strict=True) if number is not None}
    if kept:
        await copy_readings(driver, _lots(kept), now=now)
    results: list[IngestResult | None] = [None] * len(submitted)
    for piece in kept.values():
        results[piece.place] = piece.result()
    return results


async def _lock(submitted: Sequence[Submission], driver: Connection[Record]) -> list[StoredUsagePoint | None]:
    """Return the meter that each document is about, locked; None where it is unknown or not its sender's."""
    found = await lock_meters(
        driver,
        mrids={each.document.mrid for each in submitted if isinstance(each.document, MirrorUsagePoint)},
        numbers={number for each in submitted if (number := each.usage_point) and number <= GREATEST_ID},
    )
    known: defaultdict[str | int, list[StoredUsagePoint]] = defaultdict(list)
    for point in found:
        known[point.mrid].append(point)
        known[point.id].append(point)
    return [_point(each, known) for each in submitted]


def _point(
    each: Submission, found: Mapping[str | int, Sequence[StoredUsagePoint]]
) -> StoredUsagePoint | None:
    document = each.document
    if isinstance(document, MirrorUsagePoint) == (each.usage_point is not None):
        return None  # misdirected: to be refused in words
    if isinstance(document, MirrorUsagePoint):
        of_mrid = found.get(document.mrid, ())
        is_any_device = each.speaks_for_all and not document.device_lfdi
        fitting = [point for point in of_mrid if is_any_device or point.device_lfdi == document.device_lfdi]
    else:
        fitting = list(found.get(each.usage_point or 0, ()))
    only = fitting[0] if len(fitting) == 1 else None
    return only if only is not None and (each.speaks_for_all or only.sender == each.sender) else None


def _piece(
    place: int, each: Submission, point: StoredUsagePoint, registers: Mapping[str, Register]
) -> _Piece | None:
    document = each.document
    if isinstance(document, MirrorUsagePoint) and not (
        each.speaks_for_all or is_described_so(point, document)
    ):
        return None
    for meter_reading in document.meter_readings:
        register = registers.get(meter_reading.mrid)
        kind = meter_reading.reading_type
        if register is None or (kind is not None and kind != register.in_force.reading_type):
            return None
    runs = runs_of(document, registers, point)
    is_whole = sum(len(run.places) for run in runs) == document.count
    if not (runs and is_whole):
        return None
    return _Piece(place=place, submitted=each, point=point, registers=registers, runs=runs)


def _measured(pieces: Sequence[_Piece], gate: TimeGate) -> list[_Piece]:
    """Return the pieces of which all readings count as a whole, in lanes that are usual."""
    parcels = iter(parcels_of([run for piece in pieces for run in piece.runs], gate))
    measured = []
    for piece in pieces:
        own = [parcel for parcel in islice(parcels, len(piece.runs)) if parcel is not None]
        is_usual = all(parcel.readings.lane in piece.channels_of(parcel) for parcel in own)
        if len(own) == len(piece.runs) and is_usual:
            measured.append(replace(piece, parcels=own))
    return measured


async def _unknown(pieces: Sequence[_Piece], driver: Connection[Record]) -> list[_Piece]:
    """Return the pieces of whose time nothing is known yet."""
    asked = [(piece.place, *span) for piece in pieces for span in piece.asked()]
    taken = await find_taken(driver, [span for _, *span in asked])
    known = {asked[index][0] for index in taken}
    return [piece for piece in pieces if piece.place not in known]


def _apart(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Return the pieces without those that overlap an earlier one of the same channel."""
    spans: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    apart = []
    for piece in pieces:
        asked = piece.asked()
        if any(
            start < other_end and other_start < end
            for channel, start, end in asked
            for other_start, other_end in spans[channel]
        ):
            continue
        for channel, start, end in asked:
            spans[channel].append((start, end))
        apart.append(piece)
    return apart


def _in_turn(pieces: Sequence[_Piece], points: Sequence[StoredUsagePoint | None]) -> list[_Piece]:
    """Return the pieces that no earlier document of the same meter must go before."""
    whole = {piece.place: piece for piece in pieces}
    waiting: set[int] = set()
    in_turn = []
    for place, point in enumerate(points):
        if point is None:
            continue
        if place not in whole:
            waiting.add(point.id)
        elif point.id not in waiting:
            in_turn.append(whole[place])
    return in_turn


def _document(piece: _Piece) -> NewDocument:
    return NewDocument(piece.point.id, piece.submitted.to_keep())


def _lots(kept: Mapping[int, _Piece]) -> list[Lot]:
    return [
        Lot(
            channel_id=piece.channels_of(parcel)[parcel.readings.lane],
            reading_type_id=parcel.reading_type_id,
            document_id=number,
            readings=parcel.readings,
        )
        for number, piece in kept.items()
        for parcel in piece.parcels
    ]
