"""The operator's routes on the catalogue: reading it and its versions, and making the next one.

A change says by If-Match which version it is meant for; without it, it is made of whatever holds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from bpp.api.catalog_views import OutcomeView, VersionView, view_head, view_outcome, view_version
from bpp.api.meter_views import Reason
from bpp.catalog.changes import Kind, put_entry, withdraw
from bpp.catalog.desk import Change, Wish, change_catalogue
from bpp.catalog.document import Document, parse_json
from bpp.catalog.versions import CatalogueVersions, Origin, existing
from bpp.catalog_file.catalogue import ProviderEntry, ResourceEntry
from bpp.catalog_file.offer import OfferEntry
from bpp.catalog_file.reader import CatalogueInvalid
from bpp.publishing.watch import CatalogueWatch
from kernel.clock import Clock
from node.app import JsonResponse
from node.callers import MayEditCatalogue, MayReadCatalogue, Visitor
from node.documentation import refusals
from node.pages import Limit
from node.request_body import FormRoute, read_body
from storage.unit_of_work import UnitOfWorkFactory

_PREFIX: Final = "/api/v1/catalog"
_TAG: Final = "catalogue"
_HERE: Final = "the body"
_WHOLE: Final = {
    "requestBody": {
        "required": True,
        "description": "A whole catalogue: the JSON of its file.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}
_ENTRIES: Final = ((Kind.PROVIDER, ProviderEntry), (Kind.RESOURCE, ResourceEntry), (Kind.OFFER, OfferEntry))

Why = Annotated[Reason, Query(description="The reason, for the history.")]
IfMatch = Annotated[
    str | None,
    Header(pattern=r'^(\*|"[0-9]{1,9}")$', description="The ETag of the version that the change is for."),
]


class WithdrawalForm(BaseModel):
    """What is not sold any more; contracts on it go on."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(
        min_length=1,
        max_length=10_000,
        description="Of offers; of resources, with their offers; of providers.",
    )
    kind: Kind | None = Field(None, description="Of what, where an id stands for several things.")
    why: Reason


class Versions(BaseModel):
    """Versions of the catalogue, the newest first."""

    versions: list[VersionView]


def catalog_router(
    watch: CatalogueWatch, *, uow_factory: UnitOfWorkFactory, clock: Clock, max_bytes: int
) -> APIRouter:
    """Return the routes; a change is sold from as soon as it is answered, here and then elsewhere."""

    async def make(
        caller: Visitor, change: Change, response: Response, *, why: str, match: str | None, origin: Origin
    ) -> OutcomeView:
        wish = Wish(change=change, by=caller.actor, why=why, origin=origin, expected=_number(match))
        async with uow_factory() as uow:
            outcome = await change_catalogue(uow, wish, now=clock.now())
        await watch.step()
        response.headers["ETag"] = _etag(outcome.version.head.number)
        return view_outcome(outcome)

    router = APIRouter(prefix=_PREFIX, tags=[_TAG], route_class=FormRoute)
    _add_reading(router, uow_factory)
    _add_withdrawal(router, make)
    for kind, entry in _ENTRIES:
        _add_entry(router, kind, entry, make)
    whole = APIRouter(prefix=_PREFIX, tags=[_TAG])
    _add_whole(whole, make, max_bytes=max_bytes)
    both = APIRouter()
    both.include_router(router)
    both.include_router(whole)
    return both


