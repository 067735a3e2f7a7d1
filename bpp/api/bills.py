"""The operator's API of bills: what each follows from, as a statement, and as a page for the buyer."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query
from fastapi.responses import HTMLResponse, Response

from bpp.accounts.statements import make_statement
from kernel.clock import Clock
from node.app import JsonResponse
from node.callers import MayReadContracts
from node.documentation import refusals
from settlement.bill_owners import find_bill_named
from settlement.explanation import Record
from settlement.statements.invoice import write_page
from settlement.statements.pdf import write_pdf
from storage.unit_of_work import UnitOfWorkFactory
from trading.contracts import ContractStore

_STATEMENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": dict[str, Any]},
    **refusals(401, 404, 422, 503),
}
_PDF: Final = "application/pdf"
_PAGE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The page.",
        "content": {
            "text/html": {"schema": {"type": "string"}},
            _PDF: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
_MOST_DRAWN_AT_ONCE: Final = 1
"""Drawing keeps a processor busy for seconds; others wait for their turn."""
_POLICY: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


class InvoiceForm(StrEnum):
    """What an invoice is asked for as."""

    HTML = "html"
    PDF = "pdf"


def bill_router(*, uow_factory: UnitOfWorkFactory, clock: Clock) -> APIRouter:
    """Return the routes of statements and invoices; each needs an API key."""
    router = APIRouter(prefix="/api/v1", tags=["contracts"], default_response_class=JsonResponse)
    drawing = asyncio.Semaphore(_MOST_DRAWN_AT_ONCE)

    async def statement(contract_id: str | None, bill_id: str) -> Record:
        async with uow_factory() as uow:
            named, own_id = await find_bill_named(bill_id, contract=contract_id, uow=uow)
            contract = await ContractStore(uow.connection).get(named)
            return await make_statement(contract, own_id, uow, now=clock.now())

    @router.get(
        "/contracts/{contract_id}/bills/{bill_id}/explain",
        summary="A bill's statement: all that it follows from, to be computed anew",
        responses=_STATEMENT,
    )
    async def explain_bill(contract_id: str, bill_id: str, _caller: MayReadContracts) -> JsonResponse:
        return JsonResponse(await statement(contract_id, bill_id))

    @router.get(
        "/bills/{bill_id}/explain",
        summary="The same; the contract is a parameter, needed where several have a bill of that id",
        responses=_STATEMENT | refusals(409),
    )
    async def explain_bill_of(
        bill_id: str, _caller: MayReadContracts, contract: Annotated[str | None, Query()] = None
    ) -> JsonResponse:
        return JsonResponse(await statement(contract, bill_id))

    @router.get(
        "/contracts/{contract_id}/bills/{bill_id}/invoice",
        summary="A bill as a page to read and print, or as a PDF",
        response_class=Response,
        responses={**_PAGE, **refusals(401, 404, 422, 501, 503)},
    )
    async def get_invoice(
        contract_id: str,
        bill_id: str,
        _caller: MayReadContracts,
        form: Annotated[InvoiceForm | None, Query(alias="format")] = None,
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        page = write_page(await statement(contract_id, bill_id))
        if (form or _form_of(accept)) is InvoiceForm.HTML:
            return HTMLResponse(page, headers=_POLICY)
        async with drawing:
            return Response(await asyncio.to_thread(write_pdf, page), media_type=_PDF)

    return router


def _form_of(accept: str) -> InvoiceForm:
    """Return what an Accept header asks for: a PDF, if it names that and no page."""
    named = accept.lower()
    return InvoiceForm.PDF if _PDF in named and "text/html" not in named else InvoiceForm.HTML
