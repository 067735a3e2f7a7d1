"""Distribution utilities in a conversation: what the seller's platform asks them, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bpp.utility.handlers import bind
from bpp.utility.register import Utility
from bpp.utility.trades import TradeStore
from bpp.utility.utility_file import load_utility
from node.correspondence import Correspondent, Peer
from node.message import Inbound
from storage.outbox import Outgoing
from storage.unit_of_work import UnitOfWorkFactory

_HOLDS: Final = timedelta(minutes=15)
"""How long a trade is held between init and confirm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UtilityPlatform:
    """A utility on a database of its own."""

    peer: Peer
    utility: Utility
    correspondent: Correspondent
    uow_factory: UnitOfWorkFactory

    async def open(self) -> None:
        """Be ready to reckon with the limits of its customers."""
        async with self.uow_factory() as uow:
            await TradeStore(uow.connection).open(self.utility.customers)

    async def answer(self, inbound: Inbound, *, now: datetime) -> Outgoing:
        """Return its callback to a request of the seller's platform. Raises: its refusal."""
        async with self.uow_factory() as uow:
            content: Mapping[str, Any] | None = await bind(self.utility)[inbound.action](inbound, uow, now)
        return self.correspondent.answer(inbound, content or {}, now=now)


def utility_at(peer: Peer, file: Path) -> Utility:
    """Return the utility that a file tells of, as the subscriber `peer`."""
    return load_utility(file, subscriber_id=peer.subscriber_id, hold_for=_HOLDS)
