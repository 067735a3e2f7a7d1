"""Registers that the file of feeds names: those whose readings come in notifications only.

Some servers mirror what is posted to them, notify of it, and have no list of meters to be read.
"""

from __future__ import annotations

from contextlib import suppress

from kernel.errors import NodeError
from metering.documents import MirrorMeterReading, MirrorUsagePoint
from metering.feeds.feed_file import Notified
from metering.feeds.feed_store import PollStopped
from metering.feeds.positions import Positions, RegisterName
from metering.feeds.source import Source
from metering.ingest import record_submission
from metering.mrid import canonical_mrid
from metering.sep.utility_client import HrefForeign
from metering.sep.writer import write_mirror_usage_point
from metering.submission import Submission


async def make_known(source: Source) -> list[str]:
    """Keep the meters and registers that the file names, so that their readings have a place.

    Returns what is wrong with entries; one that cannot be used does not hinder the others.
    """
    troubles = []
    for entry in source.feed.notified:
        try:
            source.client.resolve(entry.resource, base=source.client.root)
            await _make_known(source, entry)
        except PollStopped:
            raise
        except NodeError as error:
            troubles.append(f"notified {entry.resource}: {error}")
    return troubles


async def _make_known(source: Source, entry: Notified) -> None:
    document, name, now = _document(entry), _name(source, entry), source.clock.now()
    raw = write_mirror_usage_point(document)
    async with source.uow_factory() as uow:
        positions = Positions(uow.connection)
        edition = await positions.edition(source.feed.name, f"notified:{name}", raw, now=now)
        # The number of editions lets a reading type become again what it was, as a page does.
        numbered = f"Edition: {edition}\r\n\r\n".encode() + raw
        submitted = Submission(document=document, raw=numbered, sender=source.feed.sender)
        await record_submission(submitted, uow=uow, now=now)
        await positions.know(name)


def notified_resources(source: Source) -> dict[str, RegisterName | None]:
    """Return the addresses that the file says to subscribe to, each with whose readings it has."""
    found: dict[str, RegisterName | None] = {}
    for entry in source.feed.notified:
        with suppress(HrefForeign):  # which `make_known` tells of
            found[source.client.resolve(entry.resource, base=source.client.root)] = _name(source, entry)
    return found


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
