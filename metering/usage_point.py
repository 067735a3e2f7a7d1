"""Which meter a document is about, and whether its sender may speak for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from kernel.errors import NodeError
from metering.documents import MirrorUsagePoint
from metering.meter_store import MeterStore
from metering.mrid import is_provisional
from metering.sep.elements import MeterDocumentMalformed, MeterValueInvalid
from metering.sep.identity import sender_name
from metering.stored_meter import GREATEST_ID, StoredUsagePoint
from metering.submission import Submission

log = structlog.get_logger(__name__)

_WITHOUT_A_KEY: Final = ("lfdi:", "signed:", "utility:")
"""How the names of senders begin who are known otherwise than by an API key."""


class UsagePointUnknown(NodeError):
    """Readings are posted to a meter that nobody registered."""

    code, http_status, retryable = "METER_UNKNOWN", 404, False


class UsagePointForeign(NodeError):
    """A meter is another sender's."""

    code, http_status, retryable = "METER_OF_ANOTHER_SENDER", 403, False


class UsagePointUnclear(NodeError):
    """Readings name a meter by an mRID that several devices use."""

    code, http_status, retryable = "METER_AMBIGUOUS", 409, False


async def lock_usage_point(
    submitted: Submission, *, meters: MeterStore, now: datetime
) -> tuple[StoredUsagePoint, bool]:
    """Return the meter that a document is about, locked, and whether it is new here.

    Whoever `speaks_for_all` may leave the device out where only one device uses the mRID. A device that
    comes with its certificate takes over a meter of its LFDI that an API key had made.
    Raises: MeterDocumentMalformed, MeterValueInvalid, UsagePointUnknown, UsagePointForeign,
    UsagePointUnclear.
    """
    document, usage_point_id, sender = submitted.document, submitted.usage_point, submitted.sender
    created = False
    if isinstance(document, MirrorUsagePoint):
        _check_is_registration(document, usage_point_id)
        if submitted.speaks_for_all and not document.device_lfdi:
            document = replace(document, device_lfdi=await _only_device(document.mrid, meters))
        stored = await meters.lock(device_lfdi=document.device_lfdi, mrid=document.mrid)
        if stored is None:
            created = await meters.add(document, sender=sender, now=now)
            stored = await meters.lock(device_lfdi=document.device_lfdi, mrid=document.mrid)
    else:
        stored = await _lock_by_id(usage_point_id, meters)
    if stored is None:
        raise UsagePointUnknown(
            f"there is no meter {usage_point_id}", hint="Post its MirrorUsagePoint to /mup first."
        )
    if stored.sender != sender and not submitted.speaks_for_all:
        if not _is_of_a_key_for(sender, stored):
            raise UsagePointForeign(f"meter {stored.external_id} was registered by another sender")
        log.warning("meter.taken_over", usage_point=stored.id, former=stored.sender, sender=sender)
        stored = await meters.hand_over(stored, sender=sender)
    return stored, created


def _is_of_a_key_for(sender: str, stored: StoredUsagePoint) -> bool:
    """Say whether a meter was made by an API key, which may name any device, and this is that device."""
    is_its_device = bool(stored.device_lfdi) and sender == sender_name(stored.device_lfdi)
    return is_its_device and not stored.sender.startswith(_WITHOUT_A_KEY)


async def _only_device(mrid: str, meters: MeterStore) -> str:
    """Return the device that uses an mRID, or none where nobody does yet. Raises: UsagePointUnclear."""
    devices = await meters.devices_of(mrid)
    if len(devices) > 1:
        raise UsagePointUnclear(
            f"several devices use the mRID {mrid}", hint="Say which by its LFDI, in a 2030.5 document."
        )
    return devices[0] if devices else ""


def _check_is_registration(document: MirrorUsagePoint, usage_point_id: int | None) -> None:
    if usage_point_id is not None:
        raise MeterDocumentMalformed(
            "a MirrorUsagePoint belongs into the list of meters",
            hint="Post it to /mup; post a MirrorMeterReading here.",
        )
    if is_provisional(document.mrid):
        raise MeterValueInvalid("the mRID is that of an object still being created", path="mRID")


async def _lock_by_id(usage_point_id: int | None, meters: MeterStore) -> StoredUsagePoint | None:
    if usage_point_id is None:
        raise MeterDocumentMalformed(
            "readings without their MirrorUsagePoint could be anybody's",
            hint="Post them to /mup/{id} of their meter.",
        )
    return await meters.lock_by_id(usage_point_id) if 0 <= usage_point_id <= GREATEST_ID else None
