"""What validation asks the meters' registration; what nobody registered is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from metering.energy import Direction
from metering.registration.exchanges import list_exchanges
from metering.registration.resolver import find_registration
from metering.vee.evidence import DeviceClock
from metering.vee.points import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterFacts:
    """What is registered of a meter in one direction; None where nothing is.

    `modulus` in Wh, `check_meter` an mRID; `exchanges` when its registers were reset or exchanged, in
    seconds since 1970 UTC.
    """

    zone: str | None = None
    interval_seconds: int | None = None
    sanctioned_watts: int | None = None
    modulus: int | None = None
    exchanges: Sequence[int] = ()
    check_meter: str | None = None
    clock: DeviceClock | None = None


class KnowsMeters(Protocol):
    """Answers what is registered of meters."""

    async def facts(
        self,
        connection: AsyncConnection,
        *,
        point: Point,
        direction: Direction,
        at: datetime,
        as_of: datetime | None,
    ) -> MeterFacts:
        """Return what is registered of `point` at an instant, by what had been said at `as_of`."""
        ...


class RegisteredMeters:
    """Knows what was registered here. Nobody registers check meters yet, nor how well clocks go."""

    async def facts(
        self,
        connection: AsyncConnection,
        *,
        point: Point,
        direction: Direction,
        at: datetime,
        as_of: datetime | None,
    ) -> MeterFacts:
        exchanges = [
            int(item.at.timestamp())
            for item in await list_exchanges(connection, point.identity, as_of=as_of)
            if item.direction is direction
        ]
        found = await find_registration(connection, point.identity, at=at, as_of=as_of)
        if found is None:
            return MeterFacts(exchanges=exchanges)
        terms = found.terms
        return MeterFacts(
            zone=terms.zone,
            interval_seconds=terms.interval_seconds,
            sanctioned_watts=terms.sanctioned_watts,
            modulus=terms.import_modulus if direction is Direction.IMPORT else terms.export_modulus,
            exchanges=exchanges,
        )
