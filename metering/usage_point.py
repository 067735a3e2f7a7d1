"""Which meter a document is about, and whether its sender may speak for it."""

from __future__ import annotations

from datetime import datetime

from kernel.errors import NodeError
from metering.documents import MirrorDocument, MirrorUsagePoint
from metering.meter_store import GREATEST_ID, MeterStore, StoredUsagePoint
from metering.mrid import is_provisional
from metering.sep.elements import MeterDocumentMalformed, MeterValueInvalid


class UsagePointUnknown(NodeError):
    """Readings are posted to a meter that nobody registered."""

    code, http_status, retryable = "METER_UNKNOWN", 404, False


class UsagePointForeign(NodeError):
    """A meter is another sender's."""

    code, http_status, retryable = "METER_OF_ANOTHER_SENDER", 403, False


async def lock_usage_point(
    document: MirrorDocument, usage_point_id: int | None, *, meters: MeterStore, sender: str, now: datetime
) -> tuple[StoredUsagePoint, bool]:
    """Return the meter that a document is about, locked, and whether it is new here.

    Raises: MeterDocumentMalformed, MeterValueInvalid, UsagePointUnknown, UsagePointForeign.
    """
    created = False
    if isinstance(document, MirrorUsagePoint):
        _check_is_registration(document, usage_point_id)
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
    if stored.sender != sender:
        raise UsagePointForeign(f"meter {stored.external_id} was registered by another sender")
    return stored, created


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
