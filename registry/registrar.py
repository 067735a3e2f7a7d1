"""The worker that brings requests forward: it tries what is due, and writes down what came of it.

Its state is in the database: what one process leaves half done, another does again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from kernel.clock import Clock
from registry.author import REGISTRY
from registry.challenger import Challenger
from registry.entering import enter
from registry.history import Change, record_request_change
from registry.nonces import forget_nonces
from registry.policy import RegistryPolicy
from registry.request import Step, SubscriptionRequest, Trouble
from registry.request_store import claim_due, find_request, forget_requests, put_request
from registry.store import find_standing, lock_subscriber
from registry.subscription import Subscription
from registry_client.subscriber import SubscriberStatus
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger(__name__)

_TIDY_EVERY: Final = timedelta(minutes=10)
_WHY_CHECKED: Final = "the URL answers"
_WHY_PROVEN: Final = "the challenge was answered rightly"


@dataclass(slots=True, kw_only=True)
class Registrar:
    """Checks URLs, challenges those who want to enter, and enters them."""

    uow_factory: UnitOfWorkFactory
    challenger: Challenger
    policy: RegistryPolicy
    clock: Clock
    _tidied_at: datetime | None = field(default=None, init=False)
    _busy_with: list[str] = field(default_factory=list, init=False)  # addresses whose requests are tried now

    async def step(self) -> bool:
        """Try one request that is due; say whether there was one."""
        async with self.uow_factory() as uow:
            request = await claim_due(uow, now=self.clock.now(), busy_with=self._busy_with)
        if request is None:
            await self._tidy()
            return False
        self._busy_with.append(address := request.asked_from or "")
        try:
            trouble = await self._try(request)
        finally:
            self._busy_with.remove(address)
        async with self.uow_factory() as uow:
            await self._note(uow, request, trouble, now=self.clock.now())
        return True

    async def _try(self, request: SubscriptionRequest) -> Trouble | None:
        if request.step is Step.CHECK:
            return await self.challenger.check_url(request)
        return await self.challenger.challenge(request)

    async def _note(
        self, uow: UnitOfWork, tried: SubscriptionRequest, trouble: Trouble | None, *, now: datetime
    ) -> None:
        """Write down what came of a try, unless the subscriber has asked anew or the operator decided."""
        await lock_subscriber(uow, tried.wanted.subscriber_id)
        request = await find_request(uow, tried.id)
        if request is None or (request.revision, request.step) != (tried.revision, tried.step):
            return
        after = request.fail(trouble, policy=self.policy, now=now) if trouble else request.succeed(now=now)
        log.info(
            "registry.request",
            subscriber=request.wanted.subscriber_id,
            key_id=request.wanted.key_id,
            step=request.step,
            next_step=after.step,
            reason=after.reason,
        )
        if after.step is Step.ENTER:
            await fulfil(uow, after, now=now)
            return
        await put_request(uow, after)
        if (after.step, after.status) != (request.step, request.status):
            change = Change.PROVEN if trouble is None else Change.FAILED
            await record_request_change(
                uow, after, change=change, author=REGISTRY, now=now, why=after.reason or _WHY_CHECKED
            )

    async def _tidy(self) -> None:
        """Remove now and then what is of no more use."""
        now = self.clock.now()
        if self._tidied_at is not None and now - self._tidied_at < _TIDY_EVERY:
            return
        self._tidied_at = now
        async with self.uow_factory() as uow:
            await forget_nonces(uow, now=now)
            await forget_requests(uow, now=now, after=self.policy.forget_after)


async def fulfil(
    uow: UnitOfWork, request: SubscriptionRequest, *, now: datetime, why: str = _WHY_PROVEN
) -> SubscriptionRequest:
    """Enter what the request wants, if it may still be entered; return what became of the request.

    The subscriber must be locked. While the request was under way the name may have been proven by
    another, or the key that asked may have ended.
    """
    standing = await find_standing(uow, request.wanted.subscriber_id)
    if (hindrance := _hindrance(request, standing=standing, now=now)) is not None:
        failed = replace(
            request,
            step=Step.FAILED,
            reason=hindrance,
            hint="Ask again with a key that is valid now.",
            next_try_at=None,
        )
        await put_request(uow, failed)
        await record_request_change(
            uow, failed, change=Change.FAILED, author=REGISTRY, now=now, why=hindrance
        )
        return failed
    wanted = _keep_window(request, standing=standing)
    await enter(uow, wanted, spread=request.spread, author=request.author, now=now, why=why)
    done = request.enter(now=now)
    await put_request(uow, done)
    return done


def _hindrance(request: SubscriptionRequest, *, standing: list[Subscription], now: datetime) -> str | None:
    """Return why what was proven must not be entered any more, None if it may."""
    wanted, asked_by = request.wanted, request.authorised_by
    live = {each.key_id: each for each in standing if each.is_live(now)}
    if asked_by is not None and asked_by not in live:
        return f"the key {asked_by!r} that asked for it has ended meanwhile"
    own = next((each for each in standing if each.key_id == wanted.key_id), None)
    if own is not None and own.status is SubscriberStatus.UNSUBSCRIBED:
        is_newer = own.updated_at > request.created_at
        if is_newer or asked_by is not None:
            return f"the key {wanted.key_id!r} was revoked meanwhile"
    is_own = own is not None and own.signing_public_key == wanted.signing_public_key
    if asked_by is None and live and not (is_own and wanted.key_id in live):
        return "another has proven this name meanwhile"
    return None


def _keep_window(request: SubscriptionRequest, *, standing: list[Subscription]) -> Subscription:
    """Return what is wanted, with the window that its key was given while the request was under way."""
    wanted = request.wanted
    for each in standing:
        if each.key_id == wanted.key_id and each.updated_at > request.created_at:
            return replace(wanted, valid_from=each.valid_from, valid_until=each.valid_until)
    return wanted
