"""The buyer's platform: an HTTP API for consumers' apps over signed Beckn."""

from __future__ import annotations

from bap.admission import Admission
from bap.api import buyer_router
from bap.bindings import bind
from bap.buyer import Buyer, put_call
from bap.events import EventHub
from bap.handlers import record_undeliverable
from degnode.roles.configuration import load_settings
from degnode.roles.participant import RoleParts, run_participant
from node.correspondence import Peer
from node.runtime import Foundation
from node.settings import Settings
from protocol.actions import Role
from registry_client.subscriber import SubscriberRole


async def run() -> None:
    """Run the buyer's platform until its process is told to stop."""
    await run_participant(Role.BAP, load_settings(Settings), _build)


async def _build(foundation: Foundation) -> RoleParts:
    hub = EventHub()
    hub.listen_on(foundation.listener)

    async def find_peer(subscriber_id: str) -> Peer:
        url = await foundation.keyring.endpoint_of(subscriber_id, SubscriberRole.BPP)
        return Peer(subscriber_id=subscriber_id, url=url)

    buyer = Buyer(
        uow_factory=foundation.uow_factory,
        correspondent=foundation.correspondent,
        wires=foundation.wires,
        rulebook=foundation.rulebook,
        find_peer=find_peer,
        hub=hub,
        clock=foundation.clock,
    )
    return RoleParts(
        title=f"degnode BAP {foundation.settings.subscriber_id}",
        description="Buys energy over Beckn for consumers' apps, and shows contracts, deliveries and bills.",
        handlers=bind(),
        routers=(foundation.adapter(put_call).router(), buyer_router(buyer)),
        on_undeliverable=record_undeliverable,
        admit_callback=Admission(uow_factory=foundation.uow_factory),
        on_stop=hub.close,
    )
