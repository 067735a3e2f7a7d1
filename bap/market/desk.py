"""What apps ask for in plain words, sent to sellers on whatever wire each of them speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bap.buyer import Buyer, Letter
from bap.market.account import Account
from bap.market.acts import OrderActs
from bap.market.forms import QuoteForm, SearchForm
from bap.market.goods import require_one_seller
from bap.market.idempotency import Attempt, DoneBefore
from bap.market.letters import WrongMoment, letter_about, post, times_of
from bap.market.problem import MarketError, of_error
from bap.market.purchase_store import add_purchase, find_purchase, get_quote, set_purchase
from bap.market.requests import list_requests, record_unsent
from bap.market.searches import add_search, find_goods
from bap.market.tables import OrderStatus, RequestState
from kernel.errors import NodeError
from kernel.ids import random_id
from protocol.actions import Action
from storage.unit_of_work import UnitOfWork
from trading.mapping import wire_of
from trading.mapping.lines import write_lines
from trading.mapping.wire import Wire
from trading.refusals import SearchUnsupported
from trading.request import Criteria

FindSellers = Callable[[], Awaitable[Sequence[str]]]
"""Returns the names of all sellers' platforms of the network. Raises: RegistryUnavailable, …"""

Json = dict[str, Any]

_MOST_SELLERS: Final = 50
_LOOK_UPS_AT_ONCE: Final = 10


class SellersUnnamed(MarketError):
    """The request names no sellers, and nobody can list them."""

    code, http_status, retryable = "MARKET_SELLERS_UNNAMED", 422, False
    kind = "invalid-request"


class SellerBeyond(MarketError):
    """The network has more sellers than a search asks, and this is one of those beyond."""

    code, http_status, retryable = "MARKET_SELLER_BEYOND", 422, False
    kind = "seller-unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketDesk:
    """Serves the plain API: finds the seller and its wire, writes what is asked, and keeps it together."""

    buyer: Buyer
    find_sellers: FindSellers

    @property
    def acts(self) -> OrderActs:
        """What can be done with an order."""
        return OrderActs(buyer=self.buyer)

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
        names = list(dict.fromkeys(sellers))
        letters = await self._search_letters(names[:_MOST_SELLERS], form, search_id)
        letters += [(name, _one_too_many(name)) for name in names[_MOST_SELLERS:]]
        now, closes_at = times_of(self.buyer, Action.DISCOVER)
        async with self.buyer.uow_factory() as uow:
            await add_search(uow, search_id, account=account.key, form=form, now=now, closes_at=closes_at)
            for name, letter in letters:
                await self._ask_seller(uow, name, letter, account=account, search_id=search_id)
            await attempt.record(uow, search_id, now=now)
        return search_id

    async def quote(self, account: Account, form: QuoteForm, attempt: Attempt) -> str:
        """Ask a seller for the price of one offer or of several; return the quote's id.

        Raises: NotInAccount, SellersDiffer, PeerUnknown, RegistryUnavailable, MessageRefused, DoneBefore.
        """
        async with self.buyer.uow_factory() as uow:
            goods = await find_goods(uow, form, account=account.key)
        require_one_seller(goods)
        form = form if form.buyer else form.model_copy(update={"buyer": account.buyer})
        peer = await self.buyer.get_seller(goods[0].names["bpp_id"])
        profile = await self.buyer.wires.of(peer.subscriber_id)
        quote_id = self._new_id()
        letter = Letter(
            action=Action.SELECT,
            peer=peer,
            profile=profile,
            message=write_lines(wire_of(profile.name), [good.wanted(form) for good in goods], sent={}),
            transaction_id=quote_id,
        )
        now = self.buyer.clock.now()
        async with self.buyer.uow_factory() as uow:
            await add_purchase(uow, quote_id, account=account.key, form=form, goods=goods, now=now)
            await post(self.buyer, uow, letter, holder=account.holder)
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
        message = write_lines(wire_of(profile.name), purchase.wanted, sent={})
        letter = letter_about(quoted, Action.INIT, profile, message)
        now = self.buyer.clock.now()
        async with self.buyer.uow_factory() as uow:
            await post(self.buyer, uow, letter, holder=account.holder)
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

    async def _all_sellers(self) -> Sequence[str]:
        try:
            return await self.find_sellers()
        except NodeError as error:
            if error.retryable:
                raise
            raise SellersUnnamed(
                "the network has no list of its sellers", path="sellers", hint="Name those you mean."
            ) from error

    async def _search_letters(
        self, names: Sequence[str], form: SearchForm, search_id: str
    ) -> list[tuple[str, Letter | NodeError]]:
        at_once = asyncio.Semaphore(_LOOK_UPS_AT_ONCE)

        async def write(name: str) -> Letter | NodeError:
            async with at_once:
                return await self._search_letter(name, form, search_id)

        return list(zip(names, await asyncio.gather(*map(write, names)), strict=True))

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
                await post(self.buyer, uow, letter, holder=account.holder)
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

    def _new_id(self) -> str:
        return str(random_id())


def _one_too_many(name: str) -> SellerBeyond:
    return SellerBeyond(
        f"{name} was not asked: a search asks {_MOST_SELLERS} platforms at most",
        hint="Name it under `sellers`.",
    )


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
