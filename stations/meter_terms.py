"""What the intake of readings must know of connectors' meters: how much each can have given at most."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from metering.registration.record import MeterIdentity, MeterTerms, in_force
from metering.registration.registry import MeterRegistry
from stations.roster import Place, Roster
from storage.unit_of_work import UnitOfWork

_MADE_BY: Final = "the file of stations"


async def register_meters(roster: Roster, *, uow: UnitOfWork, now: datetime) -> None:
    """Register the meters of connectors, with the most that each connector can give.

    What an operator registered of a meter stands, but for a power that nobody stated or that came from
    the file before. Raises: MeterRegistrationInvalid, where that does not fit.
    """
    for place in roster.places:
        await _register(place, uow, now)


async def _register(place: Place, uow: UnitOfWork, now: datetime) -> None:
    registry, watts = MeterRegistry(uow.connection), place.connector.greatest_watts
    current = in_force(await registry.versions(place.connector.meter), now)
    terms = MeterTerms() if current is None else current.terms
    is_operators = current is not None and current.made_by != _MADE_BY
    if terms.sanctioned_watts == watts or (is_operators and terms.sanctioned_watts is not None):
        return
    await registry.add(
        MeterIdentity(mrid=place.connector.meter),
        replace(terms, sanctioned_watts=watts),
        valid_from=now,
        holder=None,
        made_by=_MADE_BY,
        why=f"connector {place} gives {watts} W at most",
        now=now,
    )
