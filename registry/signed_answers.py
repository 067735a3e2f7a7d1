"""Every answer of the registry is signed, also a refusal: nobody on the way can put in another.

An answer to a signed request is bound to it (four lines, NFH-007), so that an old answer cannot be
shown to a new question. Anything else is signed alone (three lines).
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kernel.clock import Clock
from kernel.errors import NodeError
from protocol.profile import DIGEST_LABELS
from protocol.signing import Signers, parse_header

_HEADER: Final = "Signature"


class SignedAnswers:
    """Holds an answer of `app` back until it is whole, and signs it."""

    def __init__(self, app: ASGIApp, *, signers: Signers, clock: Clock) -> None:
        self._app = app
        self._signers = signers
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start: Message = {}
        body = bytearray()

        async def hold(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                self._sign(start, bytes(body), request_signature=_request_signature(scope))
                await send(start)
                await send({"type": "http.response.body", "body": bytes(body)})

        await self._app(scope, receive, hold)

    def _sign(self, start: Message, body: bytes, *, request_signature: str | None) -> None:
        now = self._clock.now()
        MutableHeaders(scope=start)[_HEADER] = self._signers.at(now).sign(
            body, now=now, label=DIGEST_LABELS[0], request_signature=request_signature
        )


def _request_signature(scope: Scope) -> str | None:
    """Return the request's own signature; None if it has none that can be read."""
    try:
        return parse_header(Headers(scope=scope).get("authorization")).signature
    except NodeError:
        return None
