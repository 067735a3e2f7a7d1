"""`degnode meter feeds`: the utility servers that are followed, how far, and what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import BaseModel
from sqlalchemy import RowMapping

from degnode.commands.place import Place, at_a_place
from degnode.printing import AsJson, print_json, print_table
from kernel.clock import format_instant
from metering.feeds.feed_store import FeedStore


class FeedView(BaseModel):
    """A feed as programs read it."""

    name: str
    url: str
    registers: int
    subscriptions: int
    polled_at: datetime | None
    due_at: datetime
    failures: int
    clock_difference: int | None
    last_error: str | None


class RegisterView(BaseModel):
    """How far a register was read, as programs read it."""

    device_lfdi: str
    meter_mrid: str
    register_mrid: str
    newest_reading: datetime | None
    looked_back_at: datetime | None
    last_error: str | None


@at_a_place
def feeds(
    name: Annotated[
        str | None, typer.Argument(help="A feed, to see how far its registers were read.")
    ] = None,
    *,
    as_json: AsJson = False,
    place: Place,
) -> None:
    """List the utility servers that are followed, or the registers of one."""
    asyncio.run(_list(place, as_json=as_json) if name is None else _show(place, name, as_json=as_json))


async def _list(place: Place, *, as_json: bool) -> None:
    async with place.desk() as desk:
        views = [FeedView(**row) for row in await FeedStore(desk.uow.connection).all()]
    if as_json:
        print_json(views)
        return
    if not views:
        print("No utility's server is followed: DEGNODE_METER_FEEDS names the file of those that are.")
        return
    print_table(
        "Utility servers that are followed",
        ("name", "url", "registers", "subscriptions", "read", "next", "failures", "clock", "last error"),
        [
            (
                view.name,
                view.url,
                view.registers,
                view.subscriptions,
                _instant(view.polled_at),
                _instant(view.due_at),
                view.failures,
                None if view.clock_difference is None else f"{view.clock_difference:+d} s",
                view.last_error,
            )
            for view in views
        ],
    )


async def _show(place: Place, name: str, *, as_json: bool) -> None:
    async with place.desk() as desk:
        rows = await FeedStore(desk.uow.connection).registers(name)
    views = _registers(rows)
    if as_json:
        print_json(views)
        return
    if not views:
        print(f"Nothing was read yet of a feed {name}; `degnode meter feeds` lists those that there are.")
        return
    print_table(
        f"Registers of {name}",
        ("meter", "register", "newest reading from", "corrections looked for", "last error"),
        [
            (
                view.meter_mrid.lstrip("0"),
                view.register_mrid.lstrip("0"),
                _instant(view.newest_reading),
                _instant(view.looked_back_at),
                view.last_error,
            )
            for view in views
        ],
    )


def _registers(rows: Sequence[RowMapping]) -> list[RegisterView]:
    return [
        RegisterView(
            **{name: row[name] for name in RegisterView.model_fields if name != "newest_reading"},
            newest_reading=_instant_of(row["newest_reading"]),
        )
        for row in rows
    ]


def _instant_of(seconds: int | None) -> datetime | None:
    """Return the instant that a server wrote, None also where no calendar has it."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)
