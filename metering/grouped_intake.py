"""Documents that come at the same time are taken together: one unit of work for several that wait.

Two groups are kept at a time, so that one is prepared here while the database keeps the other; who comes
alone waits for nobody.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from math import ceil
from typing import Final, cast

import structlog

from kernel.clock import Clock
from metering.consignment import take_consignment
from metering.documents import MirrorUsagePoint
from metering.ingest import IngestResult, OnRecorded
from metering.submission import Submission
from metering.timeliness import DEFAULT_TIME_LIMITS, TimeLimits
from storage.database import is_outage
from storage.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)

_MOST_AT_ONCE: Final = 32
_GROUPS_AT_ONCE: Final = 2
_TURNS: Final = 6
"""Of the event loop: in so many, what has arrived already is read, and comes along."""

_Meter = str | int
_Waiting = tuple[Submission, "asyncio.Future[IngestResult | None]"]


@dataclass(slots=True, kw_only=True)
class GroupedIntake:
    """Takes documents in, whoever brings them, as many at once as have come."""

    uow_factory: UnitOfWorkFactory
    clock: Clock
    on_recorded: OnRecorded | None = None
    limits: TimeLimits = DEFAULT_TIME_LIMITS
    _waiting: list[_Waiting] = field(default_factory=list, init=False)
    _keepers: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _under_way: list[set[_Meter]] = field(default_factory=list, init=False)

    async def take(self, submitted: Submission) -> IngestResult | None:
        """Return what became of a document once it is kept; None if it wants the ordinary way.

        Raises: what the database raises when it cannot be reached.
        """
        future: asyncio.Future[IngestResult | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((submitted, future))
        self._see_to_it()
        return await future

    def _see_to_it(self) -> None:
        """Have somebody look at what waits, if somebody is free."""
        if self._waiting and len(self._keepers) < _GROUPS_AT_ONCE:
            self._keepers.add(asyncio.create_task(self._keep(), name="readings"))

    async def _keep(self) -> None:
        try:
            while self._waiting:
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
                group = self._next_group()
                if not group:  # all that wait have to wait for another group
                    return
                meters = {_meter_of(submitted) for submitted, _ in group}
                self._under_way.append(meters)
                self._see_to_it()
                try:
                    await self._keep_group(group)
                finally:
                    self._under_way.remove(meters)
        except asyncio.CancelledError:  # only from outside
            for _, future in self._waiting:
                future.cancel()
            self._waiting.clear()
            raise
        finally:  # at once: whoever comes in this very turn of the loop needs another one
            self._keepers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _next_group(self) -> list[_Waiting]:
        """Take what one group gets of all that wait: a fair share, if there is room for others.

        What is of one meter is taken in its order: by one group, and not while another has some of it.
        """
        share = min(ceil(len(self._waiting) / (_GROUPS_AT_ONCE - len(self._under_way))), _MOST_AT_ONCE)
        busy = set[_Meter]().union(*self._under_way)
        group: list[_Waiting] = []
        left: list[_Waiting] = []
        of_group: set[_Meter] = set()
        for each in self._waiting:
            meter = _meter_of(each[0])
            has_room = len(group) < share or (meter in of_group and len(group) < _MOST_AT_ONCE)
            if meter in busy or not has_room:
                busy.add(meter)  # those behind it wait, too
                left.append(each)
            else:
                of_group.add(meter)
                group.append(each)
        self._waiting = left
        return group

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
        async with self.uow_factory.plain() as uow:
            results = await take_consignment(submitted, transaction=uow, now=now, limits=self.limits)
            taken = [result for result in results if result is not None]
            if taken and self.on_recorded is not None:
                await self.on_recorded(uow, taken, now)
        return results


def _meter_of(submitted: Submission) -> _Meter:
    """Return which meter a document is about: its mRID, or its number here."""
    document = submitted.document
    return document.mrid if isinstance(document, MirrorUsagePoint) else submitted.usage_point or 0
