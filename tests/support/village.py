"""A registry, and whoever lives beside it: peers that are only simulated, and whole participants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kernel.clock import Clock, SystemClock
from protocol.actions import Role
from protocol.profile import V2_RC, Profile
from storage.database import Database
from tests.support.loopback_server import LoopbackServer
from tests.support.participants import (
    RunningParticipant,
    RunningRegistry,
    running_participant,
    running_registry,
    stop_all,
)
from tests.support.simulated_peer import SimulatedPeer


@dataclass(frozen=True, slots=True, kw_only=True)
class Village:
    """Where a test lets live whom it needs; all have the same clock, and leave at the same time."""

    database: Database
    folder: Path
    clock: Clock
    registry: RunningRegistry
    stack: AsyncExitStack
    servers: list[LoopbackServer] = field(default_factory=list)

    async def stranger(self, role: Role, subscriber_id: str, *, profile: Profile = V2_RC) -> SimulatedPeer:
        """Let a peer come that the registry has not heard of."""
        peer = SimulatedPeer(role, subscriber_id, clock=self.clock, profile=profile)
        await self.stack.enter_async_context(peer)
        self.servers.append(peer.server)
        return peer

    async def peer(
        self, role: Role, subscriber_id: str, /, *, profile: Profile = V2_RC, **changes: Any
    ) -> SimulatedPeer:
        """Let a peer come, and have it entered with changes to what the registry says of it."""
        peer = await self.stranger(role, subscriber_id, profile=profile)
        await peer.register(self.registry.url, token=self.registry.token, **changes)
        return peer

    async def participant(self, role: Role, subscriber_id: str, **settings: Any) -> RunningParticipant:
        """Let a participant come; the settings are those of `running_participant`."""
        usual: dict[str, Any] = {"database": self.database, "clock": self.clock, "data_dir": self.folder}
        running = await self.stack.enter_async_context(
            running_participant(
                role=role, subscriber_id=subscriber_id, registry=self.registry, **usual | settings
            )
        )
        self.servers.append(running.server)
        return running


@asynccontextmanager
async def running_village(
    database: Database, folder: Path, *, clock: Clock | None = None
) -> AsyncIterator[Village]:
    """Run a registry over `database`, and whoever comes while the block runs."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(running_registry(database, clock=clock))
        village = Village(database=database, folder=folder, clock=clock, registry=registry, stack=stack)
        yield village
        await stop_all(registry.server, *village.servers)
