"""The peer rules in force in this process: those of the database, as last announced."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from node.peer_rule_store import list_peer_rules
from node.peer_rules import Effect, PeerRules
from storage.unit_of_work import UnitOfWorkFactory


@dataclass(slots=True)
class PeerGate:
    """The peer rules in force: those of the database, as last announced."""

    uow_factory: UnitOfWorkFactory
    default: Effect = Effect.ALLOW
    rules: PeerRules = field(init=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    def __post_init__(self) -> None:
        self.rules = PeerRules(default=self.default)

    async def reload(self) -> bool:
        """Take the rules as they are now; never say that there is more to do."""
        async with self._reading, self.uow_factory() as uow:  # what was read earlier never replaces later
            self.rules = PeerRules(await list_peer_rules(uow), default=self.default)
        return False

    def check_receiver(self, subscriber_id: str, /) -> None:
        """Refuse to send to a peer that a rule refuses by its id. Raises: PeerRefused."""
        self.rules.check_receiver(subscriber_id)

    def rate_of(self, subscriber_id: str, /) -> float | None:
        """Return the peer's own bound, if a rule sets one."""
        return self.rules.rate_of(subscriber_id)
