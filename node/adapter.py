"""The common adapter's own paths for software on this side: send what is posted here, signed.

Whoever drives today's adapter posts whole messages to `/bap/caller/{action}` or
`/bpp/caller/{on_action}` and gets its answer; the same requests work here. What is posted leaves
byte by byte as it came, through the outbox, so it is signed, retried and kept like everything else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import HttpUrl, TypeAdapter, ValidationError
from sqlalchemy.exc import IntegrityError

from kernel.clock import Clock
from kernel.errors import NodeError
from node.callers import authenticator, security_of
from node.correspondence import Correspondent, Peer
from node.peer_rules import CheckReceiver, send_to_anybody
from node.request_body import read_body
from node.scopes import Scope
from protocol import checks
from protocol.actions import SENT_BY, Action, Role, sender_side
from protocol.answers import write_answer
from protocol.context import Context, read_context
from protocol.detection import detect
from protocol.document import parse_document
from protocol.errors import (
    ActionUnknown,
    ContextFieldInvalid,
    ContextFieldMissing,
    MediaTypeUnsupported,
    MessageIdReused,
    WireError,
)
from protocol.profile import PROFILES, Profile
from protocol.rulebook import Rulebook
from storage.outbox import Outgoing
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

Put = Callable[[UnitOfWork, Outgoing, Peer, str], Awaitable[None]]
"""`put(uow, outgoing, to, requested_by)`: record the message and put it into the outbox."""

_BODY: Final = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": dict[str, Any], "description": f"{answer}."}
    for status, answer in {
        200: "An ACK: the message is kept and will be sent",
        400: "A NACK: the message is none, or breaks a rule of its action",
        401: "A NACK: an API key is needed, or the message is another participant's",
        403: "A NACK: the API key is not for this, or this node refuses the peer",
        404: "A NACK: nothing of that name is sent from here",
        409: "A NACK: its id was used before, or its transaction is with somebody else",
        413: "A NACK: the message is too large",
        429: "A NACK: too many wrong API keys came from this address",
        500: "This node failed",
        503: "The database cannot be reached",
    }.items()
}

CALLER_PATH: Final = {Role.BAP: "/bap/caller", Role.BPP: "/bpp/caller"}
_SCOPE: Final = {Role.BAP: Scope.BUY, Role.BPP: Scope.SELL}
_OPEN: Final = "adapter"
_URL: Final = TypeAdapter(HttpUrl)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """Takes whole messages from software of this participant and sends them to its peers.

    `is_open` lets it in without an API key, as the common adapter does.
    """

    correspondent: Correspondent
    profiles: tuple[Profile, ...]
    rulebook: Rulebook
    put: Put
    uow_factory: UnitOfWorkFactory
    clock: Clock
    max_body_bytes: int
    is_open: bool = False
    check_receiver: CheckReceiver = send_to_anybody

    @property
    def scope(self) -> Scope:
        """What an API key must be good for here."""
        return _SCOPE[self.correspondent.role]

    def router(self) -> APIRouter:
        """Return the routes; they answer in the adapter's own shapes."""
        router = APIRouter(tags=["adapter"])
        router.add_api_route(
            f"{CALLER_PATH[self.correspondent.role]}/{{action:path}}",
            self._take,
            methods=["POST"],
            summary="Send a whole message that other software of this participant has written",
            description="The message leaves as it comes, byte by byte, signed; it says itself for whom it "
            "is. The answer has the shape of its generation.",
            response_class=JSONResponse,
            responses=_ANSWERS,
            openapi_extra=_BODY | ({} if self.is_open else {"security": list(security_of(self.scope))}),
        )
        return router

    async def _take(self, action: str, request: Request) -> Response:
        profile, ids = self.profiles[0].behind_adapter(), ("", "")
        error: NodeError | None = None
        try:
            sender = _check_open(request) if self.is_open else await authenticator(self.scope)(request)
            raw = await read_body(request, max_bytes=self.max_body_bytes)
            document = parse_document(raw)
            profile, named = self._route(action, document)
            context = read_context(document, profile)
            ids = (context.transaction_id, context.message_id)
            await self._send(raw, document, context, profile, named, sender)
        except NodeError as refusal:
            error = refusal
        answer = write_answer(
            profile.ack,
            transaction_id=ids[0],
            message_id=ids[1],
            at=self.clock.now(),
            error=None if error is None else WireError.of(error),
        )
        return Response(
            orjson.dumps(answer),
            status_code=200 if error is None else error.http_status,
            headers=_headers(error),
            media_type="application/json",
        )

    def _route(self, name: str, document: Mapping[str, Any]) -> tuple[Profile, Action]:
        """Return the profile of a message and the action that the path names in it."""
        sent = SENT_BY[self.correspondent.role]
        candidates = tuple(
            profile.behind_adapter() for profile in self.profiles if profile.action_called(name) in sent
        )
        if not candidates:
            known = sorted(
                {
                    profile.name_in_path(action)
                    for profile in self.profiles
                    for action in filter(profile.speaks, sent)
                }
            )
            raise ActionUnknown(
                f"{name!r} is nothing that a {self.correspondent.role.upper()} sends",
                path=name,
                hint=f"POST one of: {', '.join(known)}.",
            )
        profile = detect(document, candidates)
        return profile, next(action for action in sent if profile.action_called(name) is action)

    async def _send(
        self,
        raw: bytes,
        document: Mapping[str, Any],
        context: Context,
        profile: Profile,
        action: Action,
        sender: str,
    ) -> None:
        now = self.clock.now()
        me = self.correspondent
        checks.check_action(context, action=action, profile=profile)
        checks.check_version(context, profile=profile)
        checks.check_sender(context, action=action, profile=profile, signer=me.subscriber_id)
        self.rulebook.check(document, action=action, profile=profile)
        checks.check_freshness(context, now=now)
        to = _addressee(context, profile, sender_side(action).counterpart)
        self.check_receiver(to.subscriber_id)
        outgoing = Outgoing(
            profile=profile.name,
            action=action,
            peer=to.subscriber_id,
            url=PROFILES[profile.name].url_of(action, to.url),
            message_id=context.message_id,
            transaction_id=context.transaction_id,
            body=raw,
            created_at=now,
            expires_at=context.expires_at or now + me.ttl_of(action),
        )
        try:
            async with self.uow_factory() as uow:
                if await _is_repeat(outgoing, uow, profile):
                    return
                await self.put(uow, outgoing, to, sender)
        except IntegrityError as error:  # its id was taken at the same instant, or by another action
            async with self.uow_factory() as uow:
                if not await _is_repeat(outgoing, uow, profile):
                    raise _reused(outgoing, profile) from error


