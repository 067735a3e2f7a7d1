"""The OpenAPI document of the plain API alone: what a client is generated from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from bap.market.call import PREFIX

Json = dict[str, Any]

_ABOUT: Final = (
    "Offers, quotes, orders and bills, for apps that know no wire. Sellers answer when they can: `wait` says "
    "how long to wait for them, and what has not come by then is `waiting`. Energy and money are exact "
    "decimals as text, times RFC 3339 with an offset. What goes wrong is told as problem details (RFC 9457)."
)
_REF: Final = "#/components/schemas/"


def add_description(router: APIRouter) -> None:
    """Add the route of the document; it is open to all, as the whole document is."""

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> JSONResponse:
        return JSONResponse(extract(request.app.openapi(), prefix=PREFIX))


def extract(document: Mapping[str, Any], *, prefix: str) -> Json:
    """Return the part of an OpenAPI document that is about the paths below `prefix`."""
    paths = {path: about for path, about in document["paths"].items() if path.startswith(prefix)}
    schemas, needed = document["components"]["schemas"], set[str]()
    waiting = set(_names(paths))
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting |= set(_names(schemas[name])) - needed
    components = dict(document["components"]) | {
        "schemas": {name: schemas[name] for name in schemas if name in needed}
    }
    info = dict(document["info"]) | {"title": "Buying energy in plain words", "description": _ABOUT}
    return dict(document) | {"info": info, "paths": paths, "components": components}


def _names(part: object) -> Iterator[str]:
    """Yield the names of the schemas that a part of a document refers to."""
    match part:
        case dict():
            for key, value in part.items():
                if key == "$ref" and isinstance(value, str):
                    yield value.removeprefix(_REF)
                else:
                    yield from _names(value)
        case list():
            for value in part:
                yield from _names(value)
        case _:
            return
