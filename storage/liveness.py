"""Whether an idle connection can still be used, as far as that can be seen without asking the server."""

from __future__ import annotations

import select
from typing import Any


def has_news(driver: Any) -> bool:  # noqa: ANN401  a connection of asyncpg, or its pool's
    """Say whether an idle connection is closed, or the server has sent what nobody asked for.

    That is nearly always that it is closing; the event loop may not have looked at it yet.
    """
    if driver.is_closed():
        return True
    poll = select.poll()
    poll.register(driver._transport.get_extra_info("socket").fileno(), select.POLLIN)  # noqa: SLF001
    return bool(poll.poll(0))
