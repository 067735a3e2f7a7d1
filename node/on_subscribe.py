"""`/on_subscribe`: where registries send their challenges, and see whether a site is a participant's own."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from node.challenge_desk import SITE_VERIFICATION_PATH, ChallengeDesk
from node.documentation import RefusalBody
from node.request_body import read_body

_MAX_BYTES: Final = 16_384
_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": RefusalBody, "description": "The body is no challenge, or cannot be decrypted."},
    401: {"model": RefusalBody, "description": "It is not from the registry that was asked."},
    409: {"model": RefusalBody, "description": "No subscription of this participant is under way."},
    413: {"model": RefusalBody, "description": "The body is over the limit."},
    429: {"model": RefusalBody, "description": "More challenges came than one request gives reason for."},
    503: {"model": RefusalBody, "description": "The database cannot be reached; send it again later."},
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["challenge"],
                    "properties": {
                        "challenge": {"type": "string", "description": "Encrypted, in base64."},
                        "subscriber_id": {"type": "string"},
                        "key_id": {"type": "string", "description": "Of the key set that is challenged."},
                        "signing_public_key": {"type": "string", "description": "The one to be entered."},
                    },
                }
            }
        },
    }
}


class ChallengeAnswer(BaseModel):
    """The plain text of a registry's challenge."""

    answer: str


class Presence(BaseModel):
    """Who answers challenges at this address, and whether one is waited for."""

    subscriber_id: str
    under_way: bool


def on_subscribe_router(desk: ChallengeDesk) -> APIRouter:
    """Return the routes that registries call; they are open to all, as the registry has no API key."""
    router = APIRouter(tags=["network"])

    @router.post(
        "/on_subscribe",
        summary="Answer the registry's challenge",
        response_model=ChallengeAnswer,
        responses=_REFUSALS,
        openapi_extra=_BODY,
    )
    async def on_subscribe(request: Request) -> dict[str, str]:
        """Decrypt the challenge of a registry that this participant has asked to take it in."""
        raw = await read_body(request, max_bytes=_MAX_BYTES)
        return {"answer": await desk.answer(raw, request.headers.get("Authorization"))}

    @router.get(
        "/on_subscribe",
        summary="Who answers challenges here",
        response_model=Presence,
        responses={503: _REFUSALS[503]},
    )
    async def presence() -> dict[str, Any]:
        return {"subscriber_id": desk.keychain.subscriber_id, "under_way": await desk.is_under_way()}

    @router.get(
        SITE_VERIFICATION_PATH,
        summary="The signed page of site verification",
        response_model=None,
        responses={
            200: {"description": "The page.", "content": {"text/html": {"schema": {"type": "string"}}}},
            404: {"model": RefusalBody, "description": "None is wanted."},
            503: _REFUSALS[503],
        },
    )
    async def site_verification() -> HTMLResponse:
        return HTMLResponse(await desk.site_page())

    return router
