"""The gateway of a v1.1 network: searches to all sellers, catalogues back to who asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog
from pydantic import Field, PositiveInt, field_validator

from degnode.roles.configuration import load_settings
from degnode.roles.participant import RoleParts, run_participant
from gateway.admission import GatewayAdmission
from gateway.passing_on import PassingOn
from gateway.sellers import Sellers
from node.correspondence import Peer
from node.runtime import Foundation
from node.settings import Duration, RegistryKind, Settings
from node.worker import Worker
from protocol.actions import Role
from protocol.profile import V1_1
from registry_client.subscriber import SubscriberRole

log = structlog.get_logger(__name__)

_LAPSED_EVERY: Final = timedelta(seconds=1)


class GatewaySettings(Settings):
    """The settings of a gateway. It speaks v1.1 only: later generations have no gateways."""

    concurrency: PositiveInt = Field(128, description="Messages handled, and delivered, at a time.")
    per_peer: PositiveInt | None = Field(4, description="Of these, to one peer.")
    sellers_cache: Duration = Field(
        timedelta(seconds=30), description="How long it is remembered who sells in a domain and place."
    )

    @field_validator("registry_kind")
    @classmethod
    def _can_be_searched(cls, kind: RegistryKind) -> RegistryKind:
        if kind is RegistryKind.DEDI:
            raise ValueError("a gateway must find all sellers, and dedi finds by name only")
        return kind


async def run() -> None:
    """Run the gateway until its process is told to stop."""
    settings = load_settings(GatewaySettings, wires=(V1_1.name,), wire=V1_1.name)

    async def build(foundation: Foundation) -> RoleParts:
        return gateway_parts(foundation, sellers_cache=settings.sellers_cache)

    await run_participant(Role.BG, settings, build)


def gateway_parts(foundation: Foundation, *, sellers_cache: timedelta) -> RoleParts:
    """Return what the role consists of."""
    keyring, uow_factory, clock = foundation.keyring, foundation.uow_factory, foundation.clock

    async def find_buyer(subscriber_id: str) -> Peer:
        url = await keyring.endpoint_of(subscriber_id, SubscriberRole.BAP)
        return Peer(subscriber_id=subscriber_id, url=url)

    async def drop_lapsed() -> bool:
        async with uow_factory() as uow:
            dropped = await uow.outbox.drop_lapsed(now=clock.now())
        if dropped:
            log.info("gateway.lapsed", messages=dropped)
        return False

    passing_on = PassingOn(
        sellers=Sellers(keyring, clock=clock, keep_for=sellers_cache, grace=foundation.settings.key_grace),
        find_buyer=find_buyer,
        check_receiver=foundation.access.gate.check_receiver,
    )
    return RoleParts(
        title=f"degnode gateway {foundation.settings.subscriber_id}",
        description="Passes searches on to every seller's platform of a domain, and catalogues back.",
        handlers={},
        preparations=passing_on.preparations(),
        routers=(),
        workers=(Worker("lapsed", drop_lapsed, poll_interval=_LAPSED_EVERY),),
        admission=GatewayAdmission(uow_factory=uow_factory),
    )
