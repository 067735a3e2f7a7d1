"""Which wire is spoken with which peer: as pinned, else as heard, else as is usual here."""

from __future__ import annotations

from dataclasses import dataclass

from node.peer_pins import PeerPins
from protocol.profile import PROFILES, Profile
from storage.peers import find_wire
from storage.unit_of_work import UnitOfWorkFactory


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """The generations that this node speaks, and what it knows of those of others."""

    spoken: tuple[Profile, ...]
    usual: Profile
    pins: PeerPins
    uow_factory: UnitOfWorkFactory

    async def of(self, subscriber_id: str) -> Profile:
        """Return the wire to write to a peer on."""
        async with self.uow_factory() as uow:
            heard = await find_wire(uow.connection, subscriber_id)
        return self.choose(subscriber_id, heard=heard)

    def choose(self, subscriber_id: str, *, heard: str | None) -> Profile:
        """Return the wire to write to a peer on that was last `heard` on that one."""
        if pinned := self.pins.wire_of(subscriber_id):
            return pinned
        profile = PROFILES.get(heard or "", self.usual)
        return profile if profile in self.spoken else self.usual
