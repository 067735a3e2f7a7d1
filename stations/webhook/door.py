"""Where back offices post what happens at their stations: `POST /stations/{station_id}/events`, signed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from kernel.clock import Clock, utc
from kernel.errors import NodeError
from metering.energy import MAX_WATT_HOURS
from schemas.forms.described import described
from schemas.forms.faults import faults_of
from schemas.violation import json_path
from stations.charging_desk import Begin, End
from stations.chargings import Charging, ChargingStore
from stations.command_store import tag_of
from stations.connector_desk import Status
from stations.connector_store import ConnectorStore
from stations.desks import Desks
from stations.intake import Said, stand_at
from stations.port import StationEventKind
from stations.roster import Place, StationUnknown
from stations.station_file import WebhookStation
from stations.turn import Turn
from stations.webhook.signature import SIGNATURE_HEADER, check_signature
from storage.unit_of_work import UnitOfWorkFactory

PROTOCOL: Final = "webhook"
_LONGEST: Final = 65_536  # bytes


class StationEventInvalid(NodeError):
    """What was posted cannot be read, or says too little."""

    code, http_status, retryable = "STATION_EVENT_INVALID", 422, False


class StationEventTooLong(StationEventInvalid):
    """What was posted is longer than any event."""

    code, http_status = "STATION_EVENT_TOO_LONG", 413


class EventForm(BaseModel):
    """One thing that happened at a connector; the same again changes nothing."""

    model_config = ConfigDict(extra="ignore")

    connector: Annotated[int, Field(ge=1)]
    event: StationEventKind | Literal["READING"]
    """READING says what the register shows, and nothing else."""
    at: AwareDatetime
    charging: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    """What the back office calls the stretch of charging: needed when it starts and when it stops."""
    session: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    """The session of the command that it was started by."""
    register_wh: Annotated[int | None, Field(ge=0, le=MAX_WATT_HOURS)] = None
    why: Annotated[str, Field(max_length=500)] = ""
    grid_event: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    """The event of the grid by which the connector gives less, of SUSPENDED_BY_STATION alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Post:
    """An event under way."""

    form: EventForm
    place: Place
    raw: bytes
    turn: Turn
    desks: Desks

    @property
    def chargings(self) -> ChargingStore:
        return ChargingStore(self.turn.uow.connection)

    @property
    def said(self) -> Said:
        return Said(readings=(), raw=self.raw)

    async def find_charging(self) -> Charging | None:
        if self.form.charging is None:
            return await self.chargings.find_open_at(connector_id=self.place.resource)
        return await self.chargings.find(station_id=self.place.station.id, ref=self.form.charging)


async def _started(post: _Post) -> None:
    if post.form.charging is None or post.form.session is None:
        raise StationEventInvalid(
            "a start says which charging it is, and for which session", path="$.charging"
        )
    begin = Begin(
        ref=post.form.charging,
        at=utc(post.form.at),
        said=post.said,
        tag=tag_of(post.form.session),
        watt_hours=post.form.register_wh,
    )
    await post.desks.chargings.start(post.place, begin, post.turn)


async def _stopped(post: _Post) -> None:
    charging = await post.find_charging()
    if charging is None:
        raise StationEventInvalid("nothing of this name charges there", path="$.charging")
    end = End(at=utc(post.form.at), said=post.said, watt_hours=post.form.register_wh, reason=post.form.why)
    await post.desks.chargings.end(charging, post.place, end, post.turn)


async def _measured(post: _Post) -> None:
    if post.form.register_wh is None:
        raise StationEventInvalid("a reading says what the register shows", path="$.register_wh")
    said = Said(readings=[stand_at(utc(post.form.at), post.form.register_wh)], raw=post.raw)
    await post.desks.chargings.measure(post.place, said, await post.find_charging(), post.turn)


async def _online(post: _Post) -> None:
    await post.desks.connectors.came(post.place.station.id, protocol=PROTOCOL, turn=post.turn)


async def _offline(post: _Post) -> None:
    await post.desks.connectors.went(post.place.station.id, post.turn)


async def _stands(post: _Post) -> None:
    form, kind = post.form, StationEventKind(post.form.event)
    if form.grid_event is not None and kind is not StationEventKind.SUSPENDED_BY_STATION:
        raise StationEventInvalid("only what gives less is due to the grid", path="$.grid_event")
    status = Status(kind=kind, at=utc(form.at), why=form.why, grid_event=form.grid_event)
    await post.desks.connectors.stand(post.place, status, post.turn)


_TAKE: Final[Mapping[str, Callable[[_Post], Awaitable[None]]]] = {
    StationEventKind.STARTED: _started,
    StationEventKind.STOPPED: _stopped,
    StationEventKind.ONLINE: _online,
    StationEventKind.OFFLINE: _offline,
    "READING": _measured,
}
"""What is done with an event; any other says how the connector stands."""


def station_events_router(
    desks: Desks, *, secrets: Mapping[str, str], uow_factory: UnitOfWorkFactory, clock: Clock
) -> APIRouter:
    """Return the route on which the back offices of a roster post; `secrets` are by station."""
    router = APIRouter(tags=["stations"])

    @router.post(
        "/stations/{station_id}/events",
        summary="Say what happened at a station, signed by the secret shared with its back office",
        status_code=200,
        responses={
            401: {"description": "It is not signed by the shared secret, not now."},
            404: {"description": "There is no such station here, or no such connector."},
            413: {"description": "It is too long."},
            422: {"description": "It cannot be read, or says too little."},
        },
        openapi_extra=_documented(),
    )
    async def take_event(station_id: str, request: Request) -> JSONResponse:
        body, now = await _body(request), clock.now()
        station = desks.roster.find_station(station_id)
        if not isinstance(station, WebhookStation):
            raise StationUnknown(f"there is no station {station_id[:48]!r} with a back office here")
        header = request.headers.get(SIGNATURE_HEADER)
        check_signature(header, body, secret=secrets[station_id], now=now)
        form = _read(body)
        place = desks.roster.get_place_at(station_id, form.connector)
        async with uow_factory() as uow:
            store = ConnectorStore(uow.connection)
            await store.lock(station_id)
            post = _Post(form=form, place=place, raw=body, turn=Turn(uow, now), desks=desks)
            await _TAKE.get(form.event, _stands)(post)
            await store.heard(station_id, now=now)
        return JSONResponse({"taken": str(form.event)})

    return router


async def _body(request: Request) -> bytes:
    """Return the body, read no further than the limit. Raises: StationEventTooLong."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST:
            raise StationEventTooLong(f"an event has at most {_LONGEST} bytes")
    return bytes(body)


def _read(body: bytes) -> EventForm:
    """Raises: StationEventInvalid."""
    try:
        return EventForm.model_validate_json(body)
    except ValidationError as error:
        first = faults_of(error.errors(), form=EventForm)[0]
        raise StationEventInvalid(
            f"the event cannot be read: {first.message}", path=json_path(first.steps), hint=first.hint
        ) from error


def _documented() -> dict[str, Any]:
    return {
        "parameters": [
            {
                "name": SIGNATURE_HEADER,
                "in": "header",
                "required": True,
                "schema": {"type": "string"},
                "description": "`t=…,v1=…`: seconds since 1970, and the HMAC-SHA256 of `t`, a full stop and "
                "the body by the shared secret, as hex.",
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": described(EventForm)}},
        },
    }
