"""`degnode …` in the test's own process, as a person types it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from typer.testing import CliRunner, Result

from degnode.__main__ import app


async def invoke(*arguments: str, environment: Mapping[str, str] | None = None, typed: str = "") -> Result:
    """Run a command, which has an event loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=environment, input=typed)


def printed(result: Result) -> str:
    """Return what a command printed that has ended well, without what it told beside."""
    assert result.exit_code == 0, f"{result.output} {result.exception!r}"
    return result.stdout.strip()
