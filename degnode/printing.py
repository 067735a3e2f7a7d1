"""How lists are printed: as a table for people, as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.cells import cell_len
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
    """Print what people read; None is an empty cell.

    What a row is about stands first, and in one piece unless it takes half of the screen: it is copied.
    """
    table = Table(title=title)
    console = console or Console()
    texts = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    widest = max((cell_len(line) for row in texts for line in row[0].split("\n")), default=0)
    for place, heading in enumerate(headings):
        keeps_whole = place == 0 and widest <= console.width // 2
        table.add_column(heading, overflow="fold", no_wrap=keeps_whole)
    for row in texts:
        table.add_row(*map(escape, row))
    console.print(table)
