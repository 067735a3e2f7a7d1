"""The way an acknowledgement leaves: signed as its wire wants it, and bound to the request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from kernel.clock import Clock
from node.visit import Visit
from protocol import signing
from protocol.context import Context
from protocol.counter_signature import Receipt, add_counter_signature
from protocol.profile import AckSignature
from protocol.signing import Signers

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_TOO_MANY, _UNAVAILABLE = 429, 503
_PAUSE: Final = 1  # s


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerer:
    """Sends the acknowledgements of one participant."""

    subscriber_id: str
    signers: Signers
    clock: Clock

    async def send(self, visit: Visit, body: bytes, status: int, send: Send) -> None:
        """Send `body` signed, bound to the request's own signature where it had one."""
        if visit.profile.ack_signature is AckSignature.COUNTER and visit.context is not None:
            body = self._counter_sign(visit, body, visit.context)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if visit.profile.ack_signature is AckSignature.HEADER:
            headers.append((b"signature", self._sign(visit, body).encode("latin-1")))
        if status == 401:
            name = b"proxy-authenticate" if visit.gateway_failed else b"www-authenticate"
            headers.append((name, signing.challenge(self.subscriber_id).encode()))
        if status in (_TOO_MANY, _UNAVAILABLE):
            headers.append((b"retry-after", str(visit.retry_after or _PAUSE).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _counter_sign(self, visit: Visit, body: bytes, context: Context) -> bytes:
        """Return `body` with the signature in it that binds it to the message."""
        now = self.clock.now()
        return add_counter_signature(
            body,
            Receipt(signing.digest(visit.raw), context.message_id),
            signer=self.signers.at(now),
            now=now,
            label=visit.profile.digest_labels[0],
        )

    def _sign(self, visit: Visit, body: bytes) -> str:
        now = self.clock.now()
        return self.signers.at(now).sign(
            body,
            now=now,
            label=visit.profile.digest_labels[0],
            request_signature=visit.header.signature if visit.header else None,
        )
