"""What an operator sees of the meters: readings that were set aside, and why."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from metering.quarantine import QuarantinedReading
from metering.query import quarantined_readings
from node.app import JsonResponse
from node.callers import MayReadMeters
from node.documentation import refusals
from storage.unit_of_work import UnitOfWorkFactory


def meter_router(*, uow_factory: UnitOfWorkFactory) -> APIRouter:
    """Return the operator's routes on meters; each needs an API key."""
    router = APIRouter(prefix="/api/v1", tags=["metering"], default_response_class=JsonResponse)

    @router.get(
        "/meters/{mrid}/quarantine",
        summary="Readings of a meter that were set aside, with the reason",
        responses=refusals(400, 401, 422, 503),
    )
    async def list_quarantined(mrid: str, _caller: MayReadMeters) -> JsonResponse:
        async with uow_factory() as uow:
            found = await quarantined_readings(uow.connection, meter=mrid)
        return JsonResponse({"readings": [_written(reading) for reading in found]})

    return router


def _written(reading: QuarantinedReading) -> dict[str, Any]:
    """Return the reading as it was sent: value before its multiplier, times in seconds."""
    return {
        "register": reading.register,
        "value": reading.value,
        "start": reading.start,
        "duration": reading.duration,
        "reason": reading.doubt.reason.value,
        "sentence": reading.doubt.sentence,
    }
