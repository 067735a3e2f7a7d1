"""Connections that die in the pool are replaced as they are taken out of it, and cost nobody a request.

A server that stops closes its connections, which is seen here without asking it. It is asked only where
something was heard of it, and of a connection that has lain idle for a while, as behind a network that
forgets: a question costs three round trips.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from storage.liveness import has_news

_ASKED_AFTER: Final = 5.0  # s of idleness
_IDLE_SINCE: Final = "idle_since"


def replace_dead_connections(engine: AsyncEngine) -> None:
    """Have every connection of `engine` looked at before it is used again."""
    event.listen(engine.sync_engine, "checkin", _note_idle)
    event.listen(engine.sync_engine, "checkout", _check)


def _note_idle(_connection: object, entry: ConnectionPoolEntry) -> None:
    entry.info[_IDLE_SINCE] = _now()


def _check(connection: Any, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:  # noqa: ANN401
    """Raises: InvalidatePoolError, which has the pool open a new connection instead."""
    idle_since = entry.info.pop(_IDLE_SINCE, None)
    if idle_since is None:  # it is new
        return
    if has_news(connection.driver_connection) or _now() - idle_since >= _ASKED_AFTER:
        try:
            connection.ping()
        except connection.dbapi.Error as error:
            raise InvalidatePoolError from error


def _now() -> float:
    return asyncio.get_running_loop().time()
