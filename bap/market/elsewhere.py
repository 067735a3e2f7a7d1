"""Calls that the plain API does not have, answered as its other problems are."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match

from bap.market.problem import make_problem
from bap.market.route import answer_problem

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


def add_elsewhere(router: APIRouter) -> None:
    """Answer for all paths and methods that `router` has not; to be added last."""
    known = [route for route in router.routes if isinstance(route, APIRoute)]

    async def nowhere(request: Request) -> Response:
        allowed = sorted(
            {
                method
                for route in known
                if route.matches(request.scope)[0] is Match.PARTIAL
                for method in route.methods or ()
            }
        )
        if not allowed:
            problem = make_problem("no-such-call", f"There is nothing at {request.url.path[:200]}")
            return answer_problem(request, problem)
        problem = make_problem(
            "wrong-method",
            f"{request.method} is not for this path",
            what_to_do=f"Use {' or '.join(allowed)}.",
        )
        return answer_problem(request, problem, headers={"Allow": ", ".join(allowed)})

    router.add_api_route("/{rest:path}", nowhere, methods=list(_METHODS), include_in_schema=False)
