"""A distribution utility: it lets its customers' trades pass within their sanctioned loads."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from bpp.utility.handlers import bind
from bpp.utility.refusals import UtilityAdmission, record_refused
from bpp.utility.register import Utility
from bpp.utility.statement_api import statement_router
from bpp.utility.telling import TellingDesk
from bpp.utility.trade_api import trade_router
from bpp.utility.trades import TradeStore
from bpp.utility.utility_file import load_utility
from degnode.roles.configuration import load_settings
from degnode.roles.participant import RoleParts, run_participant
from node.cascade import Cascade
from node.correspondence import Peer
from node.runtime import Foundation
from node.settings import Settings
from protocol.actions import Role
from registry_client.subscriber import SubscriberRole


class UtilitySettings(Settings):
    """The settings of a utility."""

    utility: Path = Field(description="The YAML file of a utility: its customers, tariffs and approval.")
    hold_for: timedelta = Field(
        timedelta(minutes=15), description="How long a quantity is held between init and confirm."
    )


async def run() -> None:
    """Run the utility until its process is told to stop."""
    settings = load_settings(UtilitySettings)
    utility = load_utility(settings.utility, subscriber_id=settings.subscriber_id, hold_for=settings.hold_for)

    async def build(foundation: Foundation) -> RoleParts:
        return await utility_parts(foundation, utility)

    await run_participant(Role.BPP, settings, build)


async def utility_parts(foundation: Foundation, utility: Utility) -> RoleParts:
    """Return what the role consists of; the meters of its customers are ready to be locked."""
    async with foundation.uow_factory() as uow:
        await TradeStore(uow.connection).open(utility.customers)
    return RoleParts(
        title=f"degnode utility {utility.subscriber_id}",
        description="Lets trades of its customers pass within their sanctioned loads, for a charge.",
        handlers=bind(utility),
        routers=(
            trade_router(uow_factory=foundation.uow_factory),
            statement_router(_telling_desk(foundation, utility), uow_factory=foundation.uow_factory),
        ),
        on_undeliverable=record_refused,
        admission=UtilityAdmission(uow_factory=foundation.uow_factory),
        cascade=Cascade(serves=True),
    )


def _telling_desk(foundation: Foundation, utility: Utility) -> TellingDesk:
    """Return who says things of trades to sellers' platforms."""

    async def find_peer(subscriber_id: str) -> Peer:
        url = await foundation.keyring.endpoint_of(subscriber_id, SubscriberRole.BPP)
        return Peer(subscriber_id=subscriber_id, url=url)

    return TellingDesk(
        utility=utility,
        correspondent=foundation.correspondent,
        uow_factory=foundation.uow_factory,
        clock=foundation.clock,
        find_peer=find_peer,
        wire_for=foundation.wires.of,
    )
