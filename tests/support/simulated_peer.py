"""A peer that signs for real and is reached over real HTTP; it keeps what it is sent and answers as told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import httpx
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from kernel.clock import Clock, SystemClock
from node.correspondence import Correspondent, Peer
from protocol.actions import CALLBACK_OF, Action, Role
from protocol.answers import write_answer
from protocol.keys import new_private_key
from protocol.profile import V2_RC, Profile
from protocol.signing import Signer, parse_header, verify
from registry_client.subscriber import SubscriberRecord, SubscriberRole
from storage.outbox import Outgoing
from tests.support.calling import PATIENCE, calling, enter_by_token
from tests.support.loopback_server import LoopbackServer, Served

DOMAIN: Final = "beckn.one:deg:p2p-trading:2.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How the peer answers: an ACK of the RC shape unless it is told another status or body.

    It waits for `after` before it answers, and sends the body in `pieces`.
    """

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    after: asyncio.Event | None = None
    pieces: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message that came, its bytes and the header that signed it, and a gateway's beside it."""

    action: Action
    body: bytes
    authorization: str
    gateway_authorization: str = ""

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = orjson.loads(self.body)
        return document

    @property
    def message_id(self) -> str:
        context = self.document["context"]
        return str(context.get("message_id") or context["messageId"])

    @property
    def transaction_id(self) -> str:
        context = self.document["context"]
        return str(context.get("transaction_id") or context["transactionId"])


