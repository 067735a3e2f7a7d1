"""How the API describes itself: models, examples and answers, for every action of the table."""

from __future__ import annotations

import json
from typing import Any, Final

from bap.call_request import CallRequest
from bap.exact_json import dump
from bap.examples import CALLBACKS, REQUESTS
from bap.views import AnsweredView, RefusalView, SentView, UndeliveredView, UnsentView
from protocol.actions import Exchange
from schemas.forms.described import described

Json = dict[str, Any]

_SENT: Json = {
    "transaction_id": "5f0c1c3e-7a0b-4b53-9a38-3f3e5c1f0a11",
    "message_id": "0b9d6f5e-64a1-4c57-8d3c-2a8a7f9b6c42",
    "action": "select",
    "status_url": "/api/v1/transactions/5f0c1c3e-7a0b-4b53-9a38-3f3e5c1f0a11",
    "events_url": "/api/v1/transactions/5f0c1c3e-7a0b-4b53-9a38-3f3e5c1f0a11/events",
    "waited": False,
}

Answers = dict[int | str, Json]

REFUSALS: Answers = {
    401: {"model": RefusalView, "description": "The API key is missing or unknown."},
    403: {
        "model": RefusalView,
        "description": "The API key is not for this, or the peer is refused here.",
    },
    422: {"model": RefusalView, "description": "A parameter breaks its rule."},
    429: {"model": RefusalView, "description": "Too many wrong API keys came from this address."},
    503: {"model": RefusalView, "description": "The database cannot be reached; ask again later."},
}


def request_body(exchange: Exchange) -> Json:
    """Return the description of the body of a request, with its example."""
    example = {"summary": exchange.purpose, "value": _plain(REQUESTS[exchange.request])}
    schema = described(CallRequest)
    content = {"application/json": {"schema": schema, "examples": {exchange.request.value: example}}}
    return {"requestBody": {"required": True, "content": content}}


def answers(exchange: Exchange) -> Answers:
    """Return the descriptions of what a request may be answered with."""
    described: Answers = {
        200: {
            "model": AnsweredView,
            "description": f"The {exchange.callback} that came while the call waited. It carries either "
            "a message or the seller's error.",
            "content": _example(
                {
                    "transaction_id": _SENT["transaction_id"],
                    "message_id": _SENT["message_id"],
                    "action": exchange.callback.value,
                    "context": {},
                    "message": _plain(CALLBACKS[exchange.callback]),
                }
            ),
        },
        202: {
            "model": SentView,
            "description": f"On its way. The {exchange.callback} will show at `status_url` and come as an "
            "event at `events_url`; `waited` says that the call waited in vain.",
            "content": _example(_SENT | {"action": exchange.request.value}),
        },
        400: {"model": RefusalView, "description": "The body is no JSON."},
        409: {
            "model": RefusalView,
            "description": "The transaction has an order with another platform.",
        },
        413: {"model": RefusalView, "description": "The body is over the limit."},
        422: {
            "model": UnsentView,
            "description": "Not sent: what is wrong, where, by which rule, and what to do.",
        },
        502: {
            "model": UndeliveredView,
            "description": "The seller's platform refused the request or could not be reached. "
            "`peer_error` is in its own words.",
        },
        503: {"model": RefusalView, "description": "The registry or the database cannot be reached."},
    }
    return REFUSALS | described


_EVENT: Final[Json] = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "id": {"type": "string", "description": "What to send as Last-Event-ID to go on after it."},
        "event": {"type": "string", "description": "The callback's action, or undelivered."},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}


_CALLBACK: Final = (
    'id: 17\nevent: on_select\ndata: {"transaction_id": "…", "message_id": "…", "action": "on_select", '
    '"context": {}, "message": {}}\n\n'
)


def event_stream(what: str) -> Answers:
    """Return the description of a stream of callbacks."""
    return REFUSALS | event_body(what, example=_CALLBACK)


def event_body(what: str, *, example: str) -> Answers:
    """Return the description of a stream of events, without what refuses it."""
    content = {"text/event-stream": {"itemSchema": _EVENT, "example": example}}
    return {200: {"description": what, "content": content}}


def _example(value: Json) -> Json:
    return {"application/json": {"example": value}}


def _plain(value: object) -> Json:
    """Return `value` with plain numbers: FastAPI would write a Decimal as text."""
    plain: Json = json.loads(dump(value))
    return plain
