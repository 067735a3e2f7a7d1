"""The application of one participant: the protocol's paths in front, FastAPI for everything else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import simplejson
import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp

from kernel.errors import NodeError
from kernel.route_template import route_template
from node.api_keys import ApiKeys
from node.callers import MayReadMetrics
from node.documentation import add_documentation, refusals
from node.form_flaws import form_error
from node.ingress import Ingress, Scope
from node.message_body import Receive
from node.signed_answer import Send
from node.telemetry import Metrics
from protocol.errors import ActionUnknown, Unanticipated, WireError
from schemas.jsonld import bundled_contexts
from storage.database import DATABASE_ERRORS, is_outage

log = structlog.get_logger(__name__)


class Liveness(BaseModel):
    """Whether the process is alive."""

    status: str


class ReadinessReport(BaseModel):
    """Whether the node takes messages, and which of the things it needs are there."""

    status: str
    checks: dict[str, bool]


class DatabaseUnavailable(NodeError):
    """The database cannot be reached."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 503, True


Readiness = Callable[[], Awaitable[Mapping[str, bool]]]
"""Says of each thing the node needs whether it is there."""


class ShortWay(Protocol):
    """Answers some requests before any route is looked for: those that come in masses."""

    def takes(self, scope: Mapping[str, Any], /) -> bool:
        """Say whether a request is one of those."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> None:
        """Answer one request; what is raised was not anticipated."""
        ...


class JsonResponse(JSONResponse):
    """JSON with exact numbers: a Decimal is written as it is, never through a float."""

    def render(self, content: Any) -> bytes:  # noqa: ANN401  Starlette's own signature
        return simplejson.dumps(content, use_decimal=True, ensure_ascii=False).encode()


def create_app(  # noqa: PLR0913  the composition's one call
    *,
    title: str,
    description: str,
    routers: Sequence[APIRouter],
    api_keys: ApiKeys,
    metrics: Metrics,
    readiness: Readiness,
    running: Callable[[], AbstractAsyncContextManager[None]],
    ingress: Ingress | None = None,
    short_way: ShortWay | None = None,
) -> ASGIApp:
    """Return the ASGI application; `running` holds what lives as long as it does."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with running():
            yield

    app = FastAPI(
        title=title,
        description=description,
        version="1",
        lifespan=lifespan,
        default_response_class=JsonResponse,
        docs_url=None,
        redoc_url=None,
    )
    app.state.api_keys = api_keys
    app.add_exception_handler(NodeError, _render_node_error)
    app.add_exception_handler(RequestValidationError, _render_validation_error)
    app.add_exception_handler(HTTPException, _render_http_error)
    app.add_exception_handler(ClientDisconnect, _note_abandoned)
    for kind in DATABASE_ERRORS:
        app.add_exception_handler(kind, _render_database_error)
    app.add_exception_handler(Exception, _render_unanticipated)
    add_documentation(app)
    app.include_router(_health_router(metrics, readiness))
    for router in routers:
        app.include_router(router)
    routed = app if short_way is None else _past_the_routes(short_way, app)
    return routed if ingress is None else _in_front(ingress, routed)


def _past_the_routes(short_way: ShortWay, app: FastAPI) -> ASGIApp:
    async def shortened(scope: Scope, receive: Receive, send: Send) -> None:
        if not short_way.takes(scope):
            await app(scope, receive, send)
            return
        scope["app"] = app
        try:
            await short_way(scope, receive, send)
        except ClientDisconnect as error:
            await (await _note_abandoned(Request(scope), error))(scope, receive, send)
        except Exception as error:  # noqa: BLE001  it is logged, and answered as the routes answer it
            await (await _render_unanticipated(Request(scope), error))(scope, receive, send)

    return shortened


def _in_front(ingress: Ingress, app: ASGIApp) -> ASGIApp:
    async def participant(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ingress.takes(scope["path"]):
            await ingress(scope, receive, send)
        else:
            await app(scope, receive, send)

    return participant


def _health_router(metrics: Metrics, readiness: Readiness) -> APIRouter:
    router = APIRouter(tags=["operation"])

    @router.get("/healthz", summary="Is the process alive?", responses={200: {"model": Liveness}})
    async def healthz() -> JsonResponse:
        return JsonResponse({"status": "live"})

    @router.get(
        "/readyz",
        summary="Does it take messages?",
        responses={
            200: {"model": ReadinessReport},
            503: {"model": ReadinessReport, "description": "Something it needs is not there."},
        },
    )
    async def readyz() -> JsonResponse:
        found = await readiness()
        ready = all(found.values())
        return JsonResponse(
            {"status": "ready" if ready else "not ready", "checks": dict(found)},
            status_code=200 if ready else 503,
        )

    @router.get(
        "/metrics",
        summary="Prometheus metrics",
        response_class=PlainTextResponse,
        responses=refusals(401, 503),
    )
    async def metrics_(_caller: MayReadMetrics) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @router.get(
        "/contexts",
        summary="The JSON-LD contexts that messages are read with",
        responses={200: {"model": dict[str, Any]}},
    )
    async def contexts() -> JsonResponse:
        return JsonResponse(dict(bundled_contexts()))

    return router


async def _render_node_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, NodeError)  # noqa: S101  registered for NodeError only
    log.info("api.refused", route=route_template(request.scope), code=error.code, reason=error.message)
    return JsonResponse(
        {"error": WireError.of(error).to_wire()},
        status_code=error.http_status,
        headers=None if error.retry_after is None else {"Retry-After": str(error.retry_after)},
    )


async def _render_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for it only
    return await _render_node_error(request, form_error(request, error))


async def _render_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for it only
    refusal = WireError(code=ActionUnknown.code, message=error.detail, hint="GET /docs lists what there is.")
    return JsonResponse(
        {"error": refusal.to_wire()}, status_code=error.status_code, headers=dict(error.headers or {})
    )


async def _note_abandoned(request: Request, _error: Exception) -> Response:
    log.info("api.abandoned", route=route_template(request.scope))
    return Response(status_code=400)  # which nobody reads


async def _render_database_error(request: Request, error: Exception) -> Response:
    if not is_outage(error):
        return await _render_unanticipated(request, error)
    log.warning("api.database_unavailable", route=route_template(request.scope), error=repr(error))
    refusal = DatabaseUnavailable("the database cannot be reached", hint="Send it again later.")
    return JsonResponse(
        {"error": WireError.of(refusal).to_wire()},
        status_code=refusal.http_status,
        headers={"Retry-After": "1"},
    )


async def _render_unanticipated(request: Request, error: Exception) -> Response:
    log.error("api.broken", route=route_template(request.scope), exc_info=error)
    refusal = WireError.of(Unanticipated("this node failed on the request", hint="Send it again later."))
    return JsonResponse({"error": refusal.to_wire()}, status_code=500)
