"""What this node knows of its peers: their wire, their clock, and whether they can be reached."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from kernel.clock import format_instant
from node.callers import MayReadNetwork
from node.documentation import refusals
from node.wires import Wires
from storage.peers import PeerHealth, list_peers
from storage.unit_of_work import UnitOfWorkFactory


class PeerView(BaseModel):
    """A peer as it was last heard, and how deliveries to it go."""

    subscriber_id: str
    wire: str = Field(description="What it is written to on: as pinned, as heard, or as is usual here.")
    heard_on: str | None = Field(description="The generation of its last message.")
    heard_at: str | None
    clock_skew_seconds: float | None = Field(
        description="Its clock less ours; positive is ahead. The way of the message counts against it."
    )
    failures: int = Field(description="Failed deliveries in a row.")
    blocked_until: str | None
    last_error: str | None


def peers_router(*, uow_factory: UnitOfWorkFactory, wires: Wires) -> APIRouter:
    """Return the route; it needs an API key."""
    router = APIRouter(prefix="/api/v1", tags=["operation"])

    @router.get("/peers", summary="Every peer that was heard or written to", responses=refusals(401, 503))
    async def peers(_caller: MayReadNetwork) -> list[PeerView]:
        async with uow_factory() as uow:
            known = await list_peers(uow.connection)
        return [_view(peer, wires) for peer in known]

    return router


def _view(peer: PeerHealth, wires: Wires) -> PeerView:
    return PeerView(
        subscriber_id=peer.subscriber_id,
        wire=wires.choose(peer.subscriber_id, heard=peer.profile).name,
        heard_on=peer.profile,
        heard_at=None if peer.heard_at is None else format_instant(peer.heard_at),
        clock_skew_seconds=None if peer.clock_skew is None else peer.clock_skew.total_seconds(),
        failures=peer.failures,
        blocked_until=None if peer.blocked_until is None else format_instant(peer.blocked_until),
        last_error=peer.last_error,
    )
