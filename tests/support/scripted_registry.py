"""A registry that signs its answers, and can be told to get it wrong in every way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kernel.clock import Clock
from protocol import signing
from protocol.keys import new_private_key
from protocol.signing import Signer, parse_header

Asked = tuple[str, str, bytes, dict[str, str]]  # method, path with query, body, headers
Answer = tuple[int, Any]  # HTTP status, JSON


class ScriptedRegistry:
    """Answers what `answer` says, signed and bound to the question; keeps the questions."""

    def __init__(self, clock: Clock, *, answer: Callable[[str, Any], Answer] | None = None) -> None:
        self.clock = clock
        self.signer = Signer(subscriber_id="registry.example.com", key_id="r1", private_key=new_private_key())
        self.answer: Callable[[str, Any], Answer] = answer or (lambda path, question: (200, []))
        self.asked: list[Asked] = []
        self.replayed: tuple[bytes, str] | None = None
        self.binds, self.signs = True, True
        self.last: tuple[bytes, str] = (b"", "")
        methods = ["GET", "POST"]
        self.app = Starlette(routes=[Route("/{path:path}", self._serve, methods=methods)])

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self.asked.append((request.method, path, body, dict(request.headers)))
        if self.replayed is not None:
            raw, signature = self.replayed
            return Response(raw, media_type="application/json", headers={"Signature": signature})
        status, content = self.answer(path, orjson.loads(body) if body else None)
        raw = orjson.dumps(content)
        self.last = (raw, self._sign(raw, request.headers.get("Authorization")))
        headers = {"Signature": self.last[1]} if self.signs else {}
        return Response(raw, status, media_type="application/json", headers=headers)

    def _sign(self, raw: bytes, authorization: str | None) -> str:
        bound = parse_header(authorization).signature if authorization and self.binds else None
        return self.signer.sign(raw, now=self.clock.now(), label="BLAKE-512", request_signature=bound)


def verify_question(asked: Asked, *, signer: Signer, clock: Clock) -> None:
    """Fail unless the question was signed by `signer`. Raises: SignatureInvalid, SignatureMissing."""
    _, _, body, headers = asked
    header = parse_header(headers.get("authorization"))
    assert (header.subscriber_id, header.key_id) == (signer.subscriber_id, signer.key_id)
    signing.verify(body, header, key=signer.public_key, now=clock.now(), labels=("BLAKE-512",))
