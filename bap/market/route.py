"""Routes that answer problems as problem details, whatever went wrong on the way."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bap.market.problem import MEDIA_TYPE, Fault, Problem, make_problem, of_error, sentence
from kernel.errors import NodeError
from kernel.route_template import route_template
from node.form_flaws import Flaw, flaws_of
from node.request_body import FormRoute
from storage.database import DATABASE_ERRORS, is_outage

log = structlog.get_logger(__name__)

_WHOLE_BODY: Final = "the body"
_PARTS: Final = ("body", "query", "path", "header", _WHOLE_BODY)
_UNREADABLE: Final = 400
"""What FastAPI answers to a body that its parser breaks on, whatever it is."""
_ALWAYS: Final = (401, 403, 422, 429, 500, 503)
_MEANING: Final[Mapping[int, str]] = {
    401: "The API key is missing or unknown.",
    403: "The API key is not for this.",
    404: "There is no such thing in this account.",
    409: "This cannot be done to it as it stands.",
    413: "The body is too long.",
    422: "The request cannot be read; `where` says which part.",
    429: "Too many wrong API keys came from this address.",
    500: "The platform failed.",
    503: "Something that is needed is away; send it again later.",
}


class MarketRoute(FormRoute):
    """A route of the plain API."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                return answer_problem(request, _of_validation(request, error))
            except HTTPException as error:
                if error.status_code != _UNREADABLE:
                    raise
                return answer_problem(request, _of_body())
            except NodeError as error:
                problem = _placed(request, of_error(error))
                return answer_problem(request, problem, headers=_later(error.retry_after))
            except DATABASE_ERRORS as error:
                if not is_outage(error):
                    raise
                problem = make_problem("unavailable", "The database is away.")
                return answer_problem(request, problem, headers=_later(1))

        return answer


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of answers that tell a problem, for a route's `responses`."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": _MEANING[status], "content": content}
        for status in sorted({*_ALWAYS, *statuses})
    }


def answer_problem(
    request: Request, problem: Problem, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer that tells a problem."""
    log.info("market.refused", route=route_template(request.scope), type=problem.type, reason=problem.detail)
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def _later(seconds: int | None) -> dict[str, str] | None:
    return None if seconds is None else {"Retry-After": str(seconds)}


def _placed(request: Request, problem: Problem) -> Problem:
    """Return the problem with the part of the request in which the place that it names is."""
    if problem.where is None or problem.where.partition(".")[0] in _PARTS:
        return problem
    name, *steps = problem.where.replace("]", "").replace("[", ".").split(".")
    usual = "query" if request.method == "GET" else "body"
    part = "path" if name in request.path_params else usual
    return problem.model_copy(update={"where": ".".join((part, name, *steps))})


def _of_body() -> Problem:
    return make_problem(
        "invalid-request",
        "The body cannot be read as JSON.",
        where=_WHOLE_BODY,
        what_to_do="Send one JSON object, in UTF-8, as application/json.",
    )


def _of_validation(request: Request, error: RequestValidationError) -> Problem:
    faults = [
        Fault(where=_where(flaw), detail=_detail(flaw), what_to_do=flaw.hint)
        for flaw in flaws_of(request, error)
    ]
    first = faults[0]
    problem = make_problem("invalid-request", first.detail, where=first.where, what_to_do=first.what_to_do)
    return problem.model_copy(update={"errors": faults}) if len(faults) > 1 else problem


def _detail(flaw: Flaw) -> str:
    """Return a sentence with a capital, unless it begins with the name of a field."""
    begins = flaw.message.partition(" ")[0]
    return f"{flaw.message if begins in flaw.steps else sentence(flaw.message)}."


def _where(flaw: Flaw) -> str:
    return ".".join((flaw.part, *map(str, flaw.steps))) if flaw.steps else _WHOLE_BODY
