"""The node's database, opened to say who may do what, and how such lists are printed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from degnode.commands.node_database import node_database
from kernel.clock import SystemClock
from node.audit import printable
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def need_words(text: str) -> str:
    """Return a reason, or complain about one that says nothing."""
    if not text.strip():
        raise typer.BadParameter("say why in a few words")
    return text


Why = Annotated[str, typer.Option(callback=need_words, help="The reason, for the record.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An open unit of work on the node's database, and what time it is."""

    uow: UnitOfWork
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which node is meant, as the command line says it."""

    role: str | None
    data_dir: Path
    database_url: str | None

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        """Open the node's database for one unit of work. Raises: RoleUnclear, DatabaseUnusable."""
        async with (
            node_database(self.role, self.data_dir, self.database_url) as database,
            UnitOfWorkFactory(database)() as uow,
        ):
            yield Desk(uow=uow, now=SystemClock().now())


def print_json(views: Sequence[BaseModel]) -> None:
    """Print what programs read."""
    print(json.dumps([view.model_dump(mode="json") for view in views], ensure_ascii=False, indent=2))


def print_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print what people read; None is an empty cell."""
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else escape(printable(str(cell))) for cell in row))
    Console().print(table)
