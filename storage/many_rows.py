"""Many rows written part by part: between two parts, others on the event loop have their turn."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection

ROWS_AT_ONCE: Final = 250


async def write_rows(
    connection: AsyncConnection, statement: Executable, rows: Iterable[dict[str, Any]]
) -> None:
    """Execute `statement` with each of the rows, which are made as they are written; with none, nothing."""
    remaining = iter(rows)
    while part := list(islice(remaining, ROWS_AT_ONCE)):
        await connection.execute(statement, part)
