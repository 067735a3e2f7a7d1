"""The memory that forgets what was asked for longest ago."""

from __future__ import annotations

from schemas.lru import Lru


def test_what_was_asked_for_longest_ago_is_forgotten_first() -> None:
    memory: Lru[str, int] = Lru(2)
    memory["a"], memory["b"] = 1, 2
    assert memory.get("a") == 1
    memory["c"] = 3
    assert (memory.get("a"), memory.get("b"), memory.get("c")) == (1, None, 3)
    assert len(memory) == 2
