"""`degnode outbox`: messages that could not be delivered, and sending them again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from kernel.clock import SystemClock, format_instant
from node.correspondence import renew
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory

outbox = typer.Typer(help="Messages that could not be delivered.", no_args_is_help=True)

DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--database-url",
        envvar=["DEGNODE_DATABASE_URL", "DATABASE_URL"],
        help="The node's PostgreSQL database.",
    ),
]


@outbox.command("list")
def list_given_up(database_url: DatabaseUrl) -> None:
    """List what was given up: dead letters, which nobody answered in time, and refused messages."""
    asyncio.run(_list(database_url))


@outbox.command()
def replay(
    ids: Annotated[list[int], typer.Argument(help="The numbers that `outbox list` shows.")],
    database_url: DatabaseUrl,
    hours: Annotated[int, typer.Option(min=1, help="How long to try again.")] = 24,
) -> None:
    """Send dead or refused messages again, with a new timestamp and time to live."""
    asyncio.run(_replay(database_url, ids, hours))


async def _list(database_url: str) -> None:
    async with _units_of_work(database_url) as uow_factory, uow_factory() as uow:
        given_up = await uow.outbox.list_given_up()
    if not given_up:
        print("Every message was delivered or is under way.")
        return
    table = Table(title="Messages given up")
    for heading in ("id", "state", "action", "peer", "transaction", "created", "tries", "last error"):
        table.add_column(heading)
    for letter in given_up:
        table.add_row(
            str(letter["id"]),
            letter["state"],
            letter["action"],
            letter["peer"],
            letter["transaction_id"],
            format_instant(letter["created_at"]),
            str(letter["attempts"]),
            letter["last_error"] or "",
        )
    Console().print(table)


async def _replay(database_url: str, ids: list[int], hours: int) -> None:
    now, ttl, count = SystemClock().now(), timedelta(hours=hours), 0
    async with _units_of_work(database_url) as uow_factory, uow_factory() as uow:
        for message in await uow.outbox.find_given_up(ids):
            count += await uow.outbox.replay(renew(message, now=now, ttl=ttl), now=now)
    print(f"{count} of {len(ids)} will be sent again.")


@asynccontextmanager
async def _units_of_work(database_url: str) -> AsyncIterator[UnitOfWorkFactory]:
    database = Database.connect(database_url)
    try:
        yield UnitOfWorkFactory(database)
    finally:
        await database.close()
