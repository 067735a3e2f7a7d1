"""Real processes for end-to-end tests: a network, an app, and looks into what is left."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import psutil
from sqlalchemy import text

from degnode.processes import Network, Service
from storage.database import Database

_FOREIGN: Final = ("DEGNODE_", "DATABASE_URL", "REDIS_URL")


def own_environment() -> dict[str, str]:
    """Return this process's environment without settings of a node that is configured in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}


async def rows(url: str, query: str, **values: Any) -> list[dict[str, Any]]:
    """Return what `query` finds in the database at `url`."""
    database = Database.connect(url)
    try:
        async with database.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]
    finally:
        await database.close()


async def eventually(
    look: Callable[[], Awaitable[bool]], *, what: str, seconds: float = 120, every: float = 0.1
) -> None:
    """Return when `look` says yes; fail with `what` if it never does."""
    try:
        async with asyncio.timeout(seconds):
            while not await look():  # noqa: ASYNC110  it looks at other processes
                await asyncio.sleep(every)
    except TimeoutError:
        raise AssertionError(f"never happened: {what}") from None


def again(service: Service, **environment: str) -> Service:
    """Return the service as it will run next, with other settings."""
    return replace(service, environment={**service.environment, **environment})


def processes_that_mention(word: str) -> list[str]:
    """Return the command lines of living processes that hold `word`."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        if word in command and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(command)
    return found


def seller_of(network: Network) -> str:
    """Return the subscriber id of the network's BPP."""
    return network.bpp.environment["DEGNODE_SUBSCRIBER_ID"]
