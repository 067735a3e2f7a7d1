"""What apps ask for in plain words, sent to sellers on whatever wire each of them speaks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from bap.buyer import Buyer, Letter
from bap.market.account import Account
from bap.market.forms import About, ChangeForm, QuoteForm, RatingForm, SearchForm, SupportForm
from bap.market.idempotency import Attempt, DoneBefore
from bap.market.problem import MarketError, of_error
from bap.market.purchases import (
    Stated,
    add_purchase,
    find_purchase,
    get_order,
    get_quote,
    set_purchase,
)
from bap.market.requests import list_requests, record_request, record_unsent
from bap.market.searches import add_search, get_offer
from bap.market.tables import OrderStatus, RequestState
from kernel.errors import NodeError
from kernel.ids import random_id
from node.correspondence import Peer
from protocol.actions import Action
from protocol.profile import PROFILES, Profile
from storage.unit_of_work import UnitOfWork
from trading.mapping import wire_of
from trading.mapping.wire import Wire
from trading.refusals import SearchUnsupported
from trading.request import BEST_RATING, WORST_RATING, Criteria, Inquiry, OrderRequest, Rating, SessionWish

FindSellers = Callable[[], Awaitable[Sequence[str]]]
"""Returns the names of all sellers' platforms of the network. Raises: RegistryUnavailable, …"""

Json = dict[str, Any]

_MOST_SELLERS: Final = 50
_CATEGORY: Final = {About.ORDER: "ORDER", About.ENERGY: "ITEM", About.SELLER: "PROVIDER"}
_HELD: Final = frozenset({OrderStatus.HELD})
_OPEN: Final = frozenset({OrderStatus.HELD, OrderStatus.ACTIVE})
_BOUGHT: Final = frozenset({OrderStatus.ACTIVE})
_ANY: Final = frozenset({*_OPEN, OrderStatus.COMPLETED, OrderStatus.CANCELLED})


class WrongMoment(MarketError):
    """The order is not where this can be done to it."""

    code, http_status, retryable = "MARKET_WRONG_MOMENT", 409, False
    kind = "wrong-moment"


