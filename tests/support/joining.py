"""`degnode join` in the test's own process: real databases, a real registry, what stands on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from degnode.join.checklist import Checklist
from degnode.join.flow import Join, JoinRequest
from degnode.join.membership import Membership, open_membership
from degnode.processes import free_port
from kernel.clock import SystemClock
from protocol.actions import Role
from registry_client.subscriber import SubscriberRecord
from tests.support.waiting import eventually

BPP = "bpp.example"
LONG: Final = timedelta(seconds=30)
"""How long a registry is waited for that a busy machine runs, too."""


@dataclass(kw_only=True)
class Candidate:
    """Somebody who wants to join, with a data directory, a database and a screen of its own."""

    data_dir: Path
    database_url: str
    registry_url: str
    subscriber: str = BPP
    role: Role = Role.BPP
    port: int = field(default_factory=free_port)
    screen: StringIO = field(default_factory=StringIO)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def checklist(self) -> Checklist:
        return Checklist(Console(file=self.screen, force_terminal=False, color_system=None))

    def request(self, **changes: Any) -> JoinRequest:
        """Return what is said on the command line the first time."""
        said = JoinRequest(
            data_dir=self.data_dir,
            registry=self.registry_url,
            role=self.role,
            subscriber=self.subscriber,
            url=self.url,
            database_url=self.database_url,
            wait=LONG,
        )
        return replace(said, **changes)

    async def join(self, **changes: Any) -> bool:
        """Run the command; say whether it ended well."""
        return await self.run(self.request(**changes))

    async def join_again(self, **changes: Any) -> bool:
        """Run the command with nothing said but the data directory."""
        short = JoinRequest(data_dir=self.data_dir, database_url=self.database_url, wait=LONG)
        return await self.run(replace(short, **changes))

    async def join_until(self, shown: str, **changes: Any) -> None:
        """Run the command until that is on the screen, and break it off."""

        running = asyncio.create_task(self.join(**changes))

        async def is_shown() -> bool:
            if running.done() and shown not in self.said():
                raise AssertionError(f"it ended without {shown!r}: {running.result()}; {self.said()}")
            return shown in self.said()

        await eventually(is_shown, True)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def run(self, request: JoinRequest) -> bool:
        self.screen.truncate(self.screen.seek(0))
        return await Join(request=request, checklist=self.checklist, clock=SystemClock()).run()

    def steps(self) -> list[tuple[str, str]]:
        """Return the mark and the name of every step on the screen."""
        lines = (line.split() for line in self.screen.getvalue().splitlines() if line.startswith("  "))
        return [(words[0], words[1]) for words in lines if words[0] in "✓!✗"]

    def said(self) -> str:
        return self.screen.getvalue()

    @asynccontextmanager
    async def member(self) -> AsyncIterator[Membership]:
        """Open it as `degnode network` does."""
        async with open_membership(
            self.data_dir, role=None, database_url=self.database_url, clock=SystemClock()
        ) as membership:
            yield membership

    async def entries(self) -> dict[str, SubscriberRecord]:
        """Return what peers find of it, by key."""
        async with self.member() as membership:
            return {each.key_id: each for each in await membership.registrar.records(self.subscriber)}
