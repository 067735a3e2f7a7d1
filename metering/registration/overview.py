"""All that is known of one meter: what is registered, and which devices report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import utc
from metering.registration.exchanges import RegisterExchange, list_exchanges
from metering.registration.record import MeterIdentity, MeterRegistration, in_force
from metering.registration.registry import MeterRegistry
from metering.registration.resolver import MeterIdUnknown, of_meter, resolve_meter


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """A device that reports under an mRID, which it wrote as `external_id`."""

    device_lfdi: str
    external_id: str
    sender: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterOverview:
    """A meter; `in_force` is what holds of its registration, `history` all that was ever said."""

    meter: MeterIdentity
    in_force: MeterRegistration | None
    history: Sequence[MeterRegistration]
    exchanges: Sequence[RegisterExchange]
    reporting: Sequence[Reporting]


_REPORTING: Final = text(
    """
    SELECT device_lfdi, external_id, sender, created_at FROM meter_usage_points
    WHERE mrid = :mrid
      AND (CAST(:device_lfdi AS text) IS NULL OR device_lfdi = CAST(:device_lfdi AS text))
    ORDER BY id
    """
)


async def view_meter_whole(connection: AsyncConnection, meter: str, *, at: datetime) -> MeterOverview:
    """Return all that is known of the meter that goes by `meter` at an instant.

    Raises: MeterIdUnknown, if nobody registered it and it never reported; MeterAmbiguous.
    """
    identity = await resolve_meter(connection, meter, at=at)
    history = of_meter(await MeterRegistry(connection).versions(identity.mrid), identity)
    asked = {"mrid": identity.mrid, "device_lfdi": identity.device_lfdi}
    reporting = [
        Reporting(
            device_lfdi=row.device_lfdi,
            external_id=row.external_id,
            sender=row.sender,
            since=utc(row.created_at),
        )
        for row in await connection.execute(_REPORTING, asked)
    ]
    if not history and not reporting:
        raise MeterIdUnknown(
            f"no meter {meter[:64]!r} is registered, and none has reported",
            hint="`degnode meter list` shows those that are registered.",
        )
    return MeterOverview(
        meter=identity,
        in_force=in_force(history, at),
        history=history,
        exchanges=await list_exchanges(connection, identity),
        reporting=reporting,
    )
