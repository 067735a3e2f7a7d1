"""How meters that sign their readings come to a seller's platform."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from fastapi import APIRouter
from pydantic import Field

from kernel.clock import Clock
from metering.ingest import OnRecorded
from metering.sources.meter_keys import load_meter_keys
from metering.sources.signed_json import AgeLimits
from metering.sources.signed_json_server import signed_json_router
from node.settings import Duration, Settings
from storage.unit_of_work import UnitOfWorkFactory


class SignedReadingsSettings(Settings):
    """The settings of a platform to which meters post what they sign."""

    meter_keys: Path | None = Field(
        None, description="The YAML file of the keys by which meters sign their readings."
    )
    meter_readings_age: Duration = Field(
        timedelta(days=1), description="How old signed readings may be when they come, by their issued_at."
    )


def signed_readings(
    settings: SignedReadingsSettings, *, uow_factory: UnitOfWorkFactory, clock: Clock, on_recorded: OnRecorded
) -> tuple[APIRouter, ...]:
    """Return the route for signed readings, if there are keys. Raises: MeterKeysUnreadable."""
    if settings.meter_keys is None:
        return ()
    keys = load_meter_keys(settings.meter_keys)
    ages = AgeLimits(greatest_age=settings.meter_readings_age)
    router = signed_json_router(
        uow_factory=uow_factory, clock=clock, find_key=keys.find, on_recorded=on_recorded, ages=ages
    )
    return (router,)
