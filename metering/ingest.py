"""Taking in a meter's document: lock the meter, judge every reading, keep what is news.

One document is about one meter. A document that is refused leaves nothing behind; a document that is
taken leaves its bytes, and each of its readings is a revision, a duplicate or in quarantine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kernel.interval import Interval
from metering.documents import MirrorUsagePoint
from metering.intake import Intake
from metering.judgement import Verdict
from metering.meter_store import MeterStore
from metering.outcome import Outcome, Span
from metering.quarantine import QuarantinedReading
from metering.reading_store import ReadingStore
from metering.sep.reader import read_mirror_document
from metering.stored_meter import StoredUsagePoint
from metering.submission import Submission
from metering.timeliness import DEFAULT_TIME_LIMITS, TimeGate, TimeLimits
from metering.usage_point import lock_usage_point
from storage.unit_of_work import Transaction, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchedMeter:
    """A meter (canonical mRID) and the time over which its energy is now known otherwise than before."""

    mrid: str
    span: Interval

    @classmethod
    def over(cls, point: StoredUsagePoint, span: Span) -> TouchedMeter:
        start, end = (datetime.fromtimestamp(second, UTC) for second in span)
        return cls(mrid=point.mrid, span=Interval(start, end))


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """What became of a document; the four counts add up to its readings.

    `usage_point` is the number in the meter's href, `meter` its canonical mRID; `created` says that the
    meter is new, `repeated` that these very bytes had been taken before.
    """

    usage_point: int
    meter: str
    created: bool
    repeated: bool
    readings: int
    outcome: Outcome
    touched: tuple[TouchedMeter, ...]

    @property
    def accepted(self) -> int:
        return self.outcome.count(Verdict.ACCEPTED)

    @property
    def duplicates(self) -> int:
        return self.readings - self.accepted - self.revised - len(self.quarantined)

    @property
    def revised(self) -> int:
        return self.outcome.count(Verdict.REVISED)

    @property
    def quarantined(self) -> Sequence[QuarantinedReading]:
        return self.outcome.quarantined

    def verdicts(self) -> Sequence[Verdict]:
        """Return what became of each reading, in the order of the document."""
        judged = self.outcome.verdicts()
        return [judged.get(place, Verdict.DUPLICATE) for place in range(self.readings)]


OnRecorded = Callable[[Transaction, Sequence[IngestResult], datetime], Awaitable[None]]
"""Told of the documents that a unit of work keeps, in it."""


async def record_mirror_document(
    raw: bytes,
    *,
    uow: UnitOfWork,
    now: datetime,
    sender: str,
    usage_point: int | None = None,
    limits: TimeLimits = DEFAULT_TIME_LIMITS,
) -> IngestResult:
    """Take in a MirrorUsagePoint or, for a known `usage_point`, readings of its registers, as XML.

    Raises: MeterDocumentRefused in one of its kinds, and what `record_submission` raises.
    """
    document = read_mirror_document(raw)
    submitted = Submission(document=document, raw=raw, sender=sender, usage_point=usage_point)
    return await record_submission(submitted, uow=uow, now=now, limits=limits)


async def record_submission(
    submitted: Submission, *, uow: UnitOfWork, now: datetime, limits: TimeLimits = DEFAULT_TIME_LIMITS
) -> IngestResult:
    """Take in what a document of any form says of one meter.

    The same bytes again change nothing, but readings that were set aside then are looked at again.
    Raises: MeterDocumentMalformed, MeterValueInvalid, UsagePointUnknown, UsagePointForeign; nothing is
    stored then.
    """
    document = submitted.document
    meters, readings = MeterStore(uow.connection), ReadingStore(uow.connection)
    point, created = await lock_usage_point(submitted, meters=meters, now=now)
    document_id, is_new = await readings.add_document(submitted.to_keep(), usage_point_id=point.id, now=now)
    if is_new and isinstance(document, MirrorUsagePoint) and not submitted.speaks_for_all:
        point = await meters.describe(point, document)
    gate = TimeGate.at(now, limits)
    intake = Intake(uow.connection, point=point, gate=gate, now=now, doubts=submitted.doubts)
    if is_new:
        outcome = await intake.take(document, document_id=document_id)
    else:
        outcome = await intake.review(document, document_id=document_id)
    return IngestResult(
        usage_point=point.id,
        meter=point.mrid,
        created=created,
        repeated=not is_new,
        readings=document.count,
        outcome=outcome,
        touched=() if outcome.span is None else (TouchedMeter.over(point, outcome.span),),
    )
