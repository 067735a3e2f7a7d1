"""Something that happens in the middle of a transaction, between two of its looks at the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

Look = Callable[..., Awaitable[Any]]


def overtake(
    monkeypatch: pytest.MonkeyPatch, look: Look, *, used_in: str, by: Callable[[], Awaitable[None]]
) -> None:
    """Have `by` happen right behind the next `look` of the module `used_in`, once."""

    async def overtaken(*arguments: Any, **named: Any) -> Any:
        monkeypatch.undo()
        seen = await look(*arguments, **named)
        await by()
        return seen

    monkeypatch.setattr(f"{used_in}.{look.__name__}", overtaken)
