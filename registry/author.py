"""Who changes something in the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """A name for the history, and the network address it came from.

    The name is that of a token, or says which key of the subscriber signed.
    """

    name: str
    address: str | None

    @classmethod
    def signed(cls, key_id: str, *, address: str | None) -> Author:
        """Return the subscriber itself, who signed with `key_id`."""
        return cls(name=f"subscriber signed with {key_id}", address=address)


REGISTRY: Final = Author(name="registry", address=None)
"""The registry itself, which found something out."""
