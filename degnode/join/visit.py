"""Going to the registry and being at home for its challenge at the same time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from degnode.join.checklist import Checklist
from degnode.join.doorstep import Answerer, doorstep
from degnode.join.subscription import Subscription
from degnode.roles.joining import open_announcer, particulars_of, plain
from keystore.keychain import Keychain
from node.challenge_desk import SITE_VERIFICATION_PATH, ChallengeDesk
from node.settings import Settings
from protocol.actions import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A participant that asks its registry for something, and waits for the answer."""

    settings: Settings
    role: Role
    keychain: Keychain
    checklist: Checklist
    wait: timedelta
    site_request_id: str | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Subscription]:
        """Have challenges answered while the block runs the subscription. Raises: PortTaken."""
        keychain = self.keychain
        async with open_announcer(
            self.settings,
            particulars=particulars_of(self.settings, self.role),
            keychain=keychain,
            site_request_id=self.site_request_id,
        ) as announcer:
            subscription = Subscription(announcer=announcer, checklist=self.checklist, wait=self.wait)
            desk = ChallengeDesk(
                uow_factory=keychain.uow_factory,
                keychain=keychain,
                clock=keychain.clock,
                on_answered=subscription.note_challenge,
            )
            async with doorstep(desk, self.settings) as answerer:
                self._tell_address(answerer)
                subscription.by_node = answerer is Answerer.NODE
                yield subscription

    def _tell_address(self, answerer: Answerer) -> None:
        who = "your node, which runs" if answerer is Answerer.NODE else "this command until it is done"
        here = f"{self.settings.host}:{self.settings.port}"
        url = plain(self.settings.public_url)
        way = "" if url.endswith(here) else f" (passed on to {here})"
        self.checklist.done("address", f"{url}/on_subscribe{way} is answered by {who}")
        if self.site_request_id is not None:
            self.checklist.done("site page", f"{url}{SITE_VERIFICATION_PATH} shows the signed request id")
