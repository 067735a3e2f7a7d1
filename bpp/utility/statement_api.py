"""The operator's API of what a utility says of trades: it cuts them, and tells what was delivered."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from bpp.utility.statement_forms import AllocationForm, CutForm, MeteredForm, SaidView, Statements, view_said
from bpp.utility.statements import StatementStore
from bpp.utility.telling import Named, Speaker, TellingDesk
from bpp.utility.trades import TradeStore
from node.app import JsonResponse
from node.callers import MayCurtail, MayReadContracts
from node.documentation import refusals
from node.request_body import FormRoute
from storage.unit_of_work import UnitOfWorkFactory

_AGAIN: Final[dict[int | str, dict[str, Any]]] = {200: {"description": "The very same was said before."}}
_TRADE: Final = "/trades/{order_id:path}"
_REFUSED: Final = refusals(400, 401, 404, 409, 413, 422, 503)
Platform = Annotated[
    str | None,
    Query(max_length=255, description="Whose trade is meant, where several have one of that name."),
]


def statement_router(desk: TellingDesk, *, uow_factory: UnitOfWorkFactory) -> APIRouter:
    """Return the routes; they need an API key."""
    router = APIRouter(
        prefix="/api/v1",
        tags=["trades"],
        default_response_class=JsonResponse,
        route_class=FormRoute,
    )

    @router.post(
        f"{_TRADE}/curtailments",
        summary="Cut a trade from an instant on; its platform is told at once",
        status_code=201,
        responses=_AGAIN | _REFUSED,
    )
    async def curtail(
        order_id: str, caller: MayCurtail, form: CutForm, response: Response, platform: Platform = None
    ) -> SaidView:
        by = Speaker(actor=caller.actor, why=form.why)
        named = Named(order_id=order_id, platform=platform)
        said, is_new = await desk.curtail(named, form.cutting, by=by)
        response.status_code = 201 if is_new else 200
        return view_said(said)

    @router.post(
        f"{_TRADE}/allocations",
        summary="Tell a trade's platform what was delivered of it",
        status_code=201,
        responses=_AGAIN | _REFUSED,
    )
    async def allocate(
        order_id: str, caller: MayCurtail, form: AllocationForm, response: Response, platform: Platform = None
    ) -> SaidView:
        by = Speaker(actor=caller.actor, why=form.why)
        named = Named(order_id=order_id, platform=platform)
        said, is_new = await desk.allocate(named, form.told(desk.clock.now()), by=by)
        response.status_code = 201 if is_new else 200
        return view_said(said)

    @router.get(
        f"{_TRADE}/statements", summary="What was said of a trade", responses=refusals(401, 404, 422, 503)
    )
    async def list_statements(
        order_id: str, _caller: MayReadContracts, platform: Platform = None
    ) -> Statements:
        readable = order_id.isprintable() and (platform or "").isprintable()
        async with uow_factory() as uow:
            trades, store = TradeStore(uow.connection), StatementStore(uow.connection)
            named = await trades.find_named(order_id, platform=platform) if readable else []
            found = [said for trade in named for said in await store.find_of(trade.key)]
        return Statements(statements=[view_said(said) for said in found])

    _add_sharing(router, desk)
    return router


def _add_sharing(router: APIRouter, desk: TellingDesk) -> None:
    @router.post(
        "/customers/{meter}/allocations",
        summary="Share what a meter counted among its trades, and tell their platforms",
        responses=_REFUSED,
    )
    async def apportion(meter: str, caller: MayCurtail, form: MeteredForm) -> Statements:
        by = Speaker(actor=caller.actor, why=form.why)
        done = await desk.apportion(form.metered(meter), by=by)
        return Statements(statements=[view_said(said) for said, _ in done])
