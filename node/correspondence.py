"""Writing to peers: requests, the callbacks that answer them, and callbacks on one's own initiative."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import simplejson

from kernel.ids import IdSource, random_id
from node.message import Inbound
from node.peer_pins import PeerPins
from protocol.actions import CALLBACK_OF, Action, Role, sender_side
from protocol.context import Context, read_context, write_context
from protocol.errors import WireError
from protocol.profile import PROFILES, Profile
from protocol.request_binding import fourth_line
from storage.outbox import ClaimedOutgoing, Outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A participant to write to: its subscriber id and its registered URL."""

    subscriber_id: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondent:
    """This node as a writer of messages.

    `request_ttl` is how long a request is worth answering, `callback_ttl` how long a callback
    is worth delivering. `profile` is what is spoken with whom nothing else is known of. `networks`
    are those that its messages belong to, where it is told.
    """

    role: Role
    subscriber_id: str
    url: str
    domain: str
    profile: Profile
    request_ttl: timedelta
    callback_ttl: timedelta
    networks: tuple[str, ...] = ()
    pins: PeerPins = field(default_factory=PeerPins)
    new_id: IdSource = random_id

    def request(
        self,
        action: Action,
        *,
        to: Peer,
        message: Mapping[str, Any],
        transaction_id: str,
        now: datetime,
        profile: Profile | None = None,
    ) -> Outgoing:
        """Return a request to `to` under a new message id."""
        profile = profile or self.profile
        context = self._context(action, profile, to=to, transaction_id=transaction_id, now=now)
        return _seal(action, profile, to=to, context=context, content={"message": message})

    def open_request(
        self,
        action: Action,
        *,
        through: Peer,
        message: Mapping[str, Any],
        transaction_id: str,
        now: datetime,
        profile: Profile,
        location: Mapping[str, Any] | None = None,
    ) -> Outgoing:
        """Return a request to whoever it concerns, to be passed on by the gateway `through`.

        `location` says where, in the words of the context; None for everywhere.
        """
        context = self._context(action, profile, to=through, transaction_id=transaction_id, now=now)
        return _seal(
            action,
            profile,
            to=through,
            context=context._replace(bpp_id="", bpp_uri=""),
            content={"message": message},
            location=location,
        )

    def answer(self, inbound: Inbound, content: Mapping[str, Any] | WireError, *, now: datetime) -> Outgoing:
        """Return the callback to `inbound`: under its message id, bound to its signature.

        What came through a gateway is answered through it.
        """
        callback = self._reply(CALLBACK_OF[inbound.action], inbound, content, now=now)
        binding = self._profile_of(inbound).binding
        return replace(callback, request_signature=fourth_line(inbound.authorization, binding))

    def refuse(self, inbound: Inbound, error: WireError, *, now: datetime) -> Outgoing:
        """Return why a callback that came unasked is not taken: the same callback, under its message id.

        It answers no request, so it is bound to none.
        """
        return self._reply(inbound.action, inbound, error, now=now)

    def _reply(
        self, action: Action, inbound: Inbound, content: Mapping[str, Any] | WireError, *, now: datetime
    ) -> Outgoing:
        """Return the callback that is sent back to where `inbound` came from, under its message id."""
        profile = self._profile_of(inbound)
        to = Peer(subscriber_id=inbound.sender, url=inbound.sender_url)
        context = self._context(
            action, profile, to=to, transaction_id=inbound.transaction_id, now=now
        )._replace(
            message_id=inbound.context.message_id,
            domain=inbound.context.domain,
            version=inbound.context.version,
            network_ids=self._shared_networks(inbound.context.network_ids),
        )
        body = (
            {"error": content.to_wire(profile.error)}
            if isinstance(content, WireError)
            else {"message": content}
        )
        return _seal(action, profile, to=_way_back(inbound) or to, context=context, content=body)

    def _profile_of(self, inbound: Inbound) -> Profile:
        return self.pins.adapt(inbound.profile, inbound.sender)

    def unsolicited(
        self,
        action: Action,
        *,
        to: Peer,
        message: Mapping[str, Any],
        transaction_id: str,
        now: datetime,
        profile: Profile | None = None,
    ) -> Outgoing:
        """Return a callback that nobody asked for, under a new message id."""
        return self.request(
            action, to=to, message=message, transaction_id=transaction_id, now=now, profile=profile
        )

    def _context(
        self, action: Action, profile: Profile, *, to: Peer, transaction_id: str, now: datetime
    ) -> Context:
        me = Peer(subscriber_id=self.subscriber_id, url=self.url)
        bap, bpp = (me, to) if sender_side(action) is Role.BAP else (to, me)
        return Context(
            action=profile.wire_names[action],
            domain=self.domain,
            version=profile.version,
            bap_id=bap.subscriber_id,
            bap_uri=bap.url,
            bpp_id=bpp.subscriber_id,
            bpp_uri=bpp.url,
            transaction_id=transaction_id,
            message_id=str(self.new_id()),
            timestamp=now,
            ttl=self.ttl_of(action),
            network_ids=self.networks,
        )

    def _shared_networks(self, named: tuple[str, ...]) -> tuple[str, ...]:
        """Return of the networks that a request names those that this node is in too."""
        return tuple(name for name in named if name in self.networks) or self.networks or named

    def ttl_of(self, action: Action) -> timedelta:
        """Return how long a message of ours is worth delivering."""
        return self.request_ttl if action in CALLBACK_OF else self.callback_ttl


def _way_back(inbound: Inbound) -> Peer | None:
    """Return the gateway that takes the answer, None if its sender does."""
    if inbound.gateway is None or inbound.gateway_url is None or inbound.action is not Action.DISCOVER:
        return None
    return Peer(subscriber_id=inbound.gateway, url=inbound.gateway_url)


def _seal(
    action: Action,
    profile: Profile,
    *,
    to: Peer,
    context: Context,
    content: Mapping[str, Any],
    location: Mapping[str, Any] | None = None,
) -> Outgoing:
    """Return the message with its final bytes; they are signed when they are sent."""
    place = {"location": location} if location else {}
    document = {"context": write_context(context, profile) | place, **content}
    return Outgoing(
        profile=profile.name,
        action=action,
        peer=to.subscriber_id,
        url=profile.url_of(action, to.url),
        message_id=context.message_id,
        transaction_id=context.transaction_id,
        body=_dump(document),
        created_at=context.timestamp,
        expires_at=context.expires_at or context.timestamp,
        request_signature=None,
    )


def renew(message: ClaimedOutgoing, *, now: datetime, ttl: timedelta) -> ClaimedOutgoing:
    """Return a message that was given up as it can be sent again: the same, but alive from now on.

    If the peer has it after all, it refuses the new one by its message id; nothing happens twice.
    """
    profile = PROFILES[message.profile]
    document = simplejson.loads(message.body, use_decimal=True)
    context = read_context(document, profile)._replace(timestamp=now, ttl=ttl)
    document["context"] |= write_context(context, profile)
    return replace(message, body=_dump(document), expires_at=now + ttl)


def _dump(document: Mapping[str, Any]) -> bytes:
    return simplejson.dumps(document, use_decimal=True, ensure_ascii=False).encode()
