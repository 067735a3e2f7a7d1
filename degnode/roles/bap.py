"""The buyer's platform: an HTTP API for consumers' apps over signed Beckn."""

from __future__ import annotations

from functools import partial

from pydantic import Field

from bap.admission import Admission
from bap.api import buyer_router
from bap.bindings import bind
from bap.buyer import Buyer, put_call
from bap.events import EventHub
from bap.gateway_finder import GatewayFinder
from bap.handlers import record_undeliverable
from bap.market.api import market_router
from bap.market.desk import FindSellers, MarketDesk
from bap.market.news import MarketNews
from bap.market.webhook_api import WebhookDesk
from bap.market.webhook_post import WebhookPost
from bap.market.webhooks import WEBHOOKS_CHANNEL
from degnode.roles.configuration import load_settings
from degnode.roles.participant import RoleParts, run_participant
from node.correspondence import Peer
from node.runtime import Foundation
from node.settings import Settings
from node.transport import Transport
from node.worker import Worker
from protocol.actions import Role
from registry_client.ports import Wanted
from registry_client.subscriber import SubscriberRole


class BuyerSettings(Settings):
    """The settings of a buyer's platform."""

    gateway: str | None = Field(
        None,
        description="The gateway that a v1_1 discover without bpp_id goes through, by its subscriber id; "
        "if it is not set, the first that the registry has for the domain.",
    )
    discovery: str | None = Field(
        None,
        description="The discovery service that a discover without bpp_id goes to, by its subscriber id.",
    )


async def run() -> None:
    """Run the buyer's platform until its process is told to stop."""
    settings = load_settings(BuyerSettings)

    async def build(foundation: Foundation) -> RoleParts:
        return buyer_parts(foundation, gateway=settings.gateway, discovery=settings.discovery)

    await run_participant(Role.BAP, settings, build)


def buyer_parts(
    foundation: Foundation, *, gateway: str | None = None, discovery: str | None = None
) -> RoleParts:
    """Return what the role consists of."""
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
        check_receiver=foundation.access.gate.check_receiver,
        discovery=discovery,
        find_gateway=GatewayFinder(
            keyring=foundation.keyring,
            clock=foundation.clock,
            domain=foundation.settings.domain,
            named=gateway,
            keep_for=foundation.settings.key_cache,
        ),
    )
    desk = MarketDesk(buyer=buyer, find_sellers=_sellers_of(foundation))
    news = MarketNews(buyer=buyer)
    settings, key_manager = foundation.settings, foundation.signers.key_manager
    webhooks = WebhookDesk(desk=desk, key_manager=key_manager, reach=settings.reaching)
    post = WebhookPost(
        uow_factory=foundation.uow_factory,
        clock=foundation.clock,
        key_manager=key_manager,
        open_transport=lambda: Transport(
            timeout=settings.delivery_timeout, reach=settings.reaching, clock=foundation.clock
        ),
    )
    posting = Worker("webhooks", post.step, poll_interval=settings.poll_interval)
    foundation.listener.on(WEBHOOKS_CHANNEL, posting.wake)
    return RoleParts(
        title=f"degnode BAP {foundation.settings.subscriber_id}",
        description="Buys energy over Beckn for consumers' apps, and shows contracts, deliveries and bills.",
        handlers=bind(news.arrived),
        routers=(foundation.adapter(put_call).router(), market_router(desk, webhooks), buyer_router(buyer)),
        on_undeliverable=partial(record_undeliverable, on_undelivered=news.undeliverable),
        admission=Admission(uow_factory=foundation.uow_factory),
        workers=(posting,),
        on_stop=hub.close,
    )


def _sellers_of(foundation: Foundation) -> FindSellers:
    """Return what finds the sellers' platforms of this node's domain."""
    wanted = Wanted(role=SubscriberRole.BPP, domain=foundation.settings.domain)

    async def find() -> list[str]:
        return sorted({record.subscriber_id for record in await foundation.keyring.find(wanted)})

    return find
