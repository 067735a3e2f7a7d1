"""The routes of a 2030.5 metering mirror: `/dcap`, `/tm`, `/mup` and `/mup/{id}`.

Source: IEEE 2030.5, Device Capability, Time and Metering Mirror function sets. A meter is never
deleted: readings that money was settled on stay.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from starlette.convertors import IntegerConvertor, register_url_convertor

from kernel.clock import Clock
from metering.ingest import OnRecorded
from metering.sep.mirror import CAPABILITY, MIRRORS, TIME, Authenticate, Mirror
from metering.sep.mirror_policy import DEFAULT_POLICY, MirrorPolicy
from metering.sep.sep_route import XML, SepRoute, close_other_methods, refusals
from metering.stored_meter import GREATEST_ID
from metering.timeliness import DEFAULT_TIME_LIMITS, TimeLimits
from storage.unit_of_work import UnitOfWorkFactory

MeterNumber = Annotated[int, Path(ge=0, description="The number in the meter's address.")]
Security = Sequence[Mapping[str, Sequence[str]]]
Show = Callable[..., Awaitable[Response]]

_MOST_DIGITS: Final = len(str(GREATEST_ID))


class _MeterNumberConvertor(IntegerConvertor):
    """A meter's number in a path; one with more digits than any has is no meter's."""

    def convert(self, value: str) -> int:
        return super().convert(value) if len(value) <= _MOST_DIGITS else GREATEST_ID + 1


register_url_convertor("meter_number", _MeterNumberConvertor())

_ONE_METER: Final = f"{MIRRORS}/{{usage_point:meter_number}}"
_DOCUMENT: Final = {"requestBody": {"required": True, **XML}}
_PAGE: Final = [
    {"name": name, "in": "query", "required": False, "schema": {"type": "integer", "minimum": 0}}
    for name in ("s", "l")
]
_KNOWN_BEFORE: Final = {"description": "The meter was known before."}
_SHOWN: Final = ("GET", "HEAD")
_POSTED: Final = (*_SHOWN, "POST")


def mirror_router(
    *,
    uow_factory: UnitOfWorkFactory,
    clock: Clock,
    authenticate: Authenticate,
    on_recorded: OnRecorded | None = None,
    limits: TimeLimits = DEFAULT_TIME_LIMITS,
    policy: MirrorPolicy = DEFAULT_POLICY,
    security: Security = (),
) -> APIRouter:
    """Return the mirror's routes; a sender sees and feeds only its own meters.

    A device is known by its certificate; `authenticate` names whoever shows none. `security` is what
    the OpenAPI document says of that.
    """
    mirror = Mirror(
        uow_factory=uow_factory,
        clock=clock,
        authenticate=authenticate,
        on_recorded=on_recorded,
        limits=limits,
        policy=policy,
    )
    return routes_to(mirror, security=security)


def routes_to(mirror: Mirror, *, security: Security = ()) -> APIRouter:
    """Return the routes of a mirror; `security` is what the OpenAPI document says of who may post."""
    router = APIRouter(route_class=SepRoute, tags=["metering"])
    _add_beginnings(router, mirror, security)
    _add_posts(router, mirror, security)
    _add_meters(router, mirror, security)
    for path in (CAPABILITY, TIME):
        close_other_methods(router, path, allowed=_SHOWN)
    close_other_methods(router, MIRRORS, allowed=_POSTED)
    close_other_methods(
        router, _ONE_METER, allowed=_POSTED, why="A meter's readings are kept; it has GET, HEAD and POST."
    )
    return router


def _add_beginnings(router: APIRouter, mirror: Mirror, security: Security) -> None:
    async def show_capability(request: Request) -> Response:
        """Say where a device finds the time and its meters."""
        return await mirror.capability(request)

    async def show_time(request: Request) -> Response:
        """Say what time it is, and when daylight saving begins and ends."""
        return await mirror.time(request)

    _add_get(router, CAPABILITY, show_capability, security)
    _add_get(router, TIME, show_time, security)


def _add_posts(router: APIRouter, mirror: Mirror, security: Security) -> None:
    @router.post(
        MIRRORS,
        status_code=201,
        response_class=Response,
        responses={204: _KNOWN_BEFORE, **refusals(400, 401, 403, 413, 415, 429, 503)},
        openapi_extra={"security": security, **_DOCUMENT},
    )
    async def post_usage_point(request: Request) -> Response:
        """Register a meter, or hear of it again, with any readings that come along."""
        return await mirror.post_usage_point(request)

    @router.post(
        _ONE_METER,
        status_code=201,
        response_class=Response,
        responses=refusals(400, 401, 403, 404, 413, 415, 429, 503),
        openapi_extra={"security": security, **_DOCUMENT},
    )
    async def post_readings(request: Request, usage_point: MeterNumber) -> Response:
        """Take readings of a registered meter."""
        return await mirror.post_readings(request, usage_point)


def _add_meters(router: APIRouter, mirror: Mirror, security: Security) -> None:
    async def list_usage_points(request: Request) -> Response:
        """List the sender's meters: `s` is how many to skip, `l` how many to return."""
        return await mirror.page(request)

    async def show_usage_point(request: Request, usage_point: MeterNumber) -> Response:
        """Show one of the sender's meters."""
        return await mirror.meter(request, usage_point)

    _add_get(router, MIRRORS, list_usage_points, security, 400, parameters=_PAGE)
    _add_get(router, _ONE_METER, show_usage_point, security, 404)


def _add_get(
    router: APIRouter,
    path: str,
    show: Show,
    security: Security,
    *statuses: int,
    **extra: Any,  # noqa: ANN401  whatever OpenAPI says of a route
) -> None:
    router.add_api_route(
        path,
        show,
        methods=["GET"],
        response_class=Response,
        responses={200: XML, **refusals(401, 403, 429, 503, *statuses)},
        openapi_extra={"security": security, **extra},
    )
    router.add_api_route(path, show, methods=["HEAD"], response_class=Response, include_in_schema=False)
