"""Waiting for what another task or process will bring about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

_PATIENCE: Final = 120.0  # s, so that a broken test ends
_PAUSE: Final = 0.01  # s


async def eventually(look: Callable[[], Awaitable[object]], expected: object) -> None:
    """Look again and again until `expected` is seen; fail with the last that was."""
    seen = await look()
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    while seen != expected and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(_PAUSE)
        seen = await look()
    assert seen == expected
