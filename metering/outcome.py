"""What became of a document's readings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metering.express import Parcel
from metering.judgement import Judgement, Verdict
from metering.offer import Offer
from metering.power_store import NewPower
from metering.quarantine import QuarantinedReading
from metering.reading_store import NewReading

Span = tuple[int, int]
"""From when to when, in seconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An offer with its verdict, and with the revision to be kept where it is news."""

    offer: Offer
    judgement: Judgement
    new: NewReading | None = None
    new_power: NewPower | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a document's readings, and when energy is now known otherwise than before."""

    judged: Sequence[Judged] = ()
    span: Span | None = None
    parcels: Sequence[Parcel] = ()
    """What was taken as a whole, without a verdict on each."""

    def count(self, verdict: Verdict) -> int:
        whole = sum(len(parcel.places) for parcel in self.parcels) if verdict is Verdict.ACCEPTED else 0
        return whole + sum(item.judgement.verdict is verdict for item in self.judged)

    def verdicts(self) -> dict[int, Verdict]:
        """Return the verdicts by the places of the readings in the document."""
        whole = {place: Verdict.ACCEPTED for parcel in self.parcels for place in parcel.places}
        return whole | {item.offer.ordinal: item.judgement.verdict for item in self.judged}

    @property
    def quarantined(self) -> list[QuarantinedReading]:
        """The readings set aside, in the order of the document."""
        return [
            QuarantinedReading.of(
                item.offer.reading,
                ordinal=item.offer.ordinal,
                register=item.offer.meter_reading.mrid,
                doubt=item.judgement.doubt,
            )
            for item in sorted(self.judged, key=lambda item: item.offer.ordinal)
            if item.judgement.doubt is not None
        ]


def hull(spans: Sequence[Span]) -> Span | None:
    """Return from when to when they all reach, None if there are none."""
    return (min(start for start, _ in spans), max(end for _, end in spans)) if spans else None
