"""Registers that the file of feeds names: those whose readings come in notifications only.

Some servers mirror what is posted to them, notify of it, and have no list of meters to be read.
"""

from __future__ import annotations

from metering.documents import MirrorMeterReading, MirrorUsagePoint
from metering.feeds.feed_file import Notified
from metering.feeds.positions import Positions, RegisterName
from metering.feeds.source import Source
from metering.ingest import record_submission
from metering.mrid import canonical_mrid
from metering.sep.writer import write_mirror_usage_point
from metering.submission import Submission


async def make_known(source: Source) -> None:
    """Keep the meters and registers that the file names, so that their readings have a place."""
    for entry in source.feed.notified:
        document, now = _document(entry), source.clock.now()
        raw = write_mirror_usage_point(document)
        submitted = Submission(document=document, raw=raw, sender=source.feed.sender)
        async with source.uow_factory() as uow:
            await record_submission(submitted, uow=uow, now=now)
            await Positions(uow.connection).know(_name(source, entry))


def notified_resources(source: Source) -> dict[str, RegisterName | None]:
    """Return the addresses that the file says to subscribe to, each with whose readings it has.

    Raises: HrefForeign.
    """
    root = source.client.root
    return {
        source.client.resolve(entry.resource, base=root): _name(source, entry)
        for entry in source.feed.notified
    }


def _name(source: Source, entry: Notified) -> RegisterName:
    return RegisterName(
        feed=source.feed.name,
        device_lfdi="",
        meter_mrid=canonical_mrid(entry.meter),
        register_mrid=canonical_mrid(entry.register_mrid),
    )


def _document(entry: Notified) -> MirrorUsagePoint:
    register = MirrorMeterReading(
        mrid=canonical_mrid(entry.register_mrid),
        mrid_as_sent=entry.register_mrid,
        reading_type=entry.reading_type.to_domain(),
    )
    return MirrorUsagePoint(
        mrid=canonical_mrid(entry.meter), mrid_as_sent=entry.meter, meter_readings=(register,)
    )
