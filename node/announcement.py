"""Keeping a participant's entry in its registry as its keys are: new ones in, ended ones ended.

What the registry holds is looked at first, and only what differs is told; so it may be done again and
again, and by several processes. A key set counts as announced once peers find it there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from kernel.clock import Clock
from kernel.errors import NodeError
from keystore.key_set import KeySet, KeyState, to_announce
from keystore.keychain import Keychain
from keystore.making import open_key_set
from keystore.store import record_announced
from node.subscription_under_way import (
    UNDER_WAY_FOR,
    UnderWay,
    begin_subscription,
    end_subscription,
    find_under_way,
)
from protocol.ed25519 import PublicKey
from protocol.keys import write_public_key
from protocol.signing import Signer
from protocol.x25519 import (
    EncryptionPublicKey,
    read_encryption_public_key,
    write_encryption_public_key,
)
from registry_client.challenge import ChallengeScheme
from registry_client.lookup import LookupNotAnswered
from registry_client.registrar import Registrar
from registry_client.subscriber import SubscriberRecord, SubscriberRole, SubscriberStatus
from storage.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)

_ASK_AGAIN_AFTER: Final = timedelta(minutes=1)
_BUSY: Final = (SubscriberStatus.INITIATED, SubscriberStatus.UNDER_SUBSCRIPTION)


class NoKnownKey(NodeError):
    """The registry knows no key that this participant still has, so it would believe nothing of it."""

    code, http_status, retryable = "AUT_KEY_NOT_FOUND", 409, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The registry that was joined, and what is known of it to read its challenges."""

    url: str
    keys: tuple[PublicKey, ...] = ()
    encryption_key: EncryptionPublicKey | None = None
    scheme: ChallengeScheme = ChallengeScheme.AES_ECB
    site_request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What stands in a participant's entry beside its keys; `der` is how its encryption key is written."""

    url: str
    role: SubscriberRole
    domain: str
    der: bool = False

    def record_of(self, key_set: KeySet) -> SubscriberRecord:
        """Return the entry of a key set."""
        return SubscriberRecord(
            subscriber_id=key_set.subscriber_id,
            key_id=key_set.key_id,
            signing_public_key=key_set.signing_public_key,
            encr_public_key=write_encryption_public_key(key_set.encryption_public_key, der=self.der),
            url=self.url,
            role=self.role,
            domain=self.domain,
            valid_from=key_set.valid_from,
            valid_until=key_set.valid_until,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A key set, and how it stands in the registry now; `is_known` is when peers see it as it is."""

    key_id: str
    status: SubscriberStatus | None
    is_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcer:
    """Tells one registry of the key sets of one participant."""

    registrar: Registrar
    registry: Registry
    particulars: Particulars
    keychain: Keychain
    uow_factory: UnitOfWorkFactory
    clock: Clock
    delivery_timeout: timedelta

    async def announce(self, *, every: bool = False, insist: bool = False) -> list[Announced]:
        """Tell the registry what it does not know yet, and return how that stands.

        `every` looks at every key set that can be used, also those that the registry took before; without
        it an end that was only just set is not told yet (`to_announce`).
        `insist` asks anew for what the registry is still busy with.
        Raises: SubscriptionRefused, RegistryUnavailable, NoKnownKey, NoValidKey.
        """
        now = self.clock.now()
        due = to_announce(self.keychain.sets(), now, delivery_timeout=self.delivery_timeout, every=every)
        if not due:
            return []
        records = await self._held_there()
        held = {record.key_id: record for record in records}
        told = [each for each in due if self._stands(each, held, now=now)]
        await self._note([each for each in told if each.must_be_announced(now)], now=now)
        done = [Announced(key_id=each.key_id, status=_status(each, held), is_known=True) for each in told]
        rest = [each for each in due if each not in told]
        if not rest:
            return done
        done += await self._end_orphans(rest, held, now=now)
        # First what is to go on, then what ends: it could be the key that all is signed with.
        rest.sort(key=lambda each: (not each.is_usable(now), each.created_at))
        newcomer = not any(_counts(record, now) for record in held.values())
        signer = self._signer(held, now=now)
        for each in rest:
            waiting = None if insist else await self._waiting(each, now=now)
            if waiting is None and newcomer and each.key_id != signer.key_id:
                waiting = Announced(key_id=each.key_id, status=None, is_known=False)  # its turn comes
            done.append(waiting or await self._tell(each, signer, newcomer=newcomer, now=now))
        return done

    async def _held_there(self) -> list[SubscriberRecord]:
        """Return the registry's entries about this participant.

        One that answers its members only tells a newcomer nothing, and has nothing of it.
        Raises: RegistryUnavailable.
        """
        try:
            return await self.registrar.records(self.keychain.subscriber_id)
        except LookupNotAnswered:
            if any(each.announced_at is not None for each in self.keychain.sets()):
                raise
            return []

    async def _tell(self, key_set: KeySet, signer: Signer, *, newcomer: bool, now: datetime) -> Announced:
        """Tell the registry of one key set. Raises: as `announce`."""
        if not key_set.is_usable(now):
            return await self._end(key_set, signer, now=now)
        registry = await self._registry_as_it_is()
        async with self.uow_factory() as uow:
            await begin_subscription(uow, _under_way(key_set, registry, now=now))
        record = self.particulars.record_of(key_set)
        if newcomer:
            status = await self.registrar.enter(record, signer=signer)
        else:
            owner = self.keychain.signer_of(key_set.key_id)
            status = await self.registrar.change(record, signer=signer, owner=owner)
        is_known = status is SubscriberStatus.SUBSCRIBED
        if is_known:
            await self._note([key_set], now=now)
        log.info("registry.announced", key_id=key_set.key_id, status=status.value)
        return Announced(key_id=key_set.key_id, status=status, is_known=is_known)

    async def _end_orphans(
        self, rest: list[KeySet], held: dict[str, SubscriberRecord], *, now: datetime
    ) -> list[Announced]:
        """End the keys that are over and of which the registry knows no successor; take them out of both.

        Nobody else could: it is the last thing that they sign. Then the newest key enters by itself, which
        a registry allows at the URL that it knows.
        """
        in_force = {name: record for name, record in held.items() if _counts(record, now)}
        signer = self.keychain.at(now)
        if not in_force or _is_of(in_force.get(signer.key_id), signer.public_key):
            return []
        ended = []
        for each in [each for each in rest if not each.is_usable(now)]:
            if _is_of(in_force.get(each.key_id), each.signing_public_key):
                halves = await open_key_set(each, key_manager=self.keychain.key_manager)
                own = Signer(subscriber_id=each.subscriber_id, key_id=each.key_id, private_key=halves.signing)
                ended.append(await self._end(each, own, now=now))
                rest.remove(each)
                del held[each.key_id]
        return ended

    async def _end(self, key_set: KeySet, signer: Signer, *, now: datetime) -> Announced:
        why = key_set.revoked_why or "its time is over"
        status = await self.registrar.end(
            key_set.subscriber_id, key_id=key_set.key_id, why=why, signer=signer
        )
        await self._note([key_set], now=now)
        return Announced(key_id=key_set.key_id, status=status, is_known=True)

    def _signer(self, held: Mapping[str, SubscriberRecord], *, now: datetime) -> Signer:
        """Return the key to speak to the registry with: one that it takes.

        Raises: NoKnownKey, NoValidKey.
        """
        signer = self.keychain.at(now)
        in_force = {record.key_id: record for record in held.values() if _counts(record, now)}
        if not in_force:
            return signer  # a newcomer signs with what it brings
        if _is_of(in_force.get(signer.key_id), signer.public_key):
            return signer
        raise NoKnownKey(
            f"the registry has {self.keychain.subscriber_id} already, with {_named(in_force)}; "
            f"the key {signer.key_id!r} here ({_start(signer.public_key)}) is not among them",
            hint="If that is somebody else, take another --subscriber. If it is you, go on with the data "
            "directory that has those keys; if they are lost, ask the registry's operator to end them.",
        )

    async def _waiting(self, key_set: KeySet, *, now: datetime) -> Announced | None:
        """Return how it stands if the registry is busy with it, or was asked only just now."""
        if not key_set.is_usable(now):
            return None
        standing = await self.registrar.standing(
            key_set.subscriber_id, key_id=key_set.key_id, key=key_set.signing_public_key
        )
        if standing is not None and standing.status in _BUSY and not standing.is_over:
            return Announced(key_id=key_set.key_id, status=standing.status, is_known=False)
        async with self.uow_factory() as uow:
            found = await find_under_way(uow, subscriber_id=key_set.subscriber_id, now=now)
        if any(each.key_id == key_set.key_id and each.began_at > now - _ASK_AGAIN_AFTER for each in found):
            return Announced(
                key_id=key_set.key_id, status=None if standing is None else standing.status, is_known=False
            )
        return None

    async def _note(self, key_sets: Sequence[KeySet], *, now: datetime) -> None:
        """Keep that the registry has these as they are; no challenge about them is answered any more."""
        if not key_sets:
            return
        async with self.uow_factory() as uow:
            await record_announced(uow, key_sets, now=now)
            for each in key_sets:
                await end_subscription(uow, subscriber_id=each.subscriber_id, key_id=each.key_id)
        await self.keychain.reload()

    def _stands(self, key_set: KeySet, held: Mapping[str, SubscriberRecord], *, now: datetime) -> bool:
        """Say whether the registry's entry is what this node would say."""
        entry = held.get(key_set.key_id)
        if key_set.state(now) is KeyState.EXPIRED:  # one that the registry lets end takes no more word
            return entry is None or not _counts(entry, now)
        if key_set.state(now) is KeyState.REVOKED:
            return entry is None or entry.status is not SubscriberStatus.SUBSCRIBED
        return entry is not None and _says(entry) == _says(self.particulars.record_of(key_set))

    async def _registry_as_it_is(self) -> Registry:
        """Return the registry with the encryption key that it shows now, signed with one that is pinned.

        It may have changed since it was joined. Other registries say nothing, or nothing that is proven.
        """
        if not self.registry.keys:
            return self.registry
        try:
            card = await self.registrar.card()
        except NodeError as error:
            log.info("registry.no_card", registry=self.registry.url, reason=error.message)
            return self.registry
        if card is None or card.encryption_key is None:
            return self.registry
        return replace(self.registry, encryption_key=card.encryption_key)


def _under_way(key_set: KeySet, registry: Registry, *, now: datetime) -> UnderWay:
    return UnderWay(
        subscriber_id=key_set.subscriber_id,
        key_id=key_set.key_id,
        registry_url=registry.url,
        registry_keys=registry.keys,
        registry_encryption_key=registry.encryption_key,
        scheme=registry.scheme,
        site_request_id=registry.site_request_id,
        began_at=now,
        until=now + UNDER_WAY_FOR,
    )


def _counts(record: SubscriberRecord, now: datetime) -> bool:
    return record.status is SubscriberStatus.SUBSCRIBED and (
        record.valid_until is None or now < record.valid_until
    )


def _is_of(record: SubscriberRecord | None, key: PublicKey) -> bool:
    return record is not None and record.signing_public_key == key


def _says(record: SubscriberRecord) -> SubscriberRecord:
    """Return a record so that two that mean the same are equal."""
    until, key = record.valid_until, record.encr_public_key
    return replace(
        record,
        url=(record.url or "").rstrip("/"),
        encr_public_key=None if key is None else write_encryption_public_key(read_encryption_public_key(key)),
        valid_from=None,  # the registry may have its own
        valid_until=until and until.replace(microsecond=until.microsecond // 1000 * 1000),
        network_memberships=None,
        place=None,
    )


def _status(key_set: KeySet, held: Mapping[str, SubscriberRecord]) -> SubscriberStatus | None:
    entry = held.get(key_set.key_id)
    return None if entry is None else entry.status


def _named(records: Mapping[str, SubscriberRecord]) -> str:
    return ", ".join(
        f"{name!r} ({_start(record.signing_public_key)})" for name, record in sorted(records.items())
    )


def _start(key: PublicKey) -> str:
    return f"{write_public_key(key)[:8]}…"
