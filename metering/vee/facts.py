"""What validation asks the meters' registration; a meter that nobody registered has no facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from metering.energy import Direction
from metering.vee.evidence import DeviceClock
from metering.vee.points import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterFacts:
    """What is registered of a meter; None where nothing is. `modulus` in Wh, `check_meter` an mRID."""

    zone: str | None = None
    interval_seconds: int | None = None
    sanctioned_watts: int | None = None
    modulus: int | None = None
    check_meter: str | None = None
    clock: DeviceClock | None = None


class KnowsMeters(Protocol):
    """Answers what is registered of meters."""

    async def facts(
        self, connection: AsyncConnection, *, point: Point, direction: Direction, at: datetime
    ) -> MeterFacts:
        """Return what is registered of `point` at an instant; what differs by direction, for `direction`."""
        ...


class Unregistered:
    """Knows no meter: intervals are as long as their reading type says, and no size is too great."""

    async def facts(
        self, connection: AsyncConnection, *, point: Point, direction: Direction, at: datetime
    ) -> MeterFacts:
        return MeterFacts()
