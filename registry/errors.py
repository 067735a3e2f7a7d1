"""How a refusal is put: `{"error": {code, message, details}}`, once, for every route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from kernel.errors import NodeError
from node.form_flaws import Flaw, flaws_of
from protocol.errors import (
    ActionUnknown,
    BodyTooLarge,
    JsonInvalid,
    SchemaViolated,
    Unanticipated,
    WireError,
)
from protocol.signing import challenge
from registry.desk import get_desk
from registry.tokens import TokenRefused

log = structlog.get_logger(__name__)

_PATHS: Final = "GET /docs lists what this registry serves."


def render_errors(app: FastAPI) -> None:
    """Let every error of `app` be answered in the one form."""
    app.add_exception_handler(NodeError, _on_node_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_form)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_unanticipated)


def _answer(
    error: NodeError, *, http_status: int | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    content = {"error": WireError.of(error).to_wire()}
    return JSONResponse(content, status_code=http_status or error.http_status, headers=headers)


async def _on_node_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NodeError)  # noqa: S101  what the handler is registered for
    log.info("registry.refused", path=request.url.path, code=error.code, reason=error.message)
    return _answer(error, headers=_headers_of(error, request))


def _headers_of(error: NodeError, request: Request) -> dict[str, str]:
    if error.retry_after is not None:
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, TokenRefused):
        return {"WWW-Authenticate": "Bearer"}
    if error.http_status == 401:
        return {"WWW-Authenticate": challenge(get_desk(request).policy.registry_id)}
    return {}


async def _on_invalid_form(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    if any(found["type"] == "json_invalid" for found in error.errors()):
        return _answer(_unreadable())
    return _answer(_invalid(flaws_of(request, error)))


async def _on_http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 413:
        return _answer(BodyTooLarge(error.detail))
    if error.status_code == 400:
        return _answer(_unreadable())
    return _answer(ActionUnknown(error.detail, hint=_PATHS), http_status=error.status_code)


async def _on_unanticipated(_request: Request, _error: Exception) -> JSONResponse:
    return _answer(Unanticipated("the registry failed; its log says why", hint="Try again later."))


def _invalid(flaws: Sequence[Flaw]) -> NodeError:
    """Return the error that says all that is wrong with a form, and where the first of it is."""
    return SchemaViolated("; ".join(map(_sentence, flaws)), path=_field(flaws[0]), hint=flaws[0].hint)


def _unreadable() -> JsonInvalid:
    return JsonInvalid("the body is no JSON", path="body", hint="Send a JSON object as application/json.")


def _sentence(flaw: Flaw) -> str:
    field = _field(flaw)
    return flaw.message if flaw.message.startswith(f"{field} is ") else f"{field}: {flaw.message}"


def _field(flaw: Flaw) -> str:
    return ".".join(map(str, flaw.steps)) or flaw.part
