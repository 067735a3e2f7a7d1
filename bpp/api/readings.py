"""A meter's energy read back over HTTP: page by page as JSON, or streamed as CSV or Parquet."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from bpp.api.meter_views import Way, read_window, write_row
from kernel.clock import Clock, format_instant, utc
from metering.exports import csv_form, parquet_form
from metering.exports.csv_form import write_csv
from metering.exports.pages import Asked, Page, begun, read_page, read_rows
from metering.exports.parquet_form import check_parquet, write_parquet
from node.app import JsonResponse
from node.callers import MayReadMeters
from node.documentation import RefusalBody, refusals
from storage.unit_of_work import UnitOfWorkFactory

GREATEST_PAGE: Final = 10_000
Format = Literal["json", "csv", "parquet"]
_BY_TYPE: Final[dict[str, Format]] = {csv_form.MEDIA_TYPE: "csv", parquet_form.MEDIA_TYPE: "parquet"}
_BYTES: Final = {"schema": {"type": "string", "format": "binary"}}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": dict[str, Any],
        "description": "Intervals in order of time; `next` is the address of the next page.",
        "content": {csv_form.MEDIA_TYPE: {"schema": {"type": "string"}}, parquet_form.MEDIA_TYPE: _BYTES},
    },
    501: {"model": RefusalBody, "description": "This installation does not write Parquet."},
    **refusals(401, 404, 409, 422, 503),
}


def add_readings(router: APIRouter, uow_factory: UnitOfWorkFactory, clock: Clock) -> None:
    """Add the route by which readings are read back."""

    @router.get(
        "/meters/{id:path}/readings", summary="A meter's energy, interval by interval", responses=_ANSWERS
    )
    async def readings(  # noqa: PLR0913, PLR0917  the parameters of the request
        request: Request,
        meter_id: Annotated[str, Path(alias="id", description="A registered id, or an mRID.")],
        _caller: MayReadMeters,
        start: Annotated[AwareDatetime, Query(alias="from")],
        end: Annotated[AwareDatetime, Query(alias="to")],
        direction: Way = Way.IMPORT,
        as_of: Annotated[AwareDatetime | None, Query(description="As known then; now if empty.")] = None,
        after: Annotated[AwareDatetime | None, Query(description="As `next` has it.")] = None,
        limit: Annotated[int, Query(ge=1, le=GREATEST_PAGE)] = 2_000,
        form: Annotated[Format | None, Query(alias="format")] = None,
        accept: Annotated[str, Header()] = "",
    ) -> Response:
        asked = Asked(
            meter=meter_id,
            direction=direction.direction,
            window=read_window(start, end),
            as_of=utc(as_of) if as_of else clock.now(),
        )
        wanted = form or next((_BY_TYPE[name] for name in _BY_TYPE if name in accept), None)
        if wanted is not None and wanted != "json":
            return await _stream(uow_factory, asked, wanted)
        async with uow_factory() as uow:
            page = await read_page(uow.connection, asked, after=after, limit=limit)
        return JsonResponse(_written(request, asked, page))


async def _stream(uow_factory: UnitOfWorkFactory, asked: Asked, form: Format) -> StreamingResponse:
    if form == "parquet":
        check_parquet()
    rows = await begun(read_rows(uow_factory, asked))
    is_csv = form == "csv"
    return StreamingResponse(
        write_csv(rows) if is_csv else write_parquet(rows),
        media_type=csv_form.MEDIA_TYPE if is_csv else parquet_form.MEDIA_TYPE,
        headers={"Content-Disposition": f'attachment; filename="readings.{form}"'},
    )


def _written(request: Request, asked: Asked, page: Page) -> dict[str, Any]:
    return {
        "direction": asked.direction.name.lower(),
        "from": format_instant(asked.window.start),
        "to": format_instant(asked.window.end),
        "as_of": _exact(asked.as_of),
        "intervals": [write_row(row) for row in page.rows],
        "next": None if page.after is None else _next(request, asked, page.after),
    }


def _next(request: Request, asked: Asked, after: datetime) -> str:
    """Return the address of the next page, which is of the same knowledge as this one."""
    url = request.url.include_query_params(after=_exact(after), as_of=_exact(asked.as_of))
    return f"{url.path}?{url.query}"


def _exact(instant: datetime) -> str:
    return utc(instant).isoformat().replace("+00:00", "Z")
