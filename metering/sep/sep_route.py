"""Routes that speak 2030.5 also when they refuse: what cannot be answered is an Error document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from kernel.errors import NodeError
from kernel.route_template import route_template
from metering.sep.body import SEP_XML
from metering.sep.elements import MeterDocumentRefused
from metering.sep.writer import write_error
from storage.database import DATABASE_ERRORS, is_outage

log = structlog.get_logger(__name__)

XML: Final[dict[str, Any]] = {"content": {SEP_XML: {"schema": {"type": "string"}}}}
_ALL_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_RESOURCE_LIMIT: Final = 2
_UNSUPPORTED: Final = 3
_TOO_OFTEN: Final = 4
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


class MethodNotAllowed(NodeError):
    """A resource is asked for something that it does not do."""

    code, http_status, retryable = "METER_METHOD_NOT_ALLOWED", 405, False


class MirrorUnavailable(NodeError):
    """The database cannot be reached."""

    code, http_status, retryable = "METER_MIRROR_UNAVAILABLE", 503, True
    retry_after: int | None = 1  # s


class SepRoute(APIRoute):
    """Answers an anticipated failure with the Error document of 2030.5."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            return await answered_in_sep(handle, request)

        return answer


async def answered_in_sep(handle: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    """Return the answer of `handle`, or the Error document that says why there is none.

    Raises: what was not anticipated.
    """
    try:
        return await handle(request)
    except NodeError as error:
        return _error_response(error)
    except DATABASE_ERRORS as error:
        if not is_outage(error):
            raise
        log.warning("mirror.database_unavailable", route=route_template(request.scope), error=repr(error))
        return _error_response(
            MirrorUnavailable("the database cannot be reached", hint="Send it again later.")
        )


def _error_response(error: NodeError) -> Response:
    wait = error.retry_after
    return Response(
        write_error(_reason_of(error), str(error), retry_after=wait),
        status_code=error.http_status,
        headers=None if wait is None else {"Retry-After": str(wait)},
        media_type=SEP_XML,
    )


def _reason_of(error: NodeError) -> int:
    if isinstance(error, MeterDocumentRefused):
        return error.reason_code
    by_status = {HTTPStatus.TOO_MANY_REQUESTS: _TOO_OFTEN, HTTPStatus.SERVICE_UNAVAILABLE: _RESOURCE_LIMIT}
    return by_status.get(HTTPStatus(error.http_status), _UNSUPPORTED)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of answers that refuse, as `responses` takes it."""
    return {status: {"description": _REFUSALS[status], **XML} for status in statuses}


def close_other_methods(router: APIRouter, path: str, *, allowed: Sequence[str], why: str = "") -> None:
    """Answer every other method on `path` with 405, what is allowed, and an Error document."""

    async def refuse(request: Request) -> Response:
        error = MethodNotAllowed(
            f"{request.method} is not possible here", hint=why or f"There is {', '.join(allowed)}."
        )
        answer = _error_response(error)
        answer.headers["Allow"] = ", ".join(allowed)
        return answer

    others = [method for method in _ALL_METHODS if method not in allowed]
    router.add_api_route(path, refuse, methods=others, include_in_schema=False, response_class=Response)
