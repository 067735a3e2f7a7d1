"""The DEG ledger API: platforms put records of trades, utilities say what became of them, all read their own.

Every request is signed as a Beckn message is. Refusals have the API's own form and codes.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final
from uuid import UUID

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from bpp.api.signed_calls import SignedCalls
from bpp.api.trade_record_forms import GetForm, PutForm, RecordForm, read_form
from kernel.clock import Clock, format_instant
from kernel.errors import NodeError
from node.app import JsonResponse
from settlement.trade_records.finding import find_records
from settlement.trade_records.refusals import RefusalCode, Refused
from settlement.trade_records.store import Write, Written, put_record, record_actuals, record_id
from storage.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)

_STATUS: Final = {
    RefusalCode.FIELD_NOT_ALLOWED: 400,
    RefusalCode.MISSING_REQUIRED: 400,
    RefusalCode.SIGNATURE_INVALID: 401,
    RefusalCode.NOT_AUTHORIZED: 403,
    RefusalCode.NOT_FOUND: 404,
    RefusalCode.CONFLICT: 409,
}
_CODES: Final = {
    400: RefusalCode.FIELD_NOT_ALLOWED,
    401: RefusalCode.SIGNATURE_INVALID,
    403: RefusalCode.NOT_AUTHORIZED,
    413: RefusalCode.FIELD_NOT_ALLOWED,
}
_REFUSED: Final = {
    400: "The body cannot be read, or has what the caller's role may not write.",
    401: "It is not signed by a subscriber.",
    403: "The caller is no party to the trade, or not in that role.",
    404: "There is no such record.",
    409: "It stands against what is there already.",
    413: "The body is over the limit.",
    429: "The caller is over its rate.",
    503: "Something that this node needs cannot be reached; send it again later.",
}
_KEY: Final = ("role", "transaction_id", "order_item_id", "record_id", "client_reference", "note")


class LedgerRefusal(BaseModel):
    """Why a request was not served, in the form of the ledger API."""

    code: RefusalCode
    message: str
    details: dict[str, Any] | None = None


class _LedgerRoute(APIRoute):
    """A route whose refusals are those of the ledger API."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except Refused as error:
                named = None if error.field is None else {"field": error.field, "issue": error.message}
                return _refusal(error.code, error.message, _STATUS[error.code], named)
            except NodeError as error:
                code = _CODES.get(error.http_status, RefusalCode.INTERNAL_ERROR)
                details = {"code": error.code, "path": error.path, "hint": error.hint}
                return _refusal(code, error.message, error.http_status, details)

        return answer


def trade_record_router(calls: SignedCalls, *, uow_factory: UnitOfWorkFactory, clock: Clock) -> APIRouter:
    """Return the routes of the ledger API."""
    router = APIRouter(
        prefix="/ledger",
        tags=["ledger"],
        default_response_class=JsonResponse,
        route_class=_LedgerRoute,
        responses={
            status: {"model": LedgerRefusal, "description": description}
            for status, description in _REFUSED.items()
        },
    )

    @router.post("/put", summary="A platform begins a trade's record, or adds to it", response_model=None)
    async def put(request: Request) -> Response:
        caller, raw = await calls.read(request)
        form = read_form(raw, PutForm)
        record = record_id(form.transaction_id, form.order_item_id)
        if form.record_id not in (None, str(record)):
            raise Refused(RefusalCode.CONFLICT, "recordId is that of another record", field="recordId")
        write = Write(
            caller=caller,
            role=form.role,
            record=record,
            change=form.told(*_KEY),
            client_reference=form.client_reference,
        )
        key = {"transaction_id": form.transaction_id, "order_item_id": form.order_item_id}
        async with uow_factory() as uow:
            return _accepted(await put_record(write, **key, uow=uow, now=clock.now()))

    @router.post("/record", summary="A utility records what became of a trade", response_model=None)
    async def record(request: Request) -> Response:
        caller, raw = await calls.read(request)
        form = read_form(raw, RecordForm)
        write = Write(
            caller=caller,
            role=form.role,
            record=_target(form),
            change=form.told(*_KEY),
            client_reference=form.client_reference,
            note=form.note,
        )
        async with uow_factory() as uow:
            return _accepted(await record_actuals(write, uow=uow, now=clock.now()))

    @router.post("/get", summary="A party reads the records of its trades", response_model=None)
    async def get(request: Request) -> Response:
        caller, raw = await calls.read(request)
        form = read_form(raw, GetForm)
        named = None if form.record_id is None else _uuid(form.record_id)
        if form.record_id is not None and named is None:
            return JsonResponse({"records": [], "count": 0})
        async with uow_factory() as uow:
            found = await find_records(form.wanted(named), caller=caller, uow=uow)
        return JsonResponse({"records": found, "count": len(found)})

    return router


def _target(form: RecordForm) -> UUID:
    """Return which record is meant. Raises: Refused."""
    named = None if form.record_id is None else _uuid(form.record_id)
    if form.transaction_id is None or form.order_item_id is None:
        if form.record_id is None:
            raise Refused(
                RefusalCode.MISSING_REQUIRED, "name the record: transactionId and orderItemId, or recordId"
            )
        by_key = named
    else:
        by_key = record_id(form.transaction_id, form.order_item_id)
    if by_key is None or (form.record_id is not None and named != by_key):
        raise Refused(RefusalCode.NOT_FOUND, "there is no such record", field="recordId")
    return by_key


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _accepted(written: Written) -> Response:
    return JsonResponse(
        {
            "success": True,
            "recordId": str(written.record),
            "creationTime": format_instant(written.created_at),
            "rowDigest": written.row_digest,
            "message": "Accepted",
        }
    )


def _refusal(code: RefusalCode, message: str, status: int, details: dict[str, Any] | None) -> Response:
    log.info("ledger.refused", code=code, reason=message)
    body = {"code": code, "message": message}
    return JsonResponse(body if details is None else {**body, "details": details}, status_code=status)
