"""Documents that come at the same time are taken together: one unit of work for all that wait.

While one group is being kept, the next one gathers; who comes alone waits for nobody.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

import structlog

from kernel.clock import Clock
from metering.consignment import take_consignment
from metering.ingest import IngestResult, OnRecorded
from metering.submission import Submission
from metering.timeliness import DEFAULT_TIME_LIMITS, TimeLimits
from storage.database import is_outage
from storage.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)

_MOST_AT_ONCE: Final = 32

_Waiting = tuple[Submission, "asyncio.Future[IngestResult | None]"]


@dataclass(slots=True, kw_only=True)
class GroupedIntake:
    """Takes documents in, whoever brings them, as many at once as have come."""

    uow_factory: UnitOfWorkFactory
    clock: Clock
    on_recorded: OnRecorded | None = None
    limits: TimeLimits = DEFAULT_TIME_LIMITS
    _waiting: list[_Waiting] = field(default_factory=list, init=False)
    _keeping: asyncio.Task[None] | None = field(default=None, init=False)

    async def take(self, submitted: Submission) -> IngestResult | None:
        """Return what became of a document once it is kept; None if it wants the ordinary way.

        Raises: what the database raises when it cannot be reached.
        """
        future: asyncio.Future[IngestResult | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((submitted, future))
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep(), name="readings")
        return await future

    async def _keep(self) -> None:
        try:
            while self._waiting:
                group = self._waiting[:_MOST_AT_ONCE]
                del self._waiting[:_MOST_AT_ONCE]
                await self._keep_group(group)
        finally:
            self._keeping = None
            for _, future in self._waiting:  # only if this task is ended from outside
                future.cancel()
            self._waiting.clear()

    async def _keep_group(self, group: list[_Waiting]) -> None:
        results: list[IngestResult | None]
        try:
            results = await self._together([submitted for submitted, _ in group])
        except asyncio.CancelledError:
            for _, future in group:
                future.cancel()
            raise
        except Exception as error:
            if is_outage(error):
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
                return
            log.exception("readings.group_failed", documents=len(group))
            results = [None] * len(group)  # what one of them did must not fall on the others
        for (_, future), result in zip(group, results, strict=True):
            if not future.done():  # whoever sent it has gone, and will send it again
                future.set_result(result)

    async def _together(self, submitted: list[Submission]) -> list[IngestResult | None]:
        now = self.clock.now()
        async with self.uow_factory() as uow:
            results = await take_consignment(submitted, uow=uow, now=now, limits=self.limits)
            taken = [result for result in results if result is not None]
            if taken and self.on_recorded is not None:
                await self.on_recorded(uow, taken, now)
        return results
