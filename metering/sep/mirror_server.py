"""The routes of a 2030.5 metering mirror: `/mup` and `/mup/{id}`.

Source: IEEE 2030.5 Metering Mirror function set. Refusals are answered with its Error document.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from fastapi.routing import APIRoute

from kernel.clock import Clock
from kernel.errors import NodeError
from metering.documents import MirrorUsagePoint
from metering.ingest import IngestResult, record_mirror_document
from metering.meter_store import MeterStore, StoredUsagePoint
from metering.sep.body import SEP_XML, read_sep_body
from metering.sep.elements import MeterDocumentRefused, MeterValueInvalid
from metering.sep.writer import write_error, write_mirror_usage_point_list
from metering.timeliness import DEFAULT_TIME_LIMITS, TimeLimits
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

Authenticate = Callable[[Request], Awaitable[str]]
"""Says who sends a request, or raises a NodeError with the status to answer."""
OnRecorded = Callable[[UnitOfWork, IngestResult, datetime], Awaitable[None]]
"""Told of every document taken, in the unit of work that keeps it."""

MeterNumber = Annotated[int, Path(ge=0, description="The number in the meter's address.")]

POLL_RATE_SECONDS: Final = 900
GREATEST_PAGE: Final = 255
_DEFAULT_PAGE: Final = 1
_UNSUPPORTED: Final = 3
_XML: Final[dict[str, Any]] = {"content": {SEP_XML: {"schema": {"type": "string"}}}}
_DOCUMENT: Final = {"requestBody": {"required": True, **_XML}}
_PAGE: Final = [
    {"name": name, "in": "query", "required": False, "schema": {"type": "integer", "minimum": 0}}
    for name in ("s", "l")
]
_REFUSALS: Final = {
    400: "The document or a parameter cannot be read.",
    401: "Nobody knows who sends this.",
    403: "The sender may not do this.",
    404: "The sender has no such meter.",
    413: "The document is over the limit.",
    415: "The document is in a form that is not taken.",
    429: "The sender has to wait; Retry-After says how long.",
    503: "The database cannot be reached; send it again later.",
}
_KNOWN_BEFORE: Final = {"description": "The meter was known before."}
_COUNT: Final = re.compile(r"[0-9]{1,10}")


class _SepRoute(APIRoute):
    """Answers an anticipated failure with the Error document of 2030.5."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except NodeError as error:
                return _error_response(error)

        return answer


def _error_response(error: NodeError) -> Response:
    reason = error.reason_code if isinstance(error, MeterDocumentRefused) else _UNSUPPORTED
    return Response(
        write_error(reason, str(error)),
        status_code=error.http_status,
        headers=None if error.retry_after is None else {"Retry-After": str(error.retry_after)},
        media_type=SEP_XML,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mirror:
    """What the routes work with."""

    uow_factory: UnitOfWorkFactory
    clock: Clock
    authenticate: Authenticate
    on_recorded: OnRecorded | None
    limits: TimeLimits

    async def record(self, request: Request, usage_point: int | None) -> IngestResult:
        sender = await self.authenticate(request)
        raw = await read_sep_body(request)
        now = self.clock.now()
        async with self.uow_factory() as uow:
            result = await record_mirror_document(
                raw, uow=uow, now=now, sender=sender, usage_point=usage_point, limits=self.limits
            )
            if self.on_recorded is not None:
                await self.on_recorded(uow, result, now)
        return result

    async def page(self, request: Request) -> Response:
        sender = await self.authenticate(request)
        skip = _count(request, "s", default=0)
        limit = min(_count(request, "l", default=_DEFAULT_PAGE), GREATEST_PAGE)
        async with self.uow_factory() as uow:
            points, total = await MeterStore(uow.connection).page_of(sender, skip=skip, limit=limit)
        listed = [(f"{_path(request)}/{point.id}", _to_wire(point)) for point in points]
        document = write_mirror_usage_point_list(listed, total=total, poll_rate=POLL_RATE_SECONDS)
        return Response(document, media_type=SEP_XML)


def mirror_router(
    *,
    uow_factory: UnitOfWorkFactory,
    clock: Clock,
    authenticate: Authenticate,
    on_recorded: OnRecorded | None = None,
    limits: TimeLimits = DEFAULT_TIME_LIMITS,
    security: Sequence[Mapping[str, Sequence[str]]] = (),
) -> APIRouter:
    """Return the mirror's routes; `authenticate` names the sender, who sees and feeds only its own meters.

    `security` is what the OpenAPI document says of how a sender shows who it is.
    """
    mirror = _Mirror(
        uow_factory=uow_factory,
        clock=clock,
        authenticate=authenticate,
        on_recorded=on_recorded,
        limits=limits,
    )
    router = APIRouter(route_class=_SepRoute, tags=["metering"])

    @router.post(
        "/mup",
        status_code=201,
        response_class=Response,
        responses={204: _KNOWN_BEFORE, **_refusals(400, 401, 403, 413, 415, 429, 503)},
        openapi_extra={"security": security, **_DOCUMENT},
    )
    async def post_usage_point(request: Request) -> Response:
        """Register a meter, or hear of it again, with any readings that come along."""
        result = await mirror.record(request, None)
        location = f"{_path(request)}/{result.usage_point}"
        return Response(status_code=201 if result.created else 204, headers={"Location": location})

    @router.post(
        "/mup/{usage_point:int}",
        status_code=201,
        response_class=Response,
        responses=_refusals(400, 401, 403, 404, 413, 415, 429, 503),
        openapi_extra={"security": security, **_DOCUMENT},
    )
    async def post_readings(request: Request, usage_point: MeterNumber) -> Response:
        """Take readings of a registered meter."""
        await mirror.record(request, usage_point)
        return Response(status_code=201, headers={"Location": _path(request)})

    @router.get(
        "/mup",
        response_class=Response,
        responses={200: _XML, **_refusals(400, 401, 403, 429, 503)},
        openapi_extra={"security": security, "parameters": _PAGE},
    )
    async def list_usage_points(request: Request) -> Response:
        """List the sender's meters: `s` is how many to skip, `l` how many to return."""
        return await mirror.page(request)

    return router


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of answers that refuse, as `responses` takes it."""
    return {status: {"description": _REFUSALS[status], **_XML} for status in statuses}


def _path(request: Request) -> str:
    return request.url.path.rstrip("/")


def _count(request: Request, name: str, *, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not _COUNT.fullmatch(text):
        raise MeterValueInvalid(
            f"{text[:40]!r} is no count", path=name, hint="Write a whole number from 0 on."
        )
    return int(text)


def _to_wire(point: StoredUsagePoint) -> MirrorUsagePoint:
    return MirrorUsagePoint(
        mrid=point.mrid,
        mrid_as_sent=point.external_id,
        device_lfdi=point.device_lfdi,
        role_flags=point.role_flags,
        service_category_kind=point.service_category,
        status=point.status,
        description=point.description,
    )
