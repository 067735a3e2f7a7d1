"""The short way in for what meters post: the same answers as the mirror's routes, without a framework.

Nearly everything that comes to a mirror are documents, and finding a route among all others, and what that
needs, takes longer than reading one. Whatever is not plainly a post to a list or to a meter is left to the
routes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from metering.sep.mirror import MIRRORS, Mirror
from metering.sep.sep_route import answered_in_sep
from metering.stored_meter import GREATEST_ID

_ONE_METER: Final = re.compile(rf"{MIRRORS}/([0-9]{{1,{len(str(GREATEST_ID))}}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class PostDoor:
    """A bare ASGI application for `POST /mup` and `POST /mup/{id}`, which stands in front of the others.

    The scope has to name the application in `app`, as `authenticate` may ask for it. What it raises was not
    anticipated.
    """

    mirror: Mirror

    def takes(self, scope: Mapping[str, Any]) -> bool:
        """Say whether a request is a post to the list or to a meter, at its very path."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return False
        path: str = scope["path"]
        return not scope.get("root_path") and (path == MIRRORS or _ONE_METER.fullmatch(path) is not None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await answered_in_sep(self._take, Request(scope, receive))
        await response(scope, receive, send)

    async def _take(self, request: Request) -> Response:
        number = _ONE_METER.fullmatch(request.scope["path"])
        if number is None:
            return await self.mirror.post_usage_point(request)
        return await self.mirror.post_readings(request, int(number[1]))
