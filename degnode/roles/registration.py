"""A participant's entry in the registry: made at the start where a token was given, kept as the keys are.

Whether a token lets it in or `degnode join` has, from then on every change of its keys is told to the
registry, again and again until it is taken. So `degnode keys rotate` needs nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from degnode.roles.joining import open_announcer, particulars_of
from kernel.errors import NodeError
from keystore.key_set import KeySet, KeyState, to_announce
from keystore.store import record_announced
from node.runtime import Foundation
from registry_client.onboarding import subscribe
from storage.backoff import Backoff

log = structlog.get_logger(__name__)

_PATIENCE: Final = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=1))


@dataclass(slots=True)
class Registration:
    """Tells the registry of this participant's keys; idle where it neither has a token nor has joined."""

    foundation: Foundation
    _is_checked: bool = field(default=False, init=False)
    _failures: int = field(default=0, init=False)
    _not_before: datetime | None = field(default=None, init=False)

    @property
    def wanted(self) -> bool:
        """Say whether this participant keeps its own entry."""
        settings = self.foundation.settings
        return settings.registry_url is not None and (settings.registry_token is not None or settings.joined)

    @property
    def done(self) -> bool:
        """Say whether the registry knows a key that this participant can sign with now.

        Whoever was entered once is known while the registry is away, too.
        """
        now = self.foundation.clock.now()
        return any(
            each.announced_at is not None and each.state(now) is KeyState.VALID
            for each in self.foundation.signers.sets()
        )

    async def step(self) -> bool:
        """Tell what is to be told, unless a failure was only just; never say that there is more to do.

        The first time everything is looked at: the registry may be another, and the URL a new one.
        """
        now = self.foundation.clock.now()
        due = self._due(now, every=not self._is_checked)
        if not due or (self._not_before is not None and now < self._not_before):
            return False
        try:
            is_known = await self._tell(due, now)
        except NodeError as error:
            log.warning("registry.not_registered", code=error.code, reason=str(error))
            is_known = False
        else:
            self._is_checked = True
        self._failures = 0 if is_known else self._failures + 1
        self._not_before = None if is_known else now + _PATIENCE.after(self._failures)
        return False

    def _due(self, now: datetime, *, every: bool = False) -> list[KeySet]:
        return to_announce(
            self.foundation.signers.sets(),
            now,
            delivery_timeout=self.foundation.settings.delivery_timeout,
            every=every,
        )

    async def _tell(self, due: list[KeySet], now: datetime) -> bool:
        """Tell the registry, and say whether all of it counts there now. Raises: NodeError."""
        token = self.foundation.settings.registry_token
        if token is not None:
            await self._tell_by_token([each for each in due if each.is_usable(now)], token.get_secret_value())
        if token is None or self._due(now):
            return await self._announce()
        return True

    async def _announce(self) -> bool:
        """Tell by signature, and say whether all of it counts there now. Raises: NodeError."""
        foundation = self.foundation
        async with open_announcer(
            foundation.settings,
            particulars=particulars_of(foundation.settings, foundation.role),
            keychain=foundation.signers,
        ) as announcer:
            announced = await announcer.announce(every=not self._is_checked)
        return all(each.is_known for each in announced)

    async def _tell_by_token(self, usable: list[KeySet], token: str) -> None:
        """Enter keys that the registry takes at its word. Raises: NodeError."""
        foundation = self.foundation
        particulars = particulars_of(foundation.settings, foundation.role)
        for each in usable:
            await subscribe(
                str(foundation.settings.registry_url), record=particulars.record_of(each), token=token
            )
        async with foundation.uow_factory() as uow:
            await record_announced(uow, usable, now=foundation.clock.now())
        await foundation.signers.reload()
