"""Entering, changing and ending subscriptions that their owners sign, within one unit of work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from protocol.errors import KeyExpired, KeyUnknown, SchemaViolated, SubscriberUnknown
from registry.admission import admit, not_entitled
from registry.author import Author
from registry.changing import Wish, keys_to_end, read_wish
from registry.entering import end_subscription, enter
from registry.forms import ChangeForm, SubscribeForm
from registry.history import Change, find_verdict, record_request_change
from registry.nonces import use_nonce
from registry.policy import RegistryPolicy
from registry.request import SubscriptionRequest
from registry.request_store import find_request, put_request
from registry.signed_request import SignedRequest, validity_of
from registry.store import find_standing, lock_subscriber
from registry.subscription import Subscription
from registry.url_rules import check_subscriber_url
from registry_client.subscriber import SubscriberStatus
from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Takes what subscribers have signed; who may do what is decided in `registry.admission`."""

    policy: RegistryPolicy

    async def subscribe(
        self, uow: UnitOfWork, form: SubscribeForm, request: SignedRequest, *, now: datetime
    ) -> SubscriberStatus:
        """Enter what the form says, or begin to prove it; return how it stands then.

        Raises: NodeError: see `registry.admission`, `registry.signed_request`, `registry.url_rules`.
        """
        if form.encr_public_key is None:
            raise _missing("encr_public_key", "The registry challenges whoever has its private half.")
        if form.nonce is None:
            raise _missing("nonce", "Take a new one for every request.")
        standing = await self._open(uow, form.subscriber_id, request)
        signer = next((each for each in standing if each.key_id == request.header.key_id), None)
        if signer is not None and signer.is_live(now):
            request.check(signer.signing_public_key, now=now, validity=validity_of(signer))
        else:
            _check_own_key(form, request, standing=standing, now=now)
        await use_nonce(uow, subscriber_id=form.subscriber_id, nonce=form.nonce, until=request.signed_until)
        earlier = next((each for each in standing if each.key_id == form.key_id), None)
        wanted = form.to_subscription(earlier=earlier, now=now)
        return await self._take(
            uow, Wish(wanted=wanted, spread=("url",)), request, standing=standing, now=now
        )

    async def change(
        self, uow: UnitOfWork, form: ChangeForm, request: SignedRequest, *, now: datetime
    ) -> SubscriberStatus:
        """Change what the form says, or begin to prove it; return how it stands then.

        Raises: NodeError, as `subscribe` does.
        """
        standing = await self._open(uow, form.subscriber_id, request)
        signer = _valid_signer(form.subscriber_id, request, standing=standing, now=now)
        request.check(signer.signing_public_key, now=now, validity=validity_of(signer))
        await use_nonce(uow, subscriber_id=form.subscriber_id, nonce=form.nonce, until=request.signed_until)
        if form.status is SubscriberStatus.UNSUBSCRIBED:
            author = Author.signed(signer.key_id, address=request.address)
            for each in keys_to_end(form, standing=standing):
                await end_subscription(uow, each, author=author, now=now, why=form.reason)
            return SubscriberStatus.UNSUBSCRIBED
        wish = read_wish(form, signer=signer, standing=standing, now=now)
        return await self._take(uow, wish, request, standing=standing, now=now, why=form.reason)

    async def _open(self, uow: UnitOfWork, subscriber_id: str, request: SignedRequest) -> list[Subscription]:
        request.check_signer(subscriber_id)
        await lock_subscriber(uow, subscriber_id)
        return await find_standing(uow, subscriber_id)

    async def _take(
        self,
        uow: UnitOfWork,
        wish: Wish,
        request: SignedRequest,
        *,
        standing: list[Subscription],
        now: datetime,
        why: str | None = None,
    ) -> SubscriberStatus:
        """Enter the wish if it is proven already, else keep it as a request."""
        wanted, signed_by = wish.wanted, request.header.key_id
        live = [each for each in standing if each.is_live(now)]
        admission = admit(
            wanted, standing=standing, signed_by=signed_by, approval=self.policy.approval, now=now
        )
        known = {each.signing_public_key for each in live}
        if live and wanted.signing_public_key not in known:
            request.check_key_proof(
                subscriber_id=wanted.subscriber_id,
                key_id=wanted.key_id,
                key=wanted.signing_public_key,
                now=now,
            )
        author = Author.signed(signed_by, address=request.address)
        if admission.is_open:
            await enter(uow, wanted, spread=wish.spread, author=author, now=now, why=why)
            return wanted.status_at(now)
        if admission.needs_challenge:
            check_subscriber_url(wanted.url, subscriber_id=wanted.subscriber_id, checks=self.policy.checks)
        asked = SubscriptionRequest.of(
            wanted,
            admission=admission,
            spread=wish.spread,
            authorised_by=signed_by if live else None,
            author=author,
            now=now,
        )
        await self._ask(uow, asked, author=author, now=now, why=why)
        return SubscriberStatus.UNDER_SUBSCRIPTION

    async def _ask(
        self,
        uow: UnitOfWork,
        asked: SubscriptionRequest,
        *,
        author: Author,
        now: datetime,
        why: str | None,
    ) -> None:
        """Keep the request; what the operator has said of its name still counts, whichever key asks."""
        earlier = await find_request(uow, asked.id)
        if earlier is not None:
            asked = asked.following(earlier)
        asked = asked.under(await find_verdict(uow, asked.wanted.subscriber_id))
        await put_request(uow, asked)
        await record_request_change(uow, asked, change=Change.ASKED, author=author, now=now, why=why)


def _check_own_key(
    form: SubscribeForm, request: SignedRequest, *, standing: list[Subscription], now: datetime
) -> None:
    """Refuse who does not sign with the key that it brings, or has no say in a name that is taken."""
    live = [each for each in standing if each.is_live(now)]
    if request.header.key_id != form.key_id:
        if live:
            raise not_entitled(form.subscriber_id, live=live, now=now)
        raise KeyUnknown(
            f"the request brings the key {form.key_id!r}, and is signed with {request.header.key_id!r}",
            path="header Authorization, keyId",
            hint="A newcomer signs with the very key that it brings.",
        )
    request.check(form.signing_public_key, now=now)
    if live:
        raise not_entitled(form.subscriber_id, live=live, now=now)


def _valid_signer(
    subscriber_id: str, request: SignedRequest, *, standing: list[Subscription], now: datetime
) -> Subscription:
    """Return the subscription whose key has signed. Raises: SubscriberUnknown, KeyUnknown, KeyExpired."""
    where, key_id = "header Authorization, keyId", request.header.key_id
    if not standing:
        raise SubscriberUnknown(
            f"there is no subscriber {subscriber_id!r} here",
            path=where,
            hint="Enter it first: POST /subscribe.",
        )
    signer = next((each for each in standing if each.key_id == key_id), None)
    if signer is None:
        raise KeyUnknown(
            f"{subscriber_id} has no key {key_id!r} here",
            path=where,
            hint="Sign with a key that stands here.",
        )
    if not signer.may_sign(now):
        raise KeyExpired(
            f"the key {key_id!r} of {subscriber_id} stands as {signer.status_at(now)}, or is not valid yet",
            path=where,
            hint="Sign with a key that is valid now. If there is none, enter anew: POST /subscribe.",
        )
    return signer


def _missing(field: str, hint: str) -> SchemaViolated:
    return SchemaViolated(f"{field} is missing", path=field, hint=hint)
