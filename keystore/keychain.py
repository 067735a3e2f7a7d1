"""A process's view of its participant's own keys, renewed whenever any process changes them."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from kernel.clock import Clock
from kernel.errors import NodeError
from keystore.key_set import KeySet, choose, is_news, newest, turning_points
from keystore.making import PrivateHalves, open_key_set
from keystore.ports import KeyManager
from keystore.store import KEYS_CHANNEL, find_key_sets
from protocol.signing import Signer
from protocol.x25519 import EncryptionPrivateKey
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener

log = structlog.get_logger(__name__)

_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class NoValidKey(NodeError):
    """This participant has no key for what it is to do."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, True


@dataclass(frozen=True, slots=True)
class _Choice:
    """Who signs in `[start, end)`."""

    start: datetime
    end: datetime
    signer: Signer


@dataclass(slots=True, kw_only=True, eq=False)
class Keychain:
    """The keys of one subscriber; it is its `Signers`.

    `reload` once before use; from then on every announced change is read by itself, and read again
    until that succeeds, `retry_seconds` apart. Private halves are opened once a set, and only of sets that
    can still count.
    """

    subscriber_id: str
    uow_factory: UnitOfWorkFactory
    key_manager: KeyManager
    clock: Clock
    validity: timedelta = timedelta(minutes=5)
    retry_seconds: float = 1.0
    _sets: tuple[KeySet, ...] = field(default=(), init=False)
    _secrets: dict[str, PrivateHalves] = field(default_factory=dict, init=False, repr=False)
    _choice: _Choice | None = field(default=None, init=False, repr=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    _stale: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)
    _following: asyncio.Task[None] | None = field(default=None, init=False, repr=False)
    _catching_up: asyncio.Task[None] | None = field(default=None, init=False, repr=False)

    def at(self, now: datetime, /) -> Signer:
        """Return the key to sign with at `now`: the newest valid one that the registry knows.

        Raises: NoValidKey.
        """
        choice = self._choice
        if choice is None or not choice.start <= now < choice.end:
            choice = self._choice = self._choose(now)
        return choice.signer

    def may_be_unheard_of(self, key_id: str, now: datetime, /) -> bool:
        """Say whether a peer that does not believe a signature of that key may believe the next one.

        For another key signs by now, or peers may not have heard yet of this one.
        """
        chosen = choose((each for each in self._sets if each.key_id in self._secrets), now)
        return chosen is None or chosen.key_id != key_id or is_news(chosen, self._sets, now)

    def sets(self) -> Sequence[KeySet]:
        """Return every key set as last read, the oldest first; also those that count no more."""
        return self._sets

    def encryption_key(self, key_id: str | None = None) -> EncryptionPrivateKey:
        """Return the key that a challenge is read with: that of `key_id`, or of the newest set.

        The newest set may still wait for its time, for a registry challenges before that.
        Raises: NoValidKey.
        """
        now = self.clock.now()
        usable = [each for each in self._sets if each.is_usable(now) and key_id in (None, each.key_id)]
        chosen = newest(usable)
        if chosen is None or chosen.key_id not in self._secrets:
            which = "no encryption key" if key_id is None else f"no encryption key {key_id!r}"
            raise self._missing(which)
        return self._secrets[chosen.key_id].encryption

    def signer_of(self, key_id: str) -> Signer:
        """Return the signing key of that set, also before its time: to prove to a registry that it is here.

        Raises: NoValidKey.
        """
        named = next((each for each in self._sets if each.key_id == key_id), None)
        if named is None or key_id not in self._secrets or not named.is_usable(self.clock.now()):
            raise self._missing(f"no signing key {key_id!r}")
        return self._signer(named)

    async def reload(self) -> None:
        """Read the key sets anew.

        A set that cannot be opened is left out while another can sign.
        Raises: NodeError, if none can be opened, or the key manager does not answer.
        """
        await self._read()
        await self._open()

    async def _read(self) -> None:
        """Read the rows; what counts no more goes at once, what is new is still to be opened."""
        async with self._reading:  # or an older view could come last
            async with self.uow_factory() as uow:
                found = await find_key_sets(uow.connection, subscriber_id=self.subscriber_id)
            now = self.clock.now()
            usable = {each.key_id for each in found if each.is_usable(now)}
            self._sets = tuple(found)
            self._secrets = {name: halves for name, halves in self._secrets.items() if name in usable}
            self._choice = None

    async def _open(self) -> None:
        """Open what is not open yet, however long the key manager takes. Raises: NodeError."""
        failures: dict[str, NodeError] = {}
        async with self._opening:
            while (key_set := self._next_unopened(failures)) is not None:
                try:
                    halves = await open_key_set(key_set, key_manager=self.key_manager)
                except NodeError as error:
                    log.error("keys.unopened", key_id=key_set.key_id, reason=str(error))  # noqa: TRY400
                    failures[key_set.key_id] = error
                else:
                    self._keep(key_set, halves)
        worst = min(failures.values(), key=lambda error: not error.retryable, default=None)
        if worst is not None and (worst.retryable or not self._secrets):
            raise worst

    def _next_unopened(self, tried: Container[str]) -> KeySet | None:
        now = self.clock.now()
        return next(
            (
                each
                for each in self._sets
                if each.is_usable(now) and each.key_id not in self._secrets and each.key_id not in tried
            ),
            None,
        )

    def _keep(self, key_set: KeySet, halves: PrivateHalves) -> None:
        """Keep opened keys, unless they were revoked meanwhile."""
        now = self.clock.now()
        if any(each.key_id == key_set.key_id and each.is_usable(now) for each in self._sets):
            self._secrets[key_set.key_id] = halves
            self._choice = None

    def listen_on(self, listener: Listener) -> None:
        """Follow the changes that any process makes; before the listener starts only."""
        listener.on(KEYS_CHANNEL, self._hear)

    async def close(self) -> None:
        """Follow no more changes."""
        tasks = [task for task in (self._following, self._catching_up) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _hear(self, subscriber_id: str) -> None:
        """Read anew if it concerns this subscriber; without a name it may."""
        if subscriber_id in ("", self.subscriber_id):
            self._stale.set()
            if self._following is None or self._following.done():
                self._following = asyncio.create_task(self._follow(), name="keychain")

    async def _follow(self) -> None:
        """Read until nothing is new; opening goes on beside it, for a key manager may be slow."""
        while self._stale.is_set():
            self._stale.clear()
            try:
                await self._read()
            except Exception as error:  # noqa: BLE001  whatever broke, the next try may go well
                log.warning("keys.not_read", error=repr(error))
                self._stale.set()
                await asyncio.sleep(self.retry_seconds)
                continue
            if self._catching_up is None or self._catching_up.done():
                self._catching_up = asyncio.create_task(self._catch_up(), name="keychain-opening")

    async def _catch_up(self) -> None:
        while True:
            try:
                return await self._open()
            except Exception as error:  # noqa: BLE001  the key manager may be back for the next try
                log.warning("keys.not_opened", error=repr(error))
                await asyncio.sleep(self.retry_seconds)

    def _choose(self, now: datetime) -> _Choice:
        usable = [each for each in self._sets if each.key_id in self._secrets]
        chosen = choose(usable, now)
        if chosen is None:
            raise self._missing("no signing key that is valid now")
        points = turning_points(usable)
        after = bisect_right(points, now)
        return _Choice(
            start=points[after - 1] if after else _ALWAYS,
            end=points[after] if after < len(points) else _NEVER,
            signer=self._signer(chosen),
        )

    def _signer(self, key_set: KeySet) -> Signer:
        return Signer(
            subscriber_id=self.subscriber_id,
            key_id=key_set.key_id,
            private_key=self._secrets[key_set.key_id].signing,
            validity=self.validity,
            valid_until=key_set.valid_until,
        )

    def _missing(self, what: str) -> NoValidKey:
        now = self.clock.now()
        states = ", ".join(f"{each.key_id} {each.state(now)}" for each in self._sets) or "none at all"
        return NoValidKey(
            f"{self.subscriber_id} has {what}; there is: {states}",
            hint="Run `degnode keys rotate` for a new key, or `degnode keys list` to see them.",
        )
