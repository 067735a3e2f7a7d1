"""A seller's node at its door: it takes messages but handles none, and a buyer that writes to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

from kernel.clock import ManualClock
from protocol.actions import Action, Role
from protocol.signing import FOUR_LINES, THREE_LINES, parse_header
from storage.database import Database
from storage.outbox import Outgoing
from tests.support.participants import RunningParticipant, RunningRegistry
from tests.support.rc_examples import example
from tests.support.simulated_peer import SimulatedPeer
from tests.support.village import running_village

NOW: Final = datetime(2026, 6, 11, 18, tzinfo=UTC)
LIMIT: Final = 60_000  # bytes
BAP_ID, BPP_ID = "bap.bakery.example", "bpp.sunfield.example"
CONFIRM: Final = example("confirm")["message"]

Rows = list[asyncpg.Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A BPP that takes messages but handles none, a BAP to write to it, and the registry."""

    bpp: RunningParticipant
    buyer: SimulatedPeer
    stranger: SimulatedPeer
    registry: RunningRegistry
    database: Database
    clock: ManualClock

    def confirm(self, **context: Any) -> Outgoing:
        return self.buyer.write(Action.CONFIRM, CONFIRM, to=self.bpp.address, context=context)

    async def rows(self) -> tuple[Rows, Rows]:
        """Return all that the inbox and the outbox hold."""
        connection = await self.database.raw_connection()
        try:
            return await connection.fetch("TABLE inbox"), await connection.fetch("TABLE outbox")
        finally:
            await connection.close()


@asynccontextmanager
async def seller_at_the_door(database: Database, data_dir: Path) -> AsyncIterator[World]:
    """Run a BPP without workers; all clocks stand still."""
    clock = ManualClock(NOW)
    async with running_village(database, data_dir, clock=clock) as village:
        yield World(
            buyer=await village.peer(Role.BAP, BAP_ID),
            stranger=await village.stranger(Role.BAP, "nobody.example"),
            bpp=await village.participant(Role.BPP, BPP_ID, workers=False, max_body_bytes=LIMIT),
            registry=village.registry,
            database=database,
            clock=clock,
        )


def check_sentence(answer: Mapping[str, Any], *, path: str | None) -> None:
    """Check that a NACK has the RC shape and says what is wrong, and where."""
    assert set(answer) == {"transaction_id", "timestamp", "ack_status", "error"}
    assert answer["ack_status"] == "NACK"
    assert len(answer["error"]["message"].split()) >= 3
    if path is not None:
        assert answer["error"]["details"]["path"].startswith(path)


def check_signature(world: World, response: httpx.Response, *, signed: bool) -> None:
    """Check that the answer is the BPP's own, bound to the request if that was signed."""
    header = parse_header(response.headers["Signature"])
    assert (header.subscriber_id, header.headers) == (BPP_ID, FOUR_LINES if signed else THREE_LINES)
    if not signed:
        response.request.headers.pop("Authorization", None)
    world.buyer.check_signature_of(response, of=world.bpp.signer)