class SellersUnnamed(MarketError):
    """The request names no sellers, and nobody can list them."""

    code, http_status, retryable = "MARKET_SELLERS_UNNAMED", 422, False
    kind = "invalid-request"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketDesk:
    """Serves the plain API: finds the seller and its wire, writes what is asked, and keeps it together."""

    buyer: Buyer
    find_sellers: FindSellers

    async def once(self, attempt: Attempt, do: Callable[[], Awaitable[str]]) -> str:
        """Return what came of the request, done now unless it was done before. Raises: KeyReused."""
        async with self.buyer.uow_factory() as uow:
            before = await attempt.find(uow)
        if before is not None:
            return before
        try:
            return await do()
        except DoneBefore as done:
            return done.reference

    async def wait(self, thread_id: str, *, seconds: float | None) -> None:
        """Return once no answer is awaited in a search or a purchase, or after `seconds`."""
        if seconds is None:
            return

        async def find() -> bool | None:
            async with self.buyer.uow_factory() as uow:
                requests = await list_requests(uow, thread_id)
            now = self.buyer.clock.now()
            return None if any(asked.is_open(now) for asked in requests) else True

        await self.buyer.hub.wait_for(find, transaction_id=thread_id, seconds=seconds)

    async def search(self, account: Account, form: SearchForm, attempt: Attempt) -> str:
        """Ask sellers what they have; return the search's id. Raises: RegistryUnavailable, DoneBefore."""
        sellers = form.sellers or await self._all_sellers()
        search_id = self._new_id()
        letters = [
            (name, await self._search_letter(name, form, search_id)) for name in dict.fromkeys(sellers)
        ]
        now, closes_at = self._times(Action.DISCOVER)
        async with self.buyer.uow_factory() as uow:
            await add_search(uow, search_id, account=account.key, form=form, now=now, closes_at=closes_at)
            for name, letter in letters:
                await self._ask_seller(uow, name, letter, account=account, search_id=search_id)
            await attempt.record(uow, search_id, now=now)
        return search_id

    async def quote(self, account: Account, form: QuoteForm, attempt: Attempt) -> str:
        """Ask an offer's seller for a price; return the quote's id.

        Raises: NotInAccount, PeerUnknown, RegistryUnavailable, MessageRefused, DoneBefore.
        """
        async with self.buyer.uow_factory() as uow:
            offer, names = await get_offer(uow, form.offer_id, account=account.key)
        form = form if form.buyer else form.model_copy(update={"buyer": account.buyer})
        peer = await self.buyer.get_seller(names["bpp_id"])
        profile = await self.buyer.wires.of(peer.subscriber_id)
        quote_id = self._new_id()
        letter = Letter(
            action=Action.SELECT,
            peer=peer,
            profile=profile,
            message=wire_of(profile.name).write_order_request(_wanted(form, names)),
            transaction_id=quote_id,
        )
        now = self.buyer.clock.now()
        async with self.buyer.uow_factory() as uow:
            await add_purchase(
                uow, quote_id, account=account.key, form=form, offer=offer, names=names, now=now
            )
            await self._post(uow, letter, account=account)
            await attempt.record(uow, quote_id, now=now)
        return quote_id

    async def order(self, account: Account, quote_id: str, attempt: Attempt, *, confirm: bool) -> str:
        """Have the seller hold what was quoted; return the order's id, which is the quote's.

        Raises: NotInAccount, WrongMoment, DoneBefore.
        """
        async with self.buyer.uow_factory() as uow:
            quoted = await get_quote(uow, quote_id, account=account.key)
        asked = quoted.latest(Action.SELECT)
        if asked is None or asked.state is not RequestState.DONE:
            raise WrongMoment(
                "the quote has no price",
                path="quote_id",
                hint="Wait until its status is ready, or ask for another.",
            )
        purchase, profile = quoted.purchase, await self.buyer.wires.of(quoted.purchase.bpp_id)
        message = wire_of(profile.name).write_order_request(_wanted(purchase.form, purchase.names))
        letter = _letter(quoted, Action.INIT, profile, message)
        now = self.buyer.clock.now()
        async with self.buyer.uow_factory() as uow:
            await self._post(uow, letter, account=account)
            await attempt.record(uow, quote_id, now=now)
            current = await find_purchase(uow, quote_id, lock=True)
            if current is None or current.ordered_at is not None:
                raise WrongMoment(
                    "the quote was ordered already", path="quote_id", hint="Ask for a new quote."
                )
            await set_purchase(
                uow,
                quote_id,
                ordered_at=now,
                updated_at=now,
                confirm_wanted=confirm,
                status=OrderStatus.REQUESTED,
            )
        return quote_id

    async def confirm(self, account: Account, order_id: str, attempt: Attempt) -> str:
        """Buy what is held, at that price. Raises: NotInAccount, WrongMoment, DoneBefore."""

        def write(stated: Stated, wire: Wire) -> Json:
            return {wire.ORDER_KEY: stated.document}

        await self._act(account, order_id, Action.CONFIRM, write, attempt=attempt, within=_HELD)
        return order_id

    async def cancel(self, account: Account, order_id: str, attempt: Attempt) -> str:
        """End an order. Raises: NotInAccount, WrongMoment, DoneBefore."""

        def write(stated: Stated, wire: Wire) -> Json:
            return wire.write_order_id(_named(stated))

        await self._act(account, order_id, Action.CANCEL, write, attempt=attempt, within=_OPEN)
        return order_id

    async def change(self, account: Account, order_id: str, form: ChangeForm, attempt: Attempt) -> str:
        """Ask for another quantity. Raises: NotInAccount, WrongMoment, DoneBefore."""

        def write(stated: Stated, wire: Wire) -> Json:
            wanted = _wanted(stated.purchase.form, stated.purchase.names)
            return wire.write_update(replace(wanted, order_id=stated.order_id, quantity=form.energy))

        await self._act(account, order_id, Action.UPDATE, write, attempt=attempt, within=_OPEN)
        return order_id

    async def move_session(self, account: Account, order_id: str, wish: SessionWish, attempt: Attempt) -> str:
        """Start or stop charging. Raises: NotInAccount, WrongMoment, DoneBefore."""

        def write(stated: Stated, wire: Wire) -> Json:
            wanted = _wanted(stated.purchase.form, stated.purchase.names)
            report = stated.report
            quantity = wanted.quantity if report is None else report.quantity
            return wire.write_update(
                replace(wanted, order_id=stated.order_id, quantity=quantity, session=wish)
            )

        await self._act(account, order_id, Action.UPDATE, write, attempt=attempt, within=_BOUGHT)
        return order_id

    async def rate(self, account: Account, order_id: str, form: RatingForm, attempt: Attempt) -> str:
        """Rate what was bought; return the request's id. Raises: NotInAccount, WrongMoment, DoneBefore."""

        def write(stated: Stated, wire: Wire) -> Json:
            rating = Rating(
                target_id=_target(stated, form.about),
                category=_CATEGORY[form.about],
                value=Decimal(form.stars),
                worst=WORST_RATING,
                best=BEST_RATING,
            )
            return wire.write_ratings([rating])

        return await self._act(account, order_id, Action.RATING, write, attempt=attempt, within=_ANY)

    async def ask_support(self, account: Account, order_id: str, form: SupportForm, attempt: Attempt) -> str:
        """Ask whom to ask; return the request's id. Raises: NotInAccount, WrongMoment, DoneBefore."""

        def write(stated: Stated, wire: Wire) -> Json:
            return wire.write_support(
                Inquiry(category=_CATEGORY[form.about], target_id=_target(stated, form.about))
            )

        return await self._act(account, order_id, Action.SUPPORT, write, attempt=attempt, within=_ANY)

    async def track(self, account: Account, order_id: str, attempt: Attempt) -> str:
        """Ask where the delivery can be followed; return the request's id.

        Raises: NotInAccount, WrongMoment, DoneBefore.
        """

        def write(stated: Stated, wire: Wire) -> Json:
            return wire.write_track(_named(stated), callback_url=self.buyer.correspondent.url)

        return await self._act(account, order_id, Action.TRACK, write, attempt=attempt, within=_ANY)

    async def _act(
        self,
        account: Account,
        order_id: str,
        action: Action,
        write: Callable[[Stated, Wire], Json],
        *,
        attempt: Attempt,
        within: frozenset[OrderStatus],
    ) -> str:
        async with self.buyer.uow_factory() as uow:
            stated = await get_order(uow, order_id, account=account.key)
        status = stated.purchase.status
        if status not in within or stated.order_id is None:
            raise WrongMoment(
                f"the order is {status}",
                path="order_id",
                hint=f"This can be done while it is {' or '.join(sorted(within))}.",
            )
        profile = PROFILES[stated.profile]
        letter = _letter(stated, action, profile, write(stated, wire_of(profile.name)))
        async with self.buyer.uow_factory() as uow:
            request_id = await self._post(uow, letter, account=account)
            is_answer = action in (Action.RATING, Action.SUPPORT, Action.TRACK)
            await attempt.record(uow, request_id if is_answer else order_id, now=self.buyer.clock.now())
        return request_id

    async def _all_sellers(self) -> Sequence[str]:
        try:
            return (await self.find_sellers())[:_MOST_SELLERS]
        except NodeError as error:
            if error.retryable:
                raise
            raise SellersUnnamed(
                "the network has no list of its sellers", path="sellers", hint="Name those you mean."
            ) from error

    async def _search_letter(self, name: str, form: SearchForm, search_id: str) -> Letter | NodeError:
        """Return what a seller is asked, or why it cannot be."""
        try:
            peer = await self.buyer.get_seller(name)
            profile = await self.buyer.wires.of(name)
            message = _write_criteria(form, wire_of(profile.name))
        except NodeError as error:
            return error
        return Letter(
            action=Action.DISCOVER, peer=peer, profile=profile, message=message, transaction_id=search_id
        )

    async def _ask_seller(
        self, uow: UnitOfWork, name: str, letter: Letter | NodeError, *, account: Account, search_id: str
    ) -> None:
        """Put a seller's request of a search in the outbox, or keep why it cannot be asked."""
        error = letter if isinstance(letter, NodeError) else None
        if isinstance(letter, Letter):
            try:
                await self._post(uow, letter, account=account)
            except NodeError as refusal:  # raised before anything is written
                error = refusal
        if error is not None:
            await record_unsent(
                uow,
                request_id=self._new_id(),
                thread_id=search_id,
                bpp_id=name,
                problem=of_error(error),
                now=self.buyer.clock.now(),
            )

    async def _post(self, uow: UnitOfWork, letter: Letter, *, account: Account) -> str:
        """Put a request in the outbox together with its record; return its id."""
        call = await self.buyer.post(uow, letter, requested_by=account.holder)
        now, expires_at = self._times(letter.action)
        await record_request(uow, call, thread_id=letter.transaction_id, now=now, expires_at=expires_at)
        return call.message_id

    def _times(self, action: Action) -> tuple[datetime, datetime]:
        now = self.buyer.clock.now()
        return now, now + self.buyer.correspondent.ttl_of(action)

    def _new_id(self) -> str:
        return str(random_id())