class SimulatedPeer(Served):
    """A BAP or BPP for tests. `replies` are given in order, then `reply` again and again."""

    def __init__(
        self,
        role: Role,
        subscriber_id: str,
        *,
        clock: Clock | None = None,
        validity: timedelta = timedelta(minutes=5),
        profile: Profile = V2_RC,
    ) -> None:
        self.role = role
        self.profile = profile
        self.clock: Clock = clock or SystemClock()
        self.signer = Signer(
            subscriber_id=subscriber_id, key_id="k1", private_key=new_private_key(), validity=validity
        )
        self.received: list[Received] = []
        self.replies: list[Reply] = []
        self.reply = Reply()
        self._news = asyncio.Condition()
        routes = [
            Route(path, self._receive(action), methods=["POST"]) for path, action in profile.routes().items()
        ]
        self.server = LoopbackServer(Starlette(routes=routes))
        self._client = calling()

    @property
    def address(self) -> Peer:
        return Peer(subscriber_id=self.signer.subscriber_id, url=self.url)

    @property
    def writer(self) -> Correspondent:
        """What writes this peer's messages: the very class that a participant writes with."""
        return Correspondent(
            role=self.role,
            subscriber_id=self.signer.subscriber_id,
            url=self.url,
            domain=DOMAIN,
            profile=self.profile,
            request_ttl=timedelta(seconds=30),
            callback_ttl=timedelta(hours=24),
        )

    def record(self, **changes: Any) -> SubscriberRecord:
        """Return what a registry says of this peer."""
        record = SubscriberRecord(
            subscriber_id=self.signer.subscriber_id,
            key_id=self.signer.key_id,
            signing_public_key=self.signer.public_key,
            url=self.url,
            role=SubscriberRole(self.role.subscribes_as.upper()),
            domain=DOMAIN,
        )
        return replace(record, **changes)

    async def register(self, registry_url: str, *, token: str, **changes: Any) -> None:
        """Enter itself in a registry, with changes to what is said of it."""
        await enter_by_token(registry_url, record=self.record(**changes), token=token)

    def write(
        self,
        action: Action,
        message: Mapping[str, Any],
        *,
        to: Peer,
        transaction_id: str = "t-1",
        context: Mapping[str, Any] | None = None,
    ) -> Outgoing:
        """Return a message to `to`, with changes to its context."""
        write = self.writer.request if action in CALLBACK_OF else self.writer.unsolicited
        outgoing = write(action, to=to, message=message, transaction_id=transaction_id, now=self.clock.now())
        if context is None:
            return outgoing
        document = orjson.loads(outgoing.body)
        document["context"] |= context
        keys = self.profile.keys
        return replace(
            outgoing,
            body=orjson.dumps(document),
            message_id=document["context"][keys.message_id],
            transaction_id=document["context"][keys.transaction_id],
        )

    def sign(self, body: bytes, *, request_signature: str | None = None) -> str:
        return self.signer.sign(
            body,
            now=self.clock.now(),
            label=self.profile.digest_labels[0],
            request_signature=request_signature,
        )

    async def send(
        self, action: Action, message: Mapping[str, Any], *, to: Peer, **changes: Any
    ) -> httpx.Response:
        """Sign and post a message; the changes are those of `write`."""
        outgoing = self.write(action, message, to=to, **changes)
        return await self.post(outgoing.url, outgoing.body)

    async def answer(self, request: Received, message: Mapping[str, Any], *, to: Peer) -> httpx.Response:
        """Send the callback to a request, bound to the request's signature (NFH-007)."""
        callback = Action(f"on_{request.action}")
        context = {key: request.document["context"][key] for key in ("message_id", "transaction_id")}
        outgoing = self.write(callback, message, to=to, context=context)
        bound = self.sign(outgoing.body, request_signature=parse_header(request.authorization).signature)
        return await self.post(outgoing.url, outgoing.body, authorization=bound)

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        authorization: str | None = None,
        gateway_authorization: str | None = None,
    ) -> httpx.Response:
        """Post bytes as they are, signed now unless an Authorization is given; an empty one is left out."""
        headers = {"Content-Type": "application/json"}
        if authorization != "":
            headers["Authorization"] = authorization or self.sign(body)
        if gateway_authorization is not None:
            headers["X-Gateway-Authorization"] = gateway_authorization
        return await self._client.post(url, content=body, headers=headers)

    async def wait_for(
        self, action: Action, *, count: int = 1, transaction_id: str | None = None
    ) -> list[Received]:
        """Return what came of `action`, in that transaction if one is named, once there is so much of it."""

        def found() -> list[Received]:
            came = [received for received in self.received if received.action is action]
            return [each for each in came if transaction_id in (None, each.transaction_id)]

        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(found()) >= count)
        return found()

    def check_signature_of(self, response: httpx.Response, *, of: Signer) -> None:
        """Verify the signed answer to a request of this peer's; raises SignatureInvalid."""
        sent = response.request.headers.get("Authorization")
        bound = (parse_header(sent).signature,) if sent else ()
        verify(
            response.content,
            parse_header(response.headers["Signature"]),
            key=of.public_key,
            now=self.clock.now(),
            labels=V2_RC.digest_labels[:1],
            request_signatures=bound,
        )

    def _receive(self, action: Action) -> Any:
        async def receive(request: Request) -> Response:
            received = Received(
                action=action,
                body=await request.body(),
                authorization=request.headers.get("Authorization", ""),
                gateway_authorization=request.headers.get("X-Gateway-Authorization", ""),
            )
            async with self._news:
                self.received.append(received)
                self._news.notify_all()
            reply = self.replies.pop(0) if self.replies else self.reply
            if reply.after is not None:
                await reply.after.wait()
            return self._respond(received, reply)

        return receive

    def _respond(self, received: Received, reply: Reply) -> Response:
        body = reply.body
        if body is None:
            answer = write_answer(
                self.profile.ack,
                transaction_id=received.transaction_id,
                message_id=received.message_id,
                at=self.clock.now(),
            )
            body = orjson.dumps(answer)
        headers = {"Content-Type": "application/json", **reply.headers}
        if reply.pieces == 1:
            return Response(body, status_code=reply.status, headers=headers)
        return StreamingResponse(_in_pieces(body, reply.pieces), status_code=reply.status, headers=headers)

    async def leave(self) -> None:
        await self._client.aclose()
        await super().leave()


async def _in_pieces(body: bytes, pieces: int) -> Any:
    size = -(-len(body) // pieces)
    for start in range(0, len(body), size):
        yield body[start : start + size]
        await asyncio.sleep(0.02)  # so that they travel one by one
