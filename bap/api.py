"""The HTTP API for consumers' apps: requests out, callbacks back, and where every trade stands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from difflib import get_close_matches
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse

from bap import openapi
from bap.buyer import Buyer, Callback, SentCall, Undelivered
from bap.call_request import MessageRefused, parse_call_request
from bap.exact_json import ExactJsonResponse, read_json
from bap.reading import check_transaction, get_transaction, list_transactions
from bap.stream import EventStream, last_sequence
from bap.views import RefusalView, SentView, TransactionPage, TransactionView
from node.callers import MayBuy, MayReadContracts
from protocol.actions import TRADE, Exchange
from protocol.errors import ActionUnknown, WireError

_PREFIX: Final = "/api/v1"
_MOST_SECONDS: Final = 60
_REFUSED: Final = "NET_CALLBACK_FAILED"
_UNREACHED: Final = "NET_DOWNSTREAM_UNAVAILABLE"
_ASKED_BY: Final = {exchange.callback.value: exchange.request.value for exchange in TRADE}

Wait = Annotated[
    float | None,
    Query(gt=0, le=_MOST_SECONDS, description="Seconds to wait for the callback; without it, none."),
]
LastEventId = Annotated[
    str | None,
    Header(pattern=r"^[0-9]{1,18}$", description="Go on after the event of this id."),
]


def buyer_router(
    buyer: Buyer, *, max_body_bytes: int = 1_048_576, heartbeat_seconds: float = 15.0
) -> APIRouter:
    """Return the routes of the buyer's API; its last one takes every other POST below /api/v1."""
    router = APIRouter(prefix=_PREFIX, tags=["buyer"])
    for exchange in TRADE:
        router.add_api_route(
            f"/{exchange.request}",
            _send(buyer, exchange, max_body_bytes=max_body_bytes),
            methods=["POST"],
            name=exchange.request.value,
            summary=f"{exchange.request.value}: {exchange.purpose}",
            status_code=202,
            response_class=ExactJsonResponse,
            responses=openapi.answers(exchange),
            openapi_extra=openapi.request_body(exchange),
        )
    _add_transactions(router, buyer)
    _add_events(router, buyer, heartbeat_seconds=heartbeat_seconds)
    router.add_api_route("/{action}", _refuse_action, methods=["POST"], include_in_schema=False)
    return router


def _send(buyer: Buyer, exchange: Exchange, *, max_body_bytes: int) -> Callable[..., Awaitable[Response]]:
    async def send(request: Request, caller: MayBuy, wait: Wait = None) -> Response:
        try:
            wanted = parse_call_request(await read_json(request, max_bytes=max_body_bytes))
            call = await buyer.send(exchange.request, wanted, requested_by=caller)
        except MessageRefused as refusal:
            return _unsent(refusal)
        end = None if wait is None else await buyer.wait(call, seconds=wait)
        return _tell(call, end, waited=wait is not None, root=request.scope.get("root_path", ""))

    send.__doc__ = (
        f"Send `{exchange.request}` to a seller's platform, signed, to {exchange.purpose}; "
        f"`{exchange.callback}` answers it."
    )
    return send


def _tell(
    call: SentCall, end: Callback | Undelivered | None, *, waited: bool, root: str
) -> ExactJsonResponse:
    """Return the answer for a request that was sent, by how it has ended so far."""
    status_url = f"{root}{_PREFIX}/transactions/{call.transaction_id}"
    ids = {"transaction_id": call.transaction_id, "message_id": call.message_id}
    match end:
        case Callback():
            parts = ("context", "message", "error")
            content = {part: end.document[part] for part in parts if part in end.document}
            return ExactJsonResponse({**ids, "action": end.action.value, **content})
        case Undelivered():
            return ExactJsonResponse(
                _undelivered(call, end) | ids | {"status_url": status_url}, status_code=502
            )
        case None:  # pragma: no branch  the last of them
            sent = SentView(
                **ids,
                action=call.action.value,
                status_url=status_url,
                events_url=f"{status_url}/events",
                waited=waited,
            )
            return ExactJsonResponse(sent.model_dump(), status_code=202, headers={"Location": status_url})


