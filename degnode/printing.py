"""How lists are printed: as a table for people, as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kernel.plain_text import printable

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def print_json(views: Sequence[BaseModel]) -> None:
    """Print what programs read."""
    print(json.dumps([view.model_dump(mode="json") for view in views], ensure_ascii=False, indent=2))


def print_table(
    title: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    console: Console | None = None,
) -> None:
    """Print what people read; None is an empty cell."""
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else escape(printable(str(cell))) for cell in row))
    (console or Console()).print(table)
