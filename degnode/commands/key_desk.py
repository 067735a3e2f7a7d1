"""What the commands about keys do with the node's database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from degnode.actor import operator
from degnode.commands.place import Place
from degnode.key_views import as_registered
from degnode.node_database import node_database
from degnode.roles.configuration import load_settings
from degnode.roles.own_keys import key_manager_of
from kernel.clock import Clock, SystemClock
from kernel.errors import NodeError
from keystore.key_set import KeySet
from keystore.making import open_key_set, seal_key_set
from keystore.ports import KeyManager
from keystore.rotation import Revocation, Rotation, add_beside, make_next_key_set, revoke, rotate
from keystore.store import find_key_sets, list_subscribers, replace_sealings
from node.audit import record_act
from node.settings import ServiceSettings
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory


class SubscriberUnclear(NodeError):
    """The database does not tell whose keys are meant."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


Subscriber = Annotated[
    str | None,
    typer.Option(envvar="DEGNODE_SUBSCRIBER_ID", help="Whose keys: needed only where there are several."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlace(Place):
    """Where keys are: a node, and whose of those in it."""

    subscriber: Subscriber = None

    def settings(self) -> ServiceSettings:
        """Return what a node is told that works there. Raises: SettingsInvalid."""
        return load_settings(ServiceSettings, data_dir=self.data_dir)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDesk:
    """The keys of one subscriber, open for changes."""

    subscriber_id: str
    settings: ServiceSettings
    uow_factory: UnitOfWorkFactory
    clock: Clock

    async def sets(self) -> list[KeySet]:
        """Return every key set, the oldest first."""
        async with self.uow_factory() as uow:
            return await find_key_sets(uow.connection, subscriber_id=self.subscriber_id)

    async def add(self, wish: Wish) -> KeySet:
        """Make a set beside the others. Raises: NodeError."""
        new = await self._make(wish)
        async with self.uow_factory() as uow:
            await add_beside(uow, new)
            await self._record(uow, "key.made", new.key_id, after=as_registered(new))
        return new

    async def rotate(self, wish: Wish, *, overlap: timedelta) -> Rotation:
        """Make a set and let the others end after the overlap. Raises: NodeError."""
        new = await self._make(wish)
        async with self.uow_factory() as uow:
            done = await rotate(uow, new=new, overlap=overlap)
            after = {**as_registered(new), "ended": list(done.ended), "old_end": done.old_end.isoformat()}
            await self._record(uow, "key.rotated", new.key_id, after=after)
        return done

    async def revoke(self, key_id: str, *, why: str) -> Revocation:
        """Let a set count no more. Raises: NodeError."""
        async with self.uow_factory() as uow:
            done = await revoke(
                uow, subscriber_id=self.subscriber_id, key_id=key_id, why=why, now=self.clock.now()
            )
            await self._record(uow, "key.revoked", key_id, before=as_registered(done.revoked), why=why)
        return done

    async def reseal(self) -> list[KeySet]:
        """Seal every set that can still count as the settings now say; return them.

        Raises: NodeError, if one cannot be opened; then nothing is changed.
        """
        manager, now = key_manager_of(self.settings, may_make=False), self.clock.now()
        resealed = []
        for each in await self.sets():
            if each.is_usable(now):
                secrets = await open_key_set(each, key_manager=manager)
                resealed.append(await seal_key_set(each, secrets, key_manager=manager))
        async with self.uow_factory() as uow:
            for each in resealed:
                await replace_sealings(uow, each)
                await self._record(uow, "key.resealed", each.key_id, after={"sealed_by": each.sealed_by})
        return resealed

    async def _record(
        self,
        uow: UnitOfWork,
        what: str,
        key_id: str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        why: str | None = None,
    ) -> None:
        target = f"{self.subscriber_id}|{key_id}"
        act = operator().act(what, target, before=before, after=after, why=why)
        await record_act(uow, act, now=self.clock.now())

    async def _make(self, wish: Wish) -> KeySet:
        return await make_next_key_set(
            self.uow_factory,
            subscriber_id=self.subscriber_id,
            key_manager=await self._proven_key_manager(),
            now=self.clock.now(),
            valid_from=wish.valid_from,
            valid_until=wish.valid_until,
            key_id=wish.key_id,
        )

    async def _proven_key_manager(self) -> KeyManager:
        """Return the key manager, if the node's newest keys open with it.

        Keys that are sealed with another would be of no use to the node. Raises: NodeError.
        """
        now, sets = self.clock.now(), await self.sets()
        manager = key_manager_of(self.settings, may_make=not sets)
        newest = next((each for each in reversed(sets) if each.is_usable(now)), None)
        if newest is not None:
            await open_key_set(newest, key_manager=manager)
        return manager


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked of a new key set; what is left open follows by itself."""

    key_id: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@asynccontextmanager
async def key_desk(place: KeyPlace, clock: Clock | None = None) -> AsyncIterator[KeyDesk]:
    """Open the keys of the subscriber that `place` names, or of the only one there.

    Raises: SubscriberUnclear, NodeError.
    """
    async with node_database(place.role, place.data_dir, place.database_url) as database:
        uow_factory = UnitOfWorkFactory(database)
        yield KeyDesk(
            subscriber_id=place.subscriber or await _only_subscriber(uow_factory),
            settings=place.settings(),
            uow_factory=uow_factory,
            clock=clock or SystemClock(),
        )


async def _only_subscriber(uow_factory: UnitOfWorkFactory) -> str:
    async with uow_factory() as uow:
        found = await list_subscribers(uow.connection)
    if len(found) == 1:
        return found[0]
    raise SubscriberUnclear(
        f"there are the keys of {', '.join(found)}" if found else "there are no keys here yet",
        path="--subscriber",
        hint="Say whose keys by --subscriber, or DEGNODE_SUBSCRIBER_ID.",
    )
