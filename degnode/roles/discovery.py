"""The discovery service: what sellers publish is kept, and told to buyers who look for it."""

from __future__ import annotations

from degnode.roles.browser_search import service_search
from degnode.roles.configuration import load_settings
from degnode.roles.participant import RoleParts, run_participant
from degnode.roles.search_settings import SearchSettings
from discovery.catalogue_api import catalogue_router
from discovery.service import DiscoveryService
from node.runtime import Foundation
from protocol.actions import Role


class DiscoverySettings(SearchSettings):
    """The settings of a discovery service."""


async def run() -> None:
    """Run the discovery service until its process is told to stop."""
    settings = load_settings(DiscoverySettings)

    async def build(foundation: Foundation) -> RoleParts:
        return discovery_parts(foundation, settings)

    await run_participant(Role.CDS, settings, build)


def discovery_parts(foundation: Foundation, settings: DiscoverySettings) -> RoleParts:
    """Return what the role consists of."""
    service = DiscoveryService(most_found=settings.search_results)
    return RoleParts(
        title=f"degnode discovery service {foundation.settings.subscriber_id}",
        description="Keeps the catalogues that sellers' platforms publish, and tells buyers what fits.",
        handlers=service.handlers(),
        preparations=service.preparations(foundation.uow_factory, foundation.clock),
        routers=(
            catalogue_router(uow_factory=foundation.uow_factory),
            *service_search(settings, service, foundation),
        ),
    )
