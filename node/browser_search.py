"""Searching with a browser: the address that 2.0 RC has for it, answered in HTML or in JSON.

It is open to anybody, so a node has it only where its settings say so, and one address asks only so often.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Final
from urllib.parse import urlencode

import simplejson
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field

from kernel.clock import Clock
from kernel.errors import NodeError
from kernel.ids import random_id
from node.buckets import Buckets, Terms, whole_seconds
from node.client_address import client_address, neighbourhood
from node.correspondence import Correspondent
from node.documentation import refusals
from node.routing import BROWSER_SEARCH
from protocol.actions import Action
from protocol.context import Context, write_context
from protocol.errors import WireError
from protocol.profile import V2_RC
from search.page import POLICY, Results, write_refusal, write_results
from search.paging import Page
from trading.fields import Field as WireField
from trading.geometry import point_at
from trading.mapping.bags.spatial import read_reach
from trading.mapping.find import Json, read_decimal
from trading.refusals import FieldInvalid
from trading.request import Criteria, read_words
from trading.spatial import SpatialFilter, SpatialOperator

SEARCHES: Final = 2
"""A second from one address; ten at once."""
_TERMS: Final = Terms(per_second=SEARCHES, most=10)
_USUAL_REACH: Final = "10000"
_HTML: Final = "text/html"
_JSON: Final = "application/json"
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
}


class SearchedTooOften(NodeError):
    """One address searches more often than it may."""

    code, http_status, retryable = "AUT_RATE_LIMITED", 429, True


class NothingFound(NodeError):
    """Nothing is for sale that fits."""

    code, http_status, retryable = "BIZ_ITEM_NOT_FOUND", 404, False


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCatalogues:
    """A page of what was found, as catalogues of 2.0 RC, and how many items there are in all."""

    catalogs: list[Json]
    total: int


Find = Callable[[Criteria, Page], Awaitable[FoundCatalogues]]
"""`find(criteria, page)` returns what of all that fits stands on the page."""


class SearchForm(BaseModel):
    """What a browser asks for."""

    filters: str = Field("", description="A JSONPath over items as 2.0 RC writes them.")
    text: str = Field("", max_length=500, description="Words that must all occur.")
    lat: str = Field("", max_length=32, description="A latitude in degrees, with `lon`: near here.")
    lon: str = Field("", max_length=32)
    radius: str = Field("", max_length=32, description="How near, in metres; 10 km if left out.")
    offset: int = Field(0, ge=0, le=1_000_000)
    limit: int = Field(50, ge=1, le=500)

    def fields(self) -> dict[str, str]:
        """Return what stands in the form."""
        return {name: str(getattr(self, name)) for name in ("text", "lat", "lon", "radius", "filters")}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSearch:
    """The search for browsers: `title` stands above it, and one page has `most` items."""

    title: str
    find: Find
    correspondent: Correspondent
    clock: Clock
    most: int = 500
    _asked: Buckets = field(default_factory=Buckets)

    def count(self, request: Request) -> None:
        """Count a search from its address. Raises: SearchedTooOften."""
        trusted = request.app.state.api_keys.trusted_proxies
        name = neighbourhood(client_address(request.scope, trusted))
        if pause := self._asked.take(name, _TERMS, now=self.clock.now()):
            refusal = SearchedTooOften("too many searches came from this address", hint="Wait a little.")
            refusal.retry_after = whole_seconds(pause)
            raise refusal

    def response(self, found: FoundCatalogues) -> Json:
        """Return what was found as the answer to a discover, which a browser sends none of."""
        context = Context(
            version=V2_RC.version,
            action=V2_RC.wire_names[Action.ON_DISCOVER],
            domain=self.correspondent.domain,
            timestamp=self.clock.now(),
            message_id=str(random_id()),
            transaction_id=str(random_id()),
            bap_id="",
            bap_uri="",
            bpp_id=self.correspondent.subscriber_id,
            bpp_uri=self.correspondent.url,
            ttl=timedelta(seconds=30),
        )
        return {"context": write_context(context, V2_RC), "message": {"catalogs": found.catalogs}}


def browser_search_router(search: BrowserSearch) -> APIRouter:
    """Return the route, which needs no key."""
    router = APIRouter(tags=["search"])

    async def browse(
        request: Request,
        form: Annotated[SearchForm, Query()],
        accept: Annotated[str, Header(description="text/html, the usual, or application/json.")] = _HTML,
    ) -> Response:
        is_json = _wants_json(accept)
        try:
            search.count(request)
            page = Page(offset=form.offset, limit=min(form.limit, search.most))
            found = await search.find(_criteria(form), page)
        except NodeError as error:
            return _refused(_named(error), search, form, is_json=is_json)
        return _told(found, search) if is_json else _shown(found, search, form, page)

    browse.__doc__ = "Search what is for sale: a page for people, or catalogues as an `on_discover` has them."
    for path in (f"{V2_RC.path_prefix}{BROWSER_SEARCH}", BROWSER_SEARCH):
        router.add_api_route(
            path,
            browse,
            methods=["GET"],
            name=f"browser search {path}",
            summary="Search with a browser",
            response_class=HTMLResponse,
            responses=refusals(400, 404, 503),
            include_in_schema=path != BROWSER_SEARCH,
        )
    return router


def _criteria(form: SearchForm) -> Criteria:
    """Return what the form asks for. Raises: FieldInvalid."""
    return Criteria(
        words=read_words(form.text, path="text"),
        expression=form.filters or None,
        places=_near(form) if form.lat or form.lon else (),
    )


def _near(form: SearchForm) -> tuple[SpatialFilter, ...]:
    latitude, longitude = _degrees(form.lat, "lat", most=90), _degrees(form.lon, "lon", most=180)
    place = SpatialFilter(
        operator=SpatialOperator.DWITHIN,
        geometry=point_at(longitude=longitude, latitude=latitude),
        distance=read_reach(form.radius or _USUAL_REACH, path="radius"),
        path="lat",
    )
    return (place,)


def _degrees(text: str, name: str, *, most: int) -> Decimal:
    degrees = read_decimal(text, path=name)
    if not -most <= degrees <= most:
        raise FieldInvalid(f"a number from -{most} to {most} is needed here", path=name)
    return degrees


def _named(error: NodeError) -> NodeError:
    """Return the error with its place named as the form has it."""
    if error.path == WireField.FILTER:
        error.path = "filters"
    return error


def _wants_json(accept: str) -> bool:
    """Say whether JSON is named before HTML, or without it."""
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return _JSON in kinds and (_HTML not in kinds or kinds.index(_JSON) < kinds.index(_HTML))


def _told(found: FoundCatalogues, search: BrowserSearch) -> Response:
    if not found.catalogs:
        nothing = NothingFound("nothing is for sale that fits", hint="Look for less.")
        return _refused(nothing, search, SearchForm(), is_json=True)
    body = simplejson.dumps(search.response(found), use_decimal=True)
    return Response(body, media_type=_JSON, headers=_HEADERS)


def _shown(found: FoundCatalogues, search: BrowserSearch, form: SearchForm, page: Page) -> Response:
    limit = page.limit or search.most
    end = page.offset + limit
    results = Results(
        catalogs=found.catalogs,
        total=found.total,
        first=page.offset,
        earlier=_link(form, max(0, page.offset - limit)) if page.offset else None,
        later=_link(form, end) if end < found.total else None,
    )
    html = write_results(results, title=search.title, asked=form.fields())
    return HTMLResponse(html, status_code=200 if found.catalogs else 404, headers=_HEADERS)


def _refused(error: NodeError, search: BrowserSearch, form: SearchForm, *, is_json: bool) -> Response:
    headers = dict(_HEADERS)
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if is_json:
        body = simplejson.dumps({"error": WireError.of(error).to_wire()}, use_decimal=True)
        return Response(body, status_code=error.http_status, media_type=_JSON, headers=headers)
    page = write_refusal(str(error), title=search.title, asked=form.fields())
    return HTMLResponse(page, status_code=error.http_status, headers=headers)


def _link(form: SearchForm, offset: int) -> str:
    """Return the address of another page of the same search."""
    named = {key: value for key, value in form.fields().items() if value}
    return "?" + urlencode(named | {"offset": str(offset), "limit": str(form.limit)})