def _undelivered(call: SentCall, end: Undelivered) -> dict[str, Any]:
    """Return an error of the peer's, told as the peer's."""
    did = "refused" if end.was_refused else "could not be reached"
    error = WireError(
        code=_REFUSED if end.was_refused else _UNREACHED,
        message=f"the peer {did}: {call.bpp_id} said {end.error.message!r} ({end.error.code})"
        if end.was_refused
        else f"the peer {did}: {call.bpp_id}: {end.error.message}",
        hint="What it said is in peer_error; how it was tried, at status_url.",
    )
    return {"error": error.to_wire(), "peer_error": end.error.to_wire()}


def _unsent(refusal: MessageRefused) -> ExactJsonResponse:
    violations = [asdict(violation) for violation in refusal.violations]
    return ExactJsonResponse(
        {"error": WireError.of(refusal).to_wire(), "violations": violations},
        status_code=refusal.http_status,
    )


async def _refuse_action(
    action: Annotated[str, Path(description="The name of an action.")], _caller: MayBuy
) -> Response:
    known = [exchange.request.value for exchange in TRADE]
    if asked := _ASKED_BY.get(action):
        hint = f"{action} is what sellers answer with; POST {_PREFIX}/{asked} asks for it."
    elif near := get_close_matches(action, known, n=1):
        hint = f"Did you mean {near[0]}?"
    else:
        hint = f"There are {', '.join(known)}."
    raise ActionUnknown(f"{action!r} is no request of a buyer's", path=f"{_PREFIX}/{action}", hint=hint)


def _add_transactions(router: APIRouter, buyer: Buyer) -> None:
    @router.get(
        "/transactions",
        summary="Every transaction, those heard of last first",
        response_class=ExactJsonResponse,
        responses={**openapi.REFUSALS, 200: {"model": TransactionPage}},
    )
    async def transactions(
        _caller: MayReadContracts,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
    ) -> Response:
        async with buyer.uow_factory() as uow:
            page = await list_transactions(uow, limit=limit, offset=offset)
        return ExactJsonResponse(page.model_dump())

    @router.get(
        "/transactions/{transaction_id}",
        summary="One transaction: contract, bill, delivery, and why a message has no answer",
        response_class=ExactJsonResponse,
        responses={**_not_found(), 200: {"model": TransactionView}},
    )
    async def transaction(
        _caller: MayReadContracts,
        transaction_id: str,
        documents: Annotated[bool, Query(description="Whether to show each message in full.")] = False,
    ) -> Response:
        async with buyer.uow_factory() as uow:
            view = await get_transaction(uow, transaction_id, now=buyer.clock.now(), with_documents=documents)
        return ExactJsonResponse(view.model_dump())


def _add_events(router: APIRouter, buyer: Buyer, *, heartbeat_seconds: float) -> None:
    @router.get(
        "/transactions/{transaction_id}/events",
        summary="What arrives for one transaction, from its beginning",
        response_class=StreamingResponse,
        responses={**_not_found(), **openapi.event_stream("Every callback of the transaction.")},
    )
    async def transaction_events(
        _caller: MayReadContracts, transaction_id: str, last_event_id: LastEventId = None
    ) -> Response:
        async with buyer.uow_factory() as uow:
            await check_transaction(uow, transaction_id)
        return _stream(transaction_id, after=int(last_event_id or 0))

    @router.get(
        "/events",
        summary="What arrives for any transaction, from now on",
        response_class=StreamingResponse,
        responses=openapi.event_stream("Every callback from now on, or since Last-Event-ID."),
    )
    async def events(_caller: MayReadContracts, last_event_id: LastEventId = None) -> Response:
        async with buyer.uow_factory() as uow:
            after = await last_sequence(uow) if last_event_id is None else int(last_event_id)
        return _stream(None, after=after)

    def _stream(transaction_id: str | None, *, after: int) -> EventSourceResponse:
        stream = EventStream(
            uow_factory=buyer.uow_factory,
            hub=buyer.hub,
            transaction_id=transaction_id,
            after=after,
            since=buyer.clock.now() if transaction_id is None else None,
            heartbeat_seconds=heartbeat_seconds,
        )
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return EventSourceResponse(stream.chunks(), headers=headers)


def _not_found() -> Mapping[int | str, dict[str, Any]]:
    return openapi.REFUSALS | {404: {"model": RefusalView, "description": "No such transaction."}}