def _add_reading(router: APIRouter, uow_factory: UnitOfWorkFactory) -> None:
    @router.get(
        "",
        summary="The catalogue that is sold from, as its file has it",
        responses={200: {"model": dict[str, Any]}, **refusals(401, 404, 503)},
    )
    async def get_catalogue(_caller: MayReadCatalogue) -> JsonResponse:
        async with uow_factory() as uow:
            version = await CatalogueVersions(uow.connection).get_current()
        return _whole_answer(view_version(version).model_dump(), version.head.number)

    @router.get(
        "/versions", summary="The versions there were, the newest first", responses=refusals(401, 422, 503)
    )
    async def list_versions(
        _caller: MayReadCatalogue,
        limit: Limit = 50,
        before: Annotated[int | None, Query(ge=1, le=10**9, description="Go on below this version.")] = None,
    ) -> Versions:
        async with uow_factory() as uow:
            heads = await CatalogueVersions(uow.connection).history(limit=limit, before=before)
        return Versions(versions=[view_head(head) for head in heads])

    @router.get(
        "/versions/{number}",
        summary="A version with all that it said",
        responses={200: {"model": dict[str, Any]}, **refusals(401, 404, 422, 503)},
    )
    async def get_version(
        number: Annotated[int, Path(ge=1, le=10**9)], _caller: MayReadCatalogue
    ) -> JsonResponse:
        async with uow_factory() as uow:
            version = await CatalogueVersions(uow.connection).get(number)
        return _whole_answer(view_version(version).model_dump(), number)


def _add_withdrawal(router: APIRouter, make: Callable[..., Awaitable[OutcomeView]]) -> None:
    @router.post(
        "/withdraw",
        summary="Sell something no more; contracts on it go on",
        responses=refusals(401, 404, 409, 412, 413, 422, 503),
    )
    async def withdraw_entries(
        caller: MayEditCatalogue, form: WithdrawalForm, response: Response, if_match: IfMatch = None
    ) -> OutcomeView:
        def change(current: Document | None) -> Document:
            return withdraw(current or {}, form.ids, kind=form.kind)

        return await make(caller, change, response, why=form.why, match=if_match, origin=Origin.WITHDRAWAL)


def _add_entry(
    router: APIRouter, kind: Kind, form: type[BaseModel], make: Callable[..., Awaitable[OutcomeView]]
) -> None:
    one = kind.value.removesuffix("s")

    async def put(
        entry_id: str,
        caller: Any,  # noqa: ANN401  its annotation is set below
        entry: BaseModel,
        request: Request,
        response: Response,
        why: Why,
        if_match: IfMatch = None,
    ) -> OutcomeView:
        written: Any = parse_json(await request.body(), _HERE)
        if written["id"] != entry_id:
            raise CatalogueInvalid(
                f"the path is about {entry_id!r}, the body about {written['id']!r}",
                path="$.id",
                hint="Write the same id in both.",
            )

        def change(current: Document | None) -> Document:
            return put_entry(existing(current), kind, written)

        return await make(caller, change, response, why=why, match=if_match, origin=Origin.API)

    put.__annotations__ |= {"entry": form, "caller": MayEditCatalogue}
    router.add_api_route(
        f"/{kind.value}/{{entry_id}}",
        put,
        methods=["PUT"],
        name=f"put_{one}",
        summary=f"Sell from another {one} of this id, or from one more",
        responses=refusals(401, 404, 412, 413, 422, 503),
    )


def _add_whole(router: APIRouter, make: Callable[..., Awaitable[OutcomeView]], *, max_bytes: int) -> None:
    @router.put(
        "",
        summary="Sell from another catalogue, whole",
        responses=refusals(401, 412, 413, 422, 503),
        openapi_extra=_WHOLE,
    )
    async def put_catalogue(
        caller: MayEditCatalogue, request: Request, response: Response, why: Why, if_match: IfMatch = None
    ) -> OutcomeView:
        written = parse_json(await read_body(request, max_bytes=max_bytes), _HERE)
        if not isinstance(written, dict):
            raise CatalogueInvalid("the body is no JSON object", path="$", hint="Send a whole catalogue.")
        return await make(caller, lambda _: written, response, why=why, match=if_match, origin=Origin.API)


def _whole_answer(content: dict[str, Any], number: int) -> JsonResponse:
    content["made_at"] = content["made_at"].isoformat()
    return JsonResponse(content, headers={"ETag": _etag(number)})


def _etag(number: int) -> str:
    return f'"{number}"'


def _number(match: str | None) -> int | None:
    """Return the number of the version that an If-Match names, None if any will do."""
    return None if match is None or match == "*" else int(match.strip('"'))
