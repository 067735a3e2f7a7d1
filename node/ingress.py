"""The way in: from the socket to the inbox, as one list of steps.

A bare ASGI application, because this is the hot path: every message of every peer goes through it.
A message is acknowledged only when it is on disk; whatever is wrong with it is answered with a NACK
that says where, why and what to do, and leaves no row behind.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import orjson
import structlog

from kernel.clock import Clock
from kernel.errors import NodeError
from node.authentication import Authentication
from node.cascade import NO_CASCADE, Cascade
from node.gateways import GatewayCheck, check_only_gateway
from node.message_body import Receive, check_form, read_message
from node.neighbours import check_neighbour
from node.peer_gate import PeerGate
from node.peer_pins import PeerPins
from node.rate_limit import PeerRates
from node.routing import Route, profiles_below, routes_of
from node.signed_answer import Answerer, Send
from node.telemetry import Metrics, stopwatch
from node.visit import Visit
from protocol import checks
from protocol.actions import Action, Role
from protocol.answers import write_answer
from protocol.context import Context, name_sides, read_context
from protocol.detection import detect
from protocol.document import parse_document
from protocol.errors import (
    ActionUnknown,
    GatewaySignatureInvalid,
    MessageIdReused,
    Unanticipated,
    WireError,
)
from protocol.profile import Profile
from protocol.rulebook import Rulebook
from protocol.signing import Signers
from registry_client.reach import Reach
from registry_client.subscriber import SubscriberRecord
from storage.inbox_writer import Acceptance, Arrival, InboxWriter

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]


class Admission(Protocol):
    """Refuses a good message that its role does not take: an answer that nobody asked for, and the like."""

    async def __call__(
        self, action: Action, context: Context, sender: str, profile: Profile, raw: bytes, /
    ) -> None: ...


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
    answerer: Answerer = field(init=False)

    def __post_init__(self) -> None:
        answerer = Answerer(subscriber_id=self.subscriber_id, signers=self.signers, clock=self.clock)
        object.__setattr__(self, "answerer", answerer)
        routes = routes_of(self.role, self.profiles, cascade=self.cascade)
        object.__setattr__(self, "routes", routes)

    def takes(self, path: str) -> bool:
        """Say whether `path` belongs to the protocol, be the action known or not."""
        return path in self.routes or bool(profiles_below(path, self.role, self.profiles))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = stopwatch()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        visit = self._open(scope["path"])
        try:
            _check_path(visit, scope, self.cascade.taken_by(self.role), self.role)
            body, status = await self._admit(visit, headers, receive), 200
        except NodeError as error:
            visit.gateway_failed = isinstance(error, GatewaySignatureInvalid)
            visit.retry_after = error.retry_after
            body, status = self._refuse(visit, error), error.http_status
        except Exception:
            log.exception("ingress.broken", path=scope["path"])
            unanticipated = Unanticipated("this node failed on the message", hint="Send it again later.")
            body, status = self._refuse(visit, unanticipated), unanticipated.http_status
        await self.answerer.send(visit, body, status, send)
        self.metrics.receive_seconds.observe(stopwatch() - started)

    def _open(self, path: str) -> Visit:
        """Return what is known of a message by its path alone."""
        route = self.routes.get(path)
        if route is None:
            route = Route(None, profiles_below(path, self.role, self.profiles) or self.profiles)
        return Visit(route, route.profiles[0])

    async def _admit(self, visit: Visit, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Check the message step by step, store it, and return the ACK."""
        check_form(headers)
        visit.raw = await read_message(headers, receive, limit=self.max_body_bytes)
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
        visit: Visit,
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

    def _acknowledge(self, visit: Visit, context: Context, acceptance: Acceptance) -> bytes:
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
            log.debug("message.accepted", **visit.ids, key=key, repeat=acceptance.is_repeat)
        return orjson.dumps(
            write_answer(
                visit.profile.ack,
                transaction_id=context.transaction_id,
                message_id=context.message_id,
                at=acceptance.first_received_at,
            )
        )

    def _refuse(self, visit: Visit, error: NodeError) -> bytes:
        """Return the NACK that tells `error`."""
        self.metrics.refused.labels(error.code).inc()
        if visit.context is None:
            self._glance(visit)
        context = visit.context
        log.info("message.refused", **visit.ids, code=error.code, reason=error.message, at=error.path)
        return orjson.dumps(
            write_answer(
                visit.profile.ack,
                transaction_id=context.transaction_id if context else "",
                message_id=context.message_id if context else "",
                at=self.clock.now(),
                error=WireError.of(error),
            )
        )

    def _glance(self, visit: Visit) -> None:
        """Read of a refused message what can be read, so that the NACK is on its wire and names it."""
        if not visit.raw:
            return
        try:
            document = parse_document(visit.raw)
            visit.profile = self.pins.adapt(detect(document, visit.route.profiles), visit.claimant)
            visit.context = read_context(document, visit.profile)
        except NodeError:
            return


def _check_path(visit: Visit, scope: Scope, taken: Sequence[Action], role: Role) -> None:
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
