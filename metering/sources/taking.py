"""Taking in what a source found: plain news together, any other batch in a unit of work of its own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from kernel.clock import Clock
from kernel.errors import NodeError
from metering.consignment import take_consignment
from metering.ingest import IngestResult, OnRecorded, record_submission
from metering.kept_bytes import KeptBytes
from metering.sources.opening import READ_ERRORS
from metering.sources.ports import Batch, Found, Reject, SourceUnreadable
from metering.submission import Submission
from metering.timeliness import DEFAULT_TIME_LIMITS, TimeLimits
from storage.database import DATABASE_ERRORS, is_outage
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

Taken = IngestResult | Reject
"""What became of a part of a file."""

OPERATOR: Final = "operator"
"""Who new meters belong to, if it is not said."""
_MOST_AT_ONCE: Final = 512
_MOST_READINGS_AT_ONCE: Final = 50_000
_MOST_BYTES_AT_ONCE: Final = 32_000_000


@dataclass(slots=True)
class Tally:
    """What became of a file so far. `rejected` counts parts of the file, the others readings."""

    documents: int = 0
    accepted: int = 0
    duplicates: int = 0
    revised: int = 0
    quarantined: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def count(self, outcome: Taken) -> None:
        """Count in one more batch, or one more part that was not taken."""
        if isinstance(outcome, Reject):
            self.rejected += 1
            self.reasons[outcome.code] += 1
            return
        accepted, revised, quarantined = outcome.accepted, outcome.revised, outcome.quarantined
        self.documents += 1
        self.accepted += accepted
        self.revised += revised
        self.quarantined += len(quarantined)
        self.duplicates += outcome.readings - accepted - revised - len(quarantined)
        self.reasons.update(item.doubt.reason.value for item in quarantined)


def in_groups(found: Iterable[Found]) -> Iterator[list[Found]]:
    """Yield what a source found, as much at a time as one unit of work is to keep.

    What was found before the source broke off is yielded before that is raised.
    """
    group: list[Found] = []
    readings = size = 0
    broken: Exception | None = None
    try:
        for each in found:
            group.append(_with_kept_bytes(each))
            readings += each.document.count if isinstance(each, Batch) else 0
            size += len(each.body if isinstance(each, Batch) else each.raw)
            full = readings >= _MOST_READINGS_AT_ONCE or size >= _MOST_BYTES_AT_ONCE
            if len(group) >= _MOST_AT_ONCE or full:
                yield group
                group, readings, size = [], 0, 0
    except (SourceUnreadable, *READ_ERRORS) as error:
        broken = error
    if group:
        yield group
    if broken is not None:
        raise broken


def _with_kept_bytes(found: Found) -> Found:
    return replace(found, kept=KeptBytes.of(found.raw)) if isinstance(found, Batch) else found


async def groups_ahead(found: Iterable[Found]) -> AsyncGenerator[list[Found]]:
    """Yield the groups of `in_groups`, each found in a thread while the one before it is taken in.

    Close it when it is not read to its end: nothing of the file is read then any more.
    """
    groups = in_groups(found)
    ahead = _next_of(groups)
    try:
        while (group := await asyncio.shield(ahead)) is not None:
            ahead = _next_of(groups)
            yield group
    finally:
        await asyncio.wait([ahead])
        if not ahead.cancelled():
            ahead.exception()  # it was raised already, or nobody waits for it any more


def _next_of(groups: Iterator[list[Found]]) -> asyncio.Task[list[Found] | None]:
    return asyncio.ensure_future(asyncio.to_thread(next, groups, None))


class ImportInterrupted(NodeError):
    """The database went away in the middle of an import."""

    code, http_status, retryable = "METER_IMPORT_INTERRUPTED", 503, True


class _OnlyTried(Exception):
    """Ends a unit of work whose outcome is wanted, but nothing of it kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """Takes in what sources find, each unit of work at its time; with `only_try`, nothing of it is kept."""

    uow_factory: UnitOfWorkFactory
    clock: Clock
    on_taken: OnRecorded
    sender: str = OPERATOR
    limits: TimeLimits = DEFAULT_TIME_LIMITS
    only_try: bool = False

    async def take_all(self, group: Sequence[Found]) -> list[Taken]:
        """Return what became of each of a group, in its order. Raises: ImportInterrupted.

        Of a meter that is new, the first document is taken by itself, and what is plain behind it together.
        """
        taken: dict[int, Taken] = {}
        if not self.only_try:
            taken |= await self._take_together(group, range(len(group)))
            firsts = _first_of_each_meter(group, without=taken)
            for place in firsts:
                taken[place] = await self.take(group[place])
            left = [place for place in range(len(group)) if place not in taken]
            if any(_is_new(taken[place]) for place in firsts):
                taken |= await self._take_together(group, left)
        for place, found in enumerate(group):
            if place not in taken:
                taken[place] = await self.take(found)
        return [taken[place] for place in range(len(group))]

    async def _take_together(self, group: Sequence[Found], places: Iterable[int]) -> dict[int, IngestResult]:
        """Take in what is plainly news, in one unit of work; return it by its place in the group."""
        batches = {place: found for place in places if isinstance(found := group[place], Batch)}
        submitted = [self._submission(batch) for batch in batches.values()]
        if not submitted:
            return {}
        now = self.clock.now()
        try:
            async with self.uow_factory.plain() as uow:
                results = await take_consignment(submitted, transaction=uow, now=now, limits=self.limits)
                if taken := [result for result in results if result is not None]:
                    await self.on_taken(uow, taken, now)
        except DATABASE_ERRORS as error:
            if not is_outage(error):
                return {}  # what is wrong with one of them is told of that one
            raise _interrupted(group[0]) from error
        return {place: result for place, result in zip(batches, results, strict=True) if result is not None}

    async def take(self, found: Found) -> Taken:
        """Return what became of a batch, or why it was not taken. Raises: ImportInterrupted."""
        if isinstance(found, Reject):
            return found
        result: IngestResult | None = None
        now = self.clock.now()
        with suppress(_OnlyTried):
            try:
                async with self.uow_factory() as uow:
                    submitted = self._submission(found)
                    result = await record_submission(submitted, uow=uow, now=now, limits=self.limits)
                    await self._end(uow, result, now)
            except NodeError as error:
                if error.retryable:  # that is no fault of the batch
                    raise
                return found.rejected(error.code, str(error))
            except DATABASE_ERRORS as error:
                if not is_outage(error):
                    raise
                raise _interrupted(found) from error
        if result is None:  # pragma: no cover  a batch was taken, or an error raised
            raise RuntimeError(found.place)
        return result

    def _submission(self, batch: Batch) -> Submission:
        """Return a batch as handed in by an operator; meters that are new become `sender`'s."""
        return Submission(
            document=batch.document,
            raw=batch.raw,
            kept=batch.kept,
            sender=self.sender,
            speaks_for_all=True,
        )

    async def _end(self, uow: UnitOfWork, result: IngestResult, now: datetime) -> None:
        if self.only_try:
            raise _OnlyTried
        await self.on_taken(uow, [result], now)


def _interrupted(found: Found) -> ImportInterrupted:
    return ImportInterrupted(
        "the database cannot be reached",
        path=found.place,
        hint="Run the same command again: what was taken is not taken twice.",
    )


def _first_of_each_meter(group: Sequence[Found], *, without: Container[int]) -> list[int]:
    """Return the place of each meter's first batch that is not among those `without`."""
    firsts: dict[str, int] = {}
    for place, found in enumerate(group):
        if isinstance(found, Batch) and place not in without:
            firsts.setdefault(found.document.mrid, place)
    return list(firsts.values())


def _is_new(outcome: Taken) -> bool:
    return isinstance(outcome, IngestResult) and outcome.created
