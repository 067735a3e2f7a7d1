"""An operator's edit of a reading: a document that says who and why; nothing that was known goes away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import format_instant
from kernel.errors import NodeError
from metering.energy import MAX_WATT_HOURS, Direction, Measurement
from metering.ingest import IngestResult
from metering.meter_store import MeterStore
from metering.mrid import canonical_mrid
from metering.quality import MANUALLY_EDITED, words_of
from metering.reading_store import ReadingStore
from metering.vee.document import Statement, record_statements
from metering.vee.gather import seconds_of
from metering.vee.points import Channel, Point, channels_of
from storage.unit_of_work import UnitOfWork

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)


class ReadingNotThere(NodeError):
    """There is nothing to edit."""

    code, http_status, retryable = "METER_READING_NOT_THERE", 404, False


class ReadingAmbiguous(NodeError):
    """Several registers say something of the period, and it was not said which one is meant."""

    code, http_status, retryable = "METER_READING_AMBIGUOUS", 409, False


class EditInvalid(NodeError):
    """An edit says what no reading can say."""

    code, http_status, retryable = "METER_EDIT_INVALID", 422, False


@dataclass(frozen=True, slots=True, kw_only=True)
class EditWish:
    """What is to stand from `start` to `end`, or at one instant for a register's stand, and why.

    Unless it `is_new`, a reading of exactly that time must be there. `register` is an mRID in any
    spelling, for where the direction alone does not say which one is meant.
    """

    point: Point
    direction: Direction
    start: datetime
    end: datetime
    watt_hours: int
    who: str
    why: str
    register: str | None = None
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """What stood before, if anything, and what stands now. Energies in Wh, quality in words."""

    register: str
    before: int | None
    quality_before: tuple[str, ...]
    after: int
    result: IngestResult


async def edit_reading(uow: UnitOfWork, wish: EditWish, *, now: datetime) -> Edited:
    """Put another value in the place of a reading, as its next revision, marked as edited.

    Raises: EditInvalid, ReadingNotThere, ReadingAmbiguous, FinerThanRegister; DecisionRefused, if it would
    contradict something else that is known.
    """
    start, end = _checked(wish)
    await MeterStore(uow.connection).lock_by_id(wish.point.id)  # so that nobody changes what it is about
    channels = await _channels(uow.connection, wish, is_stand=start == end)
    channel, known = await _place(uow.connection, wish, channels, start=start, end=end)
    account = {
        "source": "edit",
        "who": wish.who,
        "why": wish.why,
        "at": now.isoformat(),
        "before": None if known is None else [known.watt_hours, known.quality],
    }
    result = await record_statements(
        uow,
        [Statement(start, end, wish.watt_hours, MANUALLY_EDITED)],
        point=wish.point,
        channel=channel,
        account=account,
        now=now,
    )
    return Edited(
        register=channel.register_mrid,
        before=None if known is None else known.watt_hours,
        quality_before=() if known is None else words_of(known.quality),
        after=wish.watt_hours,
        result=result,
    )


def _checked(wish: EditWish) -> tuple[int, int]:
    if not 0 <= wish.watt_hours <= MAX_WATT_HOURS:
        raise EditInvalid(f"no register counts {wish.watt_hours} Wh", path="watt_hours")
    if not (wish.start >= _FIRST and wish.end <= _LAST):
        raise EditInvalid("no meter counted then", path="start")
    if wish.start.microsecond or wish.end.microsecond:
        raise EditInvalid("readings begin and end at whole seconds", path="start")
    start, end = seconds_of(wish.start), seconds_of(wish.end)
    if end < start:
        raise EditInvalid("it ends before it starts", path="end")
    if not wish.why.strip():
        raise EditInvalid("an edit needs its reason", path="why", hint="Say why in a few words.")
    return start, end


async def _channels(connection: AsyncConnection, wish: EditWish, *, is_stand: bool) -> list[Channel]:
    """Return what the edit can be about: stands are of registers that count up, energies are of others."""
    register = None if wish.register is None else canonical_mrid(wish.register, lenient=True)
    return [
        channel
        for channel in await channels_of(connection, wish.point)
        if channel.direction is wish.direction
        and register in (None, channel.register_mrid)
        and (channel.counts_up if is_stand else channel.counts_intervals)
    ]


async def _place(
    connection: AsyncConnection, wish: EditWish, channels: Sequence[Channel], *, start: int, end: int
) -> tuple[Channel, Measurement | None]:
    """Return where the edit goes, and what stands there."""
    found = await ReadingStore(connection).find(
        {channel.id: channel.lane for channel in channels}, start=start, end=end, with_neighbours=False
    )
    places = [
        (channel, item.measurement)
        for channel in channels
        for item in found.get(channel.id, ())
        if (item.measurement.start, item.measurement.end) == (start, end)
    ]
    if len(places) == 1:
        return places[0]
    if places:
        raise ReadingAmbiguous(
            f"{len(places)} registers or tiers have a reading of that time",
            path="register",
            hint=f"Say which register: {', '.join(channel.register_mrid for channel, _ in places)}.",
        )
    if not wish.is_new:
        raise ReadingNotThere(
            f"there is no reading from {format_instant(wish.start)} to {format_instant(wish.end)}",
            hint="Say its exact period, or that it is new.",
        )
    whole = next((channel for channel in channels if channel.is_whole), None)
    if whole is None:
        raise ReadingNotThere(
            "the meter has no register for it", hint="Let the meter report something first."
        )
    return whole, None
