"""The way in: from the socket to the inbox, as one list of steps.

A bare ASGI application, because this is the hot path: every message of every peer goes through it.
A message is acknowledged only when it is on disk; whatever is wrong with it is answered with a NACK
that says where, why and what to do, and leaves no row behind.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

import orjson
import structlog

from kernel.clock import Clock
from kernel.errors import NodeError
from node.authentication import Authentication
from node.cascade import NO_CASCADE, Cascade
from node.gateways import GatewayCheck, check_only_gateway
from node.neighbours import check_neighbour
from node.peer_gate import PeerGate
from node.peer_pins import PeerPins
from node.rate_limit import PeerRates
from node.routing import Route, profiles_below, routes_of
from node.telemetry import Metrics, stopwatch
from protocol import checks, signing
from protocol.actions import Action, Role, handled_by
from protocol.answers import write_answer
from protocol.context import Context, name_sides, read_context
from protocol.counter_signature import Receipt, add_counter_signature
from protocol.detection import detect
from protocol.document import parse_document
from protocol.errors import (
    ActionUnknown,
    BodyTooLarge,
    GatewaySignatureInvalid,
    MediaTypeUnsupported,
    MessageIdReused,
    Unanticipated,
    WireError,
)
from protocol.profile import AckSignature, Profile
from protocol.rulebook import Rulebook
from protocol.signing import SignatureHeader, Signers
from registry_client.reach import Reach
from registry_client.subscriber import SubscriberRecord
from storage.inbox_writer import Acceptance, Arrival, InboxWriter

log = structlog.get_logger(__name__)

_TOO_MANY, _UNAVAILABLE = 429, 503
_PAUSE: Final = 1  # s

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Admission(Protocol):
    """Refuses a good message that its role does not take: an answer that nobody asked for, and the like."""

    async def __call__(
        self, action: Action, context: Context, sender: str, profile: Profile, raw: bytes, /
    ) -> None: ...


@dataclass(slots=True)
class _Visit:
    """What is known of the message at the door; it grows from step to step."""

    route: Route
    profile: Profile
    raw: bytes = b""
    header: SignatureHeader | None = None
    sender: str = ""  # whose key it is, once its signature held
    context: Context | None = None
    gateway_failed: bool = False
    retry_after: int | None = None  # s; of a refusal that says so

    @property
    def action(self) -> Action:
        """The action of the path; asked for only once it is known to have one."""
        if self.route.action is None:  # pragma: no cover  the path is checked first
            raise RuntimeError("a path without an action was let in")
        return self.route.action


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress:
    """The protocol's paths of one participant."""

    role: Role
    subscriber_id: str
    profiles: tuple[Profile, ...]
    signers: Signers
    authentication: Authentication
    writer: InboxWriter
    admission: Admission | None
    gateways: GatewayCheck
    pins: PeerPins
    gate: PeerGate
    rates: PeerRates
    rulebook: Rulebook
    clock: Clock
    metrics: Metrics
    max_body_bytes: int
    reach: Reach
    networks: frozenset[str] = frozenset()
    cascade: Cascade = NO_CASCADE
    routes: Mapping[str, Route] = field(init=False)

    def __post_init__(self) -> None:
        routes = routes_of(self.role, self.profiles, cascades=self.cascade.asks)
        object.__setattr__(self, "routes", routes)

    def takes(self, path: str) -> bool:
        """Say whether `path` belongs to the protocol, be the action known or not."""
        return path in self.routes or bool(profiles_below(path, self.role, self.profiles))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = stopwatch()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        visit = self._open(scope["path"])
        try:
            _check_path(visit, scope, handled_by(self.role, cascades=self.cascade.asks), self.role)
            body, status = await self._admit(visit, headers, receive), 200
        except NodeError as error:
            visit.gateway_failed = isinstance(error, GatewaySignatureInvalid)
            visit.retry_after = error.retry_after
            body, status = self._refuse(visit, error), error.http_status
        except Exception:
            log.exception("ingress.broken", path=scope["path"])
            unanticipated = Unanticipated("this node failed on the message", hint="Send it again later.")
            body, status = self._refuse(visit, unanticipated), unanticipated.http_status
        await self._answer(visit, body, status, send)
        self.metrics.receive_seconds.observe(stopwatch() - started)

    def _open(self, path: str) -> _Visit:
        """Return what is known of a message by its path alone."""
        route = self.routes.get(path)
        if route is None:
            route = Route(None, profiles_below(path, self.role, self.profiles) or self.profiles)
        return _Visit(route, route.profiles[0])

    async def _admit(self, visit: _Visit, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Check the message step by step, store it, and return the ACK."""
        _check_form(headers)
        visit.raw = await _read_body(headers, receive, limit=self.max_body_bytes)
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        visit.header = header = self.authentication.read(authorization)
        now = self.clock.now()
        sender = await self.authentication.verify(visit.raw, header, route=visit.route, now=now)
        visit.sender = sender.record.subscriber_id
        self.gate.rules.check_sender(sender.record)
        await self.rates.take(visit.sender, now=now)
        document = parse_document(visit.raw)
        visit.profile = profile = self.pins.adapt(detect(document, visit.route.profiles), visit.sender)
        gateway = None
        if profile.through_gateways:
            gateway = await self.gateways.check(headers, visit.raw, action=visit.action, now=now)
        if gateway is not None:
            self.gate.rules.check_sender(gateway)
            check_only_gateway(gateway, role=self.role)
        context = name_sides(read_context(document, profile), action=visit.action, sender=visit.sender)
        visit.context = context
        self._check(visit, document, context, sender.record, now=now)
        if self.admission is not None:
            await self.admission(visit.action, context, visit.sender, profile, visit.raw)
        acceptance = await self.writer.store(
            Arrival(
                profile=profile.name,
                action=visit.action,
                sender=visit.sender,
                message_id=context.message_id,
                transaction_id=context.transaction_id,
                body=visit.raw,
                body_digest=sender.body_digest,
                authorization=authorization,
                received_at=now,
                gateway=gateway.subscriber_id if gateway else None,
                gateway_url=gateway.url if gateway else None,
            )
        )
        return self._acknowledge(visit, context, acceptance)

    def _check(
        self,
        visit: _Visit,
        document: Mapping[str, Any],
        context: Context,
        sender: SubscriberRecord,
        *,
        now: datetime,
    ) -> None:
        """Refuse what is not for this node, not from its sender, not well formed or not in time."""
        action, profile = visit.action, visit.profile
        checks.check_action(context, action=action, profile=profile)
        checks.check_version(context, profile=profile)
        checks.check_sender(context, action=action, profile=profile, signer=sender.subscriber_id)
        self.cascade.check_role(sender.role, action=action)
        self.gate.rules.check_message(sender, context)
        if self.networks or sender.network_memberships is not None:
            checks.check_network(
                context, profile=profile, memberships=sender.network_memberships, networks=self.networks
            )
        if self.role is not Role.BG:  # what a gateway takes is for others
            checks.check_addressee(context, action=action, profile=profile, subscriber_id=self.subscriber_id)
        checks.check_callback_address(context, action=action, profile=profile, registered_url=sender.url)
        check_neighbour(context, action=action, profile=profile, reach=self.reach)
        self.rulebook.check(document, action=action, profile=profile)
        checks.check_freshness(context, now=now)

    def _acknowledge(self, visit: _Visit, context: Context, acceptance: Acceptance) -> bytes:
        """Return the ACK of a stored message. Raises: MessageIdReused."""
        if not acceptance.same_body:
            raise MessageIdReused(
                f"message {context.message_id} came before with another body",
                path=f"$.context.{visit.profile.keys.message_id}",
                hint="Give every new message its own id; repeat a message byte by byte.",
            )
        self.metrics.count_received(visit.action, is_repeat=acceptance.is_repeat)
        if log.is_enabled_for(logging.DEBUG) and visit.header is not None:
            key = f"{visit.sender}|{visit.header.key_id}"
            log.debug("message.accepted", **_ids(visit), key=key, repeat=acceptance.is_repeat)
        return orjson.dumps(
            write_answer(
                visit.profile.ack,
                transaction_id=context.transaction_id,
                message_id=context.message_id,
                at=acceptance.first_received_at,
            )
        )

    def _refuse(self, visit: _Visit, error: NodeError) -> bytes:
        """Return the NACK that tells `error`."""
        self.metrics.refused.labels(error.code).inc()
        if visit.context is None:
            self._glance(visit)
        context = visit.context
        log.info("message.refused", **_ids(visit), code=error.code, reason=error.message, at=error.path)
        return orjson.dumps(
            write_answer(
                visit.profile.ack,
                transaction_id=context.transaction_id if context else "",
                message_id=context.message_id if context else "",
                at=self.clock.now(),
                error=WireError.of(error),
            )
        )

    def _glance(self, visit: _Visit) -> None:
        """Read of a refused message what can be read, so that the NACK is on its wire and names it."""
        if not visit.raw:
            return
        try:
            document = parse_document(visit.raw)
            visit.profile = self.pins.adapt(detect(document, visit.route.profiles), _sender(visit))
            visit.context = read_context(document, visit.profile)
        except NodeError:
            return

    async def _answer(self, visit: _Visit, body: bytes, status: int, send: Send) -> None:
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

    def _counter_sign(self, visit: _Visit, body: bytes, context: Context) -> bytes:
        """Return `body` with the signature in it that binds it to the message."""
        now = self.clock.now()
        return add_counter_signature(
            body,
            Receipt(signing.digest(visit.raw), context.message_id),
            signer=self.signers.at(now),
            now=now,
            label=visit.profile.digest_labels[0],
        )

    def _sign(self, visit: _Visit, body: bytes) -> str:
        now = self.clock.now()
        return self.signers.at(now).sign(
            body,
            now=now,
            label=visit.profile.digest_labels[0],
            request_signature=visit.header.signature if visit.header else None,
        )


def _check_form(headers: Mapping[bytes, bytes]) -> None:
    media_type = headers.get(b"content-type", b"application/json").lower()
    if b"json" not in media_type.partition(b";")[0] or b"content-encoding" in headers:
        raise MediaTypeUnsupported(
            "a message is plain JSON", path="header Content-Type", hint="Send application/json, uncompressed."
        )


async def _read_body(headers: Mapping[bytes, bytes], receive: Receive, *, limit: int) -> bytes:
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(int(declared), limit)
    event = await receive()
    body: bytes = event.get("body", b"")
    if event.get("more_body"):
        parts, size = [body], len(body)
        while event.get("more_body"):
            event = await receive()
            parts.append(event.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise _too_large(size, limit)
        body = b"".join(parts)
    if len(body) > limit:
        raise _too_large(len(body), limit)
    return body


def _too_large(size: int, limit: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"the body has at least {size} bytes, {limit} are taken", path="$", hint="Send less in one message."
    )


def _check_path(visit: _Visit, scope: Scope, taken: Sequence[Action], role: Role) -> None:
    if visit.route.action is not None and scope["method"] == "POST":
        return
    known = ", ".join(
        sorted(
            {
                profile.name_in_path(action)
                for profile in visit.route.profiles
                for action in filter(profile.speaks, taken)
            }
        )
    )
    raise ActionUnknown(
        f"{scope['method']} {scope['path']} is no action of a {role.upper()}",
        path=scope["path"],
        hint=f"POST one of: {known}.",
    )


def _ids(visit: _Visit) -> dict[str, str]:
    context = visit.context
    return {
        "action": visit.route.action.value if visit.route.action else "",
        "sender": _sender(visit),
        "transaction_id": context.transaction_id if context else "",
        "message_id": context.message_id if context else "",
    }


def _sender(visit: _Visit) -> str:
    """Return whose key it is, or who says so as long as nothing is proven."""
    return visit.sender or (visit.header.subscriber_id if visit.header else "")
