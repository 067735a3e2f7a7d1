"""Carrying commands out: claim, tell the station with nothing locked, record the outcome and pass it on.

A station that cannot be reached is asked again until the patience for the command is over: a start that
comes late surprises everybody, a stop is worth waiting for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from kernel.clock import Clock
from stations.command_store import ClaimedCommand, CommandStore
from stations.limits import note_limit
from stations.port import Acceptance, CommandResult, OnCommandResult, StationPort, Verb
from storage.backoff import Backoff
from storage.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)

PATIENCE: Final[Mapping[Verb, timedelta]] = {
    Verb.START: timedelta(seconds=30),
    Verb.RESERVE: timedelta(seconds=30),
    Verb.STOP: timedelta(days=1),
    Verb.RELEASE: timedelta(days=1),
    Verb.LIMIT: timedelta(minutes=10),  # once it is there again it is told anew
    Verb.LIFT: timedelta(days=1),
    Verb.UNLOCK: timedelta(seconds=30),
}
"""How long a station is asked that does not answer."""

_TOO_LATE: Final = CommandResult(acceptance=Acceptance.UNREACHABLE, why="it was too late for it")
_LEASE: Final = timedelta(minutes=2)
"""Longer than any answer of a port takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDesk:
    """Carries out what is due, one command a step; `holder` is the process that it runs in."""

    port: StationPort
    holder: str
    uow_factory: UnitOfWorkFactory
    clock: Clock
    on_result: OnCommandResult
    backoff: Backoff = field(default_factory=lambda: Backoff(longest=timedelta(minutes=1)))

    async def step(self) -> bool:
        """Carry out the command that is due longest; say whether there was one."""
        now = self.clock.now()
        async with self.uow_factory() as uow:
            claimed = await CommandStore(uow.connection).claim(
                holder=self.holder, now=now, until=now + _LEASE
            )
        if claimed is None:
            return False
        result = _TOO_LATE if now >= _lapses_at(claimed) else await self._carried_out(claimed)
        await self._record(claimed, result, now=self.clock.now())
        return True

    async def _carried_out(self, claimed: ClaimedCommand) -> CommandResult:
        try:
            return await self.port.carry_out(claimed.command)
        except Exception as error:
            log.exception("station.command_failed", command=claimed.command.id)
            return CommandResult(
                acceptance=Acceptance.UNREACHABLE, why=f"the station's adapter failed: {error}"
            )

    async def _record(self, claimed: ClaimedCommand, result: CommandResult, *, now: datetime) -> None:
        command = claimed.command
        due_at = now + self.backoff.after(claimed.attempt)
        async with self.uow_factory() as uow:
            store = CommandStore(uow.connection)
            if result.acceptance is Acceptance.UNREACHABLE and due_at < _lapses_at(claimed):
                await store.put_off(claimed, due_at=due_at, why=result.why)
                return
            if not await store.finish(claimed, result, now=now):
                return  # whoever took it over tells of it
            await note_limit(command, result, uow, now=now)
            await self.on_result(uow, command, result, now)
        log.info(
            "station.command_done",
            command=command.id,
            verb=command.verb.value,
            connector=command.connector_id,
            acceptance=result.acceptance.value,
        )


def _lapses_at(claimed: ClaimedCommand) -> datetime:
    return claimed.put_at + PATIENCE[claimed.command.verb]