def _headers(error: NodeError | None) -> dict[str, str] | None:
    pause = None if error is None else error.retry_after
    return None if pause is None else {"Retry-After": str(pause)}


def _check_open(request: Request) -> str:
    """Return the name of a caller without a key. Raises: MediaTypeUnsupported.

    It must say that it sends JSON: a web page that somebody looks at cannot, for other sites.
    """
    if "json" not in request.headers.get("content-type", "").partition(";")[0].lower():
        raise MediaTypeUnsupported(
            "a message is plain JSON", path="header Content-Type", hint="Send application/json."
        )
    return _OPEN


def _addressee(context: Context, profile: Profile, role: Role) -> Peer:
    subscriber_id, uri = context.id_of(role), context.uri_of(role)
    for value, key in ((subscriber_id, profile.keys.id_of(role)), (uri, profile.keys.uri_of(role))):
        if not value:
            raise ContextFieldMissing(
                f"the context has no {key}",
                path=f"$.context.{key}",
                hint="Say which participant it is for, and where that takes messages.",
            )
    try:
        _URL.validate_python(uri)
    except ValidationError as error:
        raise ContextFieldInvalid(
            f"{uri!r} is no URL that can be posted to",
            path=f"$.context.{profile.keys.uri_of(role)}",
            hint="Write it like https://bpp.example.com.",
        ) from error
    return Peer(subscriber_id=subscriber_id, url=uri)


async def _is_repeat(outgoing: Outgoing, uow: UnitOfWork, profile: Profile) -> bool:
    """Say whether this very message was posted before. Raises: MessageIdReused, if another one was."""
    body = await uow.outbox.find_body(message_id=outgoing.message_id, action=outgoing.action)
    if body is not None and body != outgoing.body:
        raise _reused(outgoing, profile)
    return body is not None


def _reused(outgoing: Outgoing, profile: Profile) -> MessageIdReused:
    return MessageIdReused(
        f"message {outgoing.message_id} was posted before with another body",
        path=f"$.context.{profile.keys.message_id}",
        hint="Give every new message its own id.",
    )
