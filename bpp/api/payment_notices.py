"""The webhook of payment rails: open to whoever holds the shared secret, and to nobody else."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from bpp.payments.desk import PaymentDesk
from bpp.payments.notice_signature import SIGNATURE_HEADER, check_notice_signature
from kernel.clock import Clock
from kernel.errors import NodeError
from node.app import JsonResponse
from node.documentation import refusals
from node.request_body import read_body
from schemas.forms.described import described
from schemas.forms.faults import faults_of
from schemas.violation import json_path
from settlement.payments.ports import RailNotice
from settlement.payments.states import NoticeVerdict, PaymentStatus

_LONGEST: Final = 65_536  # bytes
_SIGNED: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": SIGNATURE_HEADER,
            "in": "header",
            "required": True,
            "schema": {"type": "string"},
            "description": "`t=…,v1=…`: seconds since 1970, and the HMAC-SHA256 of `t`, a full stop and the "
            "body by the shared secret, as hex.",
        }
    ],
}


class RailUnknown(NodeError):
    """The node has no such rail."""

    code, http_status, retryable = "PAYMENT_RAIL_UNKNOWN", 404, False


class NoticeInvalid(NodeError):
    """What the rail posted cannot be read."""

    code, http_status, retryable = "PAYMENT_NOTICE_INVALID", 400, False


class NoticeForm(BaseModel):
    """What a rail says of a payment; the same event has the same id, however often it is sent."""

    model_config = ConfigDict(extra="ignore")

    event_id: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
    payment: UUID
    status: PaymentStatus
    at: AwareDatetime

    @property
    def notice(self) -> RailNotice:
        return RailNotice(event_id=self.event_id, payment=self.payment, status=self.status, at=self.at)


class NoticeTaken(BaseModel):
    """What came of a notice; sent again, it comes to the same."""

    payment: UUID
    verdict: NoticeVerdict


def payment_notice_router(desk: PaymentDesk, *, secret: SecretStr, clock: Clock) -> APIRouter:
    """Return the route on which the desk's rail says what became of payments."""
    router = APIRouter(tags=["payments"], default_response_class=JsonResponse)

    @router.post(
        "/payments/notices/{rail}",
        summary="Say what became of a payment, signed by the shared secret",
        responses=refusals(400, 404, 409, 413, 422, 503) | _unsigned(),
        openapi_extra=_SIGNED | _body(),
    )
    async def take_notice(rail: str, request: Request) -> NoticeTaken:
        body, now = await read_body(request, max_bytes=_LONGEST), clock.now()
        header = request.headers.get(SIGNATURE_HEADER)
        check_notice_signature(header, body, secret=secret.get_secret_value(), now=now)
        if rail != desk.rail_name:
            raise RailUnknown(f"there is no rail {rail[:64]!r} here", hint=f"There is {desk.rail_name}.")
        notice = _read(body)
        async with desk.uow_factory() as uow:
            verdict = await desk.take(notice, uow=uow, now=now)
        return NoticeTaken(payment=notice.payment, verdict=verdict)

    return router


def _read(body: bytes) -> RailNotice:
    """Raises: NoticeInvalid."""
    try:
        return NoticeForm.model_validate_json(body).notice
    except ValidationError as error:
        first = faults_of(error.errors(), form=NoticeForm)[0]
        raise NoticeInvalid(
            f"the notice cannot be read: {first.message}", path=json_path(first.steps), hint=first.hint
        ) from error


def _unsigned() -> dict[int | str, dict[str, Any]]:
    return {401: refusals(400)[400] | {"description": "It is not signed by the shared secret, not now."}}


def _body() -> dict[str, Any]:
    schema = described(NoticeForm)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
