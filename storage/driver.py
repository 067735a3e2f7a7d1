"""The driver's own connection, for the few statements that are run again and again, for every reading.

SQLAlchemy costs three times what such a statement itself does.
"""

from __future__ import annotations

from typing import cast

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection


def driver_of(connection: AsyncConnection) -> asyncpg.Connection[asyncpg.Record]:
    """Return the connection behind `connection`; what it does belongs to the same transaction.

    That must have begun: SQLAlchemy begins it with the first statement that goes through itself.
    """
    raw = connection.sync_connection and connection.sync_connection.connection.driver_connection
    driver = cast("asyncpg.Connection[asyncpg.Record] | None", raw)
    if driver is None or not driver.is_in_transaction():
        raise RuntimeError("the transaction has not begun: nothing would hold this together with the rest")
    return driver