def _write_criteria(form: SearchForm, wire: Wire) -> Json:
    """Return what a seller is asked; what its wire has no words for is sorted out of what it answers."""
    criteria = Criteria(
        words=tuple((form.words or "").casefold().split()),
        places=() if form.near is None else (form.near.place,),
        window=None if form.window is None else form.window.interval,
    )
    try:
        return wire.write_criteria(criteria)
    except SearchUnsupported:
        return wire.write_criteria(replace(criteria, window=None))


def _letter(stated: Stated, action: Action, profile: Profile, message: Mapping[str, Any]) -> Letter:
    return Letter(
        action=action,
        peer=Peer(subscriber_id=stated.purchase.bpp_id, url=stated.bpp_url),
        profile=profile,
        message=message,
        transaction_id=stated.purchase.id,
    )


def _wanted(form: QuoteForm, names: Mapping[str, str]) -> OrderRequest:
    """Return what is wanted, in words of no wire."""
    window = None if form.window is None else form.window.interval
    return OrderRequest(
        seller=names["provider"],
        buyer_id=form.buyer,
        resource_id=names["resource"],
        offer_id=names["offer"],
        quantity=form.energy,
        target_meter=form.meter,
        buyer_utility=form.utility,
        trade_start=None if window is None else window.start,
        trade_end=None if window is None else window.end,
    )


def _named(stated: Stated) -> OrderRequest:
    names = stated.purchase.names
    return OrderRequest(order_id=stated.order_id, resource_id=names["resource"], offer_id=names["offer"])


def _target(stated: Stated, about: About) -> str:
    names = stated.purchase.names
    return {About.ENERGY: names["resource"], About.SELLER: names["provider"]}.get(about) or str(
        stated.order_id
    )
