"""The names by which registered meters go, for files that call them so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from metering.registration.record import MeterIdentity, MeterRegistration
from metering.registration.registry import MeterRegistry
from metering.sources.naming import MeterName, ReadMeterName

_PAGE: Final = 1_000


async def registered_names(connection: AsyncConnection, *, at: datetime) -> dict[str, MeterIdentity]:
    """Return the meters that go by a name of their own at an instant."""
    registry, names = MeterRegistry(connection), dict[str, MeterIdentity]()
    after: MeterIdentity | None = None
    while page := await registry.page(at=at, after=after, limit=_PAGE):
        for registration in page:
            names |= _names(registration, at)
        after = page[-1].meter
    return names


def _names(registration: MeterRegistration, at: datetime) -> Mapping[str, MeterIdentity]:
    if registration.valid_from > at:
        return {}
    return dict.fromkeys(registration.terms.external_ids, registration.meter)


def naming(names: Mapping[str, MeterIdentity], otherwise: ReadMeterName) -> ReadMeterName:
    """Return what reads a meter's name: one that is registered, or as `otherwise` reads it."""

    def read(text: str) -> MeterName:
        meter = names.get(text.strip())
        if meter is None:
            return otherwise(text)
        return MeterName(meter.mrid, text.strip(), meter.device_lfdi or "")

    return read
