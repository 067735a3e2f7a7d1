"""Two key managers while one takes over from the other: the new one seals, both open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from keystore.ports import KeyManager


class Recognising(KeyManager, Protocol):
    """A key manager that knows sealings of its own make."""

    def recognises(self, sealed: bytes, /) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """Seals with `heir`; opens what `predecessor` sealed with that one."""

    heir: KeyManager
    predecessor: Recognising

    @property
    def name(self) -> str:
        return self.heir.name

    async def seal(self, plain: bytes, *, label: str) -> bytes:
        return await self.heir.seal(plain, label=label)

    async def open(self, sealed: bytes, *, label: str) -> bytes:
        manager = self.predecessor if self.predecessor.recognises(sealed) else self.heir
        return await manager.open(sealed, label=label)
