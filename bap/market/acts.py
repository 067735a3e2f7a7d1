"""What apps do with their orders: each act is one request to the seller, on the wire of the order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from bap.buyer import Buyer
from bap.market.account import Account
from bap.market.forms import About, CancelForm, ChangeForm, ProposalForm, RatingForm, SupportForm
from bap.market.goods import find_good, is_named_once
from bap.market.idempotency import Attempt
from bap.market.letters import WrongMoment, letter_about, post
from bap.market.purchase import Stated
from bap.market.purchase_store import find_purchase, get_order
from bap.market.requests import PLAIN, Asked, list_requests
from bap.market.tables import OrderStatus
from protocol.actions import Action
from protocol.profile import PROFILES
from trading.cancellation import Reason
from trading.mapping import wire_of
from trading.mapping.lines import write_lines
from trading.mapping.wire import Wire
from trading.proposal import Answer
from trading.request import BEST_RATING, WORST_RATING, Inquiry, OrderRequest, Rating, SessionWish
from trading.wheeling import Side

Json = dict[str, Any]

_CATEGORY: Final = {About.ORDER: "ORDER", About.ENERGY: "ITEM", About.SELLER: "PROVIDER"}
_COMMENT: Final = "comments"
"""Under which key of its feedback a rating has words: 2.0 RC has no other."""
_HELD: Final = frozenset({OrderStatus.HELD})
_OPEN: Final = frozenset({OrderStatus.HELD, OrderStatus.ACTIVE})
_BOUGHT: Final = frozenset({OrderStatus.ACTIVE})
_ONE_AT_A_TIME: Final = frozenset({Action.CONFIRM, Action.UPDATE, Action.CANCEL})
_ANY: Final = frozenset({*_OPEN, OrderStatus.COMPLETED, OrderStatus.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderActs:
    """Writes what an app wants of an order, and has it posted to the order's seller."""

    buyer: Buyer

    async def confirm(self, account: Account, order_id: str, attempt: Attempt) -> str:
        """Buy what is held, at that price. Raises: NotInAccount, WrongMoment, DoneBefore."""

        def write(stated: Stated, wire: Wire) -> Json:
            return {wire.ORDER_KEY: stated.document}

        await self._act(account, order_id, Action.CONFIRM, write, attempt=attempt, within=_HELD)
        return order_id

    async def cancel(self, account: Account, order_id: str, form: CancelForm | None, attempt: Attempt) -> str:
        """End an order. Raises: NotInAccount, WrongMoment, DoneBefore."""
        words = None if form is None else form.reason

        def write(stated: Stated, wire: Wire) -> Json:
            return wire.write_cancel(_named(stated), Reason(words=words or ""))

        await self._act(account, order_id, Action.CANCEL, write, attempt=attempt, within=_OPEN)
        return order_id

    async def change(self, account: Account, order_id: str, form: ChangeForm, attempt: Attempt) -> str:
        """Ask for another quantity of a line. Raises: NotInAccount, WrongMoment, LineUnclear, DoneBefore."""

        def write(stated: Stated, wire: Wire) -> Json:
            goods = stated.purchase.goods
            line = find_good(goods, form.line)
            wanted = replace(stated.agreed(line.number), quantity=form.energy)
            if is_named_once(line, goods):
                return wire.write_update(wanted)
            lines = [wanted if each == line else stated.agreed(each.number) for each in goods]
            return {**wire.write_update(wanted), **write_lines(wire, lines, sent={})}

        await self._act(account, order_id, Action.UPDATE, write, attempt=attempt, within=_OPEN)
        return order_id

    async def answer_proposal(
        self, account: Account, order_id: str, form: ProposalForm, attempt: Attempt
    ) -> str:
        """Accept or refuse what the seller proposes. Raises: NotInAccount, WrongMoment, DoneBefore."""

        def write(stated: Stated, wire: Wire) -> Json:
            line = _line_waiting(stated, form.proposal_id)
            answer = Answer(proposal_id=form.proposal_id, accepts=form.accepts)
            return wire.write_answer(stated.agreed(line), answer)

        await self._act(account, order_id, Action.UPDATE, write, attempt=attempt, within=_BOUGHT)
        return order_id

    async def move_session(self, account: Account, order_id: str, wish: SessionWish, attempt: Attempt) -> str:
        """Start or stop charging. Raises: NotInAccount, WrongMoment, DoneBefore."""

        def write(stated: Stated, wire: Wire) -> Json:
            return wire.write_update(replace(stated.agreed(), session=wish))

        await self._act(account, order_id, Action.UPDATE, write, attempt=attempt, within=_BOUGHT)
        return order_id

    async def rate(self, account: Account, order_id: str, form: RatingForm, attempt: Attempt) -> str:
        """Rate what was bought; return the request's id. Raises: NotInAccount, WrongMoment, DoneBefore."""

        def write(stated: Stated, wire: Wire) -> Json:
            rating = Rating(
                target_id=_target(stated, form),
                category=_CATEGORY[form.about],
                value=Decimal(form.stars),
                worst=WORST_RATING,
                best=BEST_RATING,
                feedback={} if form.comment is None else {_COMMENT: form.comment},
            )
            return wire.write_ratings([rating])

        return await self._act(account, order_id, Action.RATING, write, attempt=attempt, within=_ANY)

    async def ask_support(self, account: Account, order_id: str, form: SupportForm, attempt: Attempt) -> str:
        """Ask whom to ask; return the request's id. Raises: NotInAccount, WrongMoment, DoneBefore."""

        def write(stated: Stated, wire: Wire) -> Json:
            return wire.write_support(
                Inquiry(category=_CATEGORY[form.about], target_id=_target(stated, form))
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
        _require_status(stated.purchase.status, within)
        if stated.order_id is None:
            raise WrongMoment("the seller has not named the order yet", path="order_id")
        profile = PROFILES[stated.profile]
        letter = letter_about(stated, action, profile, write(stated, wire_of(profile.name)))
        async with self.buyer.uow_factory() as uow:
            request_id = await post(self.buyer, uow, letter, holder=account.holder)
            is_answer = action in (Action.RATING, Action.SUPPORT, Action.TRACK)
            now = self.buyer.clock.now()
            await attempt.record(uow, request_id if is_answer else order_id, now=now)
            current = await find_purchase(uow, order_id, lock=True)
            _require_status(None if current is None else current.status, within)
            others = [asked for asked in await list_requests(uow, order_id) if asked.id != request_id]
            _require_none_open(others, action, now)
        return request_id


def _require_status(status: OrderStatus | None, within: frozenset[OrderStatus]) -> None:
    """Raises: WrongMoment, unless the order is where this can be done to it."""
    if status not in within:
        raise WrongMoment(
            f"the order is {status}",
            path="order_id",
            hint=f"This can be done while it is {' or '.join(sorted(within))}.",
        )


def _require_none_open(others: list[Asked], action: Action, now: datetime) -> None:
    """Raises: WrongMoment, if the seller has not answered yet what it was asked of the same kind."""
    if action in _ONE_AT_A_TIME and any(asked.action is action and asked.is_open(now) for asked in others):
        raise WrongMoment(
            f"the seller has not answered the last {PLAIN[action]} yet",
            path="order_id",
            hint="Wait until it has.",
        )


def _line_waiting(stated: Stated, proposal_id: str) -> int:
    """Return the line that the seller's proposal of that id waits for the buyer's answer about.

    Raises: WrongMoment, if there is none.
    """
    newest = enumerate(stated.proposals, start=1)
    line, proposal = next(
        ((line, each) for line, each in newest if each is not None and each.id == proposal_id), (0, None)
    )
    if proposal is None:
        raise WrongMoment(
            "the order's newest proposal is another one, or there is none",
            path="proposal_id",
            hint="Read the order's proposal.",
        )
    if proposal.side is not Side.SELLER or not proposal.is_open:
        raise WrongMoment(
            f"the {proposal.side.lower()}'s proposal is {proposal.status.lower()}",
            path="proposal_id",
            hint="Only what the seller proposes can be answered, while it is open.",
        )
    return line


def _named(stated: Stated) -> OrderRequest:
    names = stated.purchase.names
    return OrderRequest(order_id=stated.order_id, resource_id=names["resource"], offer_id=names["offer"])


def _target(stated: Stated, form: RatingForm | SupportForm) -> str:
    """Return what the seller calls what is meant. Raises: LineUnclear."""
    if form.about is About.ENERGY:
        return find_good(stated.purchase.goods, form.line).names["resource"]
    if form.about is About.SELLER:
        return stated.purchase.names["provider"]
    return str(stated.order_id)
