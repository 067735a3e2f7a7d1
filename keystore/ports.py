"""What seals private keys: the one thing of this package that operators have in several makes."""

from __future__ import annotations

from typing import Protocol


class KeyManager(Protocol):
    """Seals secrets so that only whoever may ask it can open them.

    What was sealed under one `label` cannot be opened under another: a sealed key moved to another
    row opens no more.
    """

    @property
    def name(self) -> str:
        """What is kept beside a sealed secret to tell who sealed it; no secret."""
        ...

    async def seal(self, plain: bytes, *, label: str) -> bytes:
        """Return `plain` sealed.

        Raises: NodeError, if the key manager does not answer or does not allow it.
        """
        ...

    async def open(self, sealed: bytes, *, label: str) -> bytes:
        """Return what was sealed under `label`.

        Raises: NodeError, if the key manager does not answer or this is none of its sealings.
        """
        ...
