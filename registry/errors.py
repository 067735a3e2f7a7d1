"""How a refusal is put: `{"error": {code, message, details}}`, once, for every route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from kernel.errors import NodeError
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


async def _on_invalid_form(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return _answer(describe_invalid(list(error.errors())))


async def _on_http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 413:
        return _answer(BodyTooLarge(error.detail))
    if error.status_code == 400:
        return _answer(_unreadable())
    return _answer(ActionUnknown(error.detail, hint=_PATHS), http_status=error.status_code)


async def _on_unanticipated(_request: Request, _error: Exception) -> JSONResponse:
    return _answer(Unanticipated("the registry failed; its log says why", hint="Try again later."))


def describe_invalid(complaints: list[dict[str, Any]]) -> NodeError:
    """Return the error that says all that is wrong with a form, and where the first of it is."""
    first = complaints[0]
    if first["type"] == "json_invalid":
        return _unreadable()
    sentences = [f"{_field(complaint)}: {_reason(complaint)}" for complaint in complaints]
    return SchemaViolated("; ".join(sentences), path=_field(first), hint="Correct it and send it again.")


def _unreadable() -> JsonInvalid:
    return JsonInvalid("the body is no JSON", hint="Send a JSON object as application/json.")


def _field(complaint: dict[str, Any]) -> str:
    """Return the field's name; a tail such as the validator's name is left out."""
    location = [str(part) for part in complaint["loc"] if part not in ("body", "query", "path")]
    return location[0] if location else "body"


def _reason(complaint: dict[str, Any]) -> str:
    if complaint["type"] == "missing":
        return "is missing"
    text = str(complaint["msg"]).removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
