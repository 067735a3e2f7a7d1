"""Callbacks that the seller's own software has written: they bind to the requests that they answer."""

from __future__ import annotations

from dataclasses import replace

from bpp.publishing.publications import Publications, Scope, Sent
from node.adapter import Put
from node.correspondence import Peer
from node.peer_pins import PeerPins
from protocol.actions import REQUEST_OF, Action
from protocol.profile import PROFILES
from protocol.request_binding import fourth_line
from storage.inbox import Inbox
from storage.outbox import Outgoing
from storage.unit_of_work import UnitOfWork


def callback_putter(pins: PeerPins) -> Put:
    """Return what puts a callback, or a publication, into the outbox.

    A callback binds to the request of the same message id, if there was one, as its generation and the
    peer's pin want it. The answer to a search that came through a gateway goes through it, too.
    """

    async def put(uow: UnitOfWork, outgoing: Outgoing, to: Peer, requested_by: str) -> None:
        asked = REQUEST_OF.get(Action(outgoing.action))
        if asked is None:
            await _publish(uow, outgoing, requested_by)
            return
        inbox, profile = Inbox(uow.connection), PROFILES[outgoing.profile]
        request = {
            "message_id": outgoing.message_id,
            "action": asked,
            "sender": to.subscriber_id,
        }
        authorization = await inbox.find_authorization(**request)
        binding = pins.adapt(profile, to.subscriber_id).binding
        line = None if authorization is None else fourth_line(authorization, binding)
        callback = replace(outgoing, request_signature=line)
        if outgoing.action == Action.ON_DISCOVER and (gateway := await inbox.find_gateway(**request)):
            name, url = gateway
            callback = replace(callback, peer=name, url=profile.url_of(Action.ON_DISCOVER, url))
        await uow.outbox.put(callback)

    return put


async def _publish(uow: UnitOfWork, outgoing: Outgoing, requested_by: str) -> None:
    """Send a publication, and await its answer."""
    sent = Sent(
        message_id=outgoing.message_id,
        peer=outgoing.peer,
        profile=outgoing.profile,
        version=None,
        scope=Scope.UNKNOWN,
        requested_by=requested_by,
        published_at=outgoing.created_at,
    )
    await Publications(uow.connection).put(sent)
    await uow.outbox.put(outgoing)
