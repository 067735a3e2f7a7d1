"""Identities that are derived, so that doing a thing twice names it the same."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID, uuid4, uuid5

_NAMESPACE = UUID("6f1d3f5e-3b52-5d0a-9d5c-6a2f0f8f4c11")


class IdSource(Protocol):
    """Makes new identifiers; tests hand in one that counts."""

    def __call__(self) -> UUID: ...


def random_id() -> UUID:
    """Return a new random identifier."""
    return uuid4()


def derived_id(*parts: str) -> UUID:
    """Return the identifier that belongs to `parts`: the same parts, the same identifier.

    Parts are joined by their lengths, so ("a", "bc") and ("ab", "c") differ.
    """
    return uuid5(_NAMESPACE, "".join(f"{len(part)}:{part}" for part in parts))
