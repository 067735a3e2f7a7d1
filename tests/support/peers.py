"""How peers are doing, as tests ask for it."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.peers import PeerHealth, list_peers


async def unhealthy_peers(connection: AsyncConnection) -> list[PeerHealth]:
    """Return the peers whose last delivery failed."""
    return [peer for peer in await list_peers(connection) if peer.failures]
