"""What a handler asks utilities, and what it finds once they have answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from bpp.cascade.questions import Question, QuestionState, QuestionStore, Waiting, order_ids
from bpp.cascade.waiting import refuse_waiting
from bpp.platform import Bpp
from kernel.money import CurrencyMismatch
from node.message import Inbound
from protocol.actions import Action
from protocol.errors import WireError
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.contracts import ContractStore, HistoryEntry
from trading.fields import Field
from trading.grid import GridGrant, GridRequest, GridStanding, with_wheeling
from trading.offer import Offer, Resource
from trading.refusals import (
    AlreadyCancelled,
    QuoteChanged,
    UtilityNotAdmitted,
    UtilityRefused,
    UtilityStillAsked,
)
from trading.request import OrderRequest
from trading.stock import Stock

QUESTIONS_CHANNEL: Final = "degnode_utility_questions"
"""Announced when utilities have to be asked something."""

_SPARE: Final = timedelta(minutes=1)
"""How much longer a quantity is held than a utility's answer is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """What each utility of a trade has granted; nothing where none had to be asked."""

    by_utility: Mapping[str, GridGrant] = field(default_factory=dict)

    def over(self, contract: Contract) -> Contract:
        """Return the contract with what its buyer can still trade, by what was granted last."""
        grid = contract.grid
        granted = None if grid is None else self.by_utility.get(grid.buyer_utility)
        if grid is None or granted is None:
            return contract
        return replace(contract, grid=replace(grid, limit=granted.limit))

    def priced(self, contract: Contract) -> Contract:
        """Return the contract with the utilities' charges among its terms. Raises: UtilityRefused."""
        grid = contract.grid
        if grid is None or not self.by_utility:
            return contract
        quoted = tuple(charge for utility in grid.sides for charge in self.by_utility[utility].wheeling)
        try:
            terms = with_wheeling(contract.terms, quoted, offered=grid.offered)
        except CurrencyMismatch as error:
            raise UtilityRefused(f"a utility charges in another currency than the seller: {error}") from error
        return replace(self.over(contract), terms=terms)


NOT_ASKED: Final = Grants()


def grid_of(bpp: Bpp, resource: Resource, offer: Offer, request: OrderRequest) -> GridStanding | None:
    """Return the utilities of what is ordered, None if none is to be asked. Raises: UtilityNotAdmitted."""
    access = resource.grid
    if access is None:
        return None
    buyer_utility = request.buyer_utility or access.utility
    if not access.serves(buyer_utility):
        admitted = ", ".join((access.utility, *access.partners))
        raise UtilityNotAdmitted(
            f"this is not sold to customers of {buyer_utility[:100]}",
            path=Field.UTILITY,
            hint=f"The utilities whose customers can buy are {admitted}.",
        )
    return GridStanding(
        platform=bpp.subscriber_id,
        seller_utility=access.utility,
        buyer_utility=buyer_utility,
        offered=len(offer.terms.all_wheeling),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """For what utilities are asked something: what waits for it, and whose doing it is."""

    action: Action
    waiting: Waiting
    actor: str
    message_id: str | None = None

    @classmethod
    def of(cls, inbound: Inbound) -> Occasion:
        """Return the occasion of a buyer's request."""
        return cls(
            action=inbound.action,
            waiting=Waiting.of(inbound),
            actor=inbound.sender,
            message_id=inbound.context.message_id,
        )


async def ask_utilities(
    bpp: Bpp,
    contract: Contract,
    inbound: Inbound,
    uow: UnitOfWork,
    *,
    now: datetime,
    about: Contract | None = None,
) -> Grants | None:
    """Return what the utilities of a locked contract granted to this very request.

    None says that they are asked now, `about` the contract as it would be if that is otherwise: then the
    handler answers nothing, and runs again with the same request when all of them have answered.
    Raises: UtilityStillAsked.
    """
    return await ask_on(bpp, contract, Occasion.of(inbound), uow, now=now, about=about or contract)


async def find_grants(contract: Contract, waiting: Waiting, uow: UnitOfWork) -> Grants | None:
    """Return what utilities granted to what waits for them, None if nothing was asked for that."""
    asked = await QuestionStore(uow.connection).of_request(contract.id, waiting)
    if not asked:
        return None
    return Grants(by_utility={each.utility_id: each.answer for each in asked if each.answer is not None})


async def ask_on(
    bpp: Bpp, contract: Contract, occasion: Occasion, uow: UnitOfWork, *, now: datetime, about: Contract
) -> Grants | None:
    """Return what was granted on an occasion; None says that the utilities are asked now.

    Raises: UtilityStillAsked.
    """
    if contract.grid is None and occasion.action is not Action.INIT:
        return NOT_ASKED
    granted = await find_grants(contract, occasion.waiting, uow)
    if granted is not None:
        return granted
    store = QuestionStore(uow.connection)
    earlier = await store.of_contract(contract.id)
    await _make_way(bpp, contract, occasion.action, earlier, uow, now=now)
    if contract.grid is None:
        return NOT_ASKED
    if occasion.action is Action.INIT:
        await ContractStore(uow.connection).save(contract)
    known = order_ids(earlier)
    for utility in contract.grid.sides:
        await store.put(
            Question(
                contract_id=contract.id,
                utility_id=utility,
                action=occasion.action,
                asked=grid_request(about, order_id=known.get(utility)),
                created_at=now,
                expires_at=now + bpp.correspondent.request_ttl,
                waiting=occasion.waiting,
            )
        )
    entry = HistoryEntry(
        at=now,
        actor=occasion.actor,
        event="ASK_UTILITIES",
        status=contract.status,
        reason=f"{occasion.action}: {', '.join(contract.grid.sides)}",
        message_id=occasion.message_id,
    )
    await ContractStore(uow.connection).note(contract, entry)
    await uow.announce(QUESTIONS_CHANNEL)
    return None


async def were_asked(contract: Contract, inbound: Inbound, uow: UnitOfWork) -> bool:
    """Say whether this very request had the utilities asked about a contract, which is held by that."""
    if contract.grid is None:
        return False
    return bool(await QuestionStore(uow.connection).of_request(contract.id, Waiting.of(inbound)))


async def _make_way(
    bpp: Bpp,
    contract: Contract,
    action: Action,
    earlier: list[Question],
    uow: UnitOfWork,
    *,
    now: datetime,
) -> None:
    """Let a later init take the place of an earlier one that still waits.

    What utilities are asked anew takes the place of what they were to be told before.
    Raises: UtilityStillAsked.
    """
    waited_for = [each for each in earlier if each.is_open and each.waiting is not None]
    if waited_for and action is not Action.INIT:
        utilities = ", ".join(sorted({each.utility_id for each in waited_for}))
        raise UtilityStillAsked(
            f"{utilities} is still asked about the order {contract.id}",
            hint="Wait for the callback to your earlier request.",
        )
    replaced = WireError.of(QuoteChanged("a later init took the place of this one"))
    await withdraw(bpp, waited_for, uow, error=replaced, now=now)
    sides = contract.grid.sides if contract.grid else {}
    if action is not Action.CONFIRM:  # which needs the update back that comes before it
        overtaken = [each for each in earlier if each.is_open and each.waiting is None]
        await withdraw(
            bpp, [each for each in overtaken if each.utility_id in sides], uow, error=replaced, now=now
        )
    left = {each.utility_id for each in earlier} - set(sides)
    for utility in sorted(left):
        await put_notice(bpp, contract, Action.CANCEL, uow, utility=utility, known=earlier, now=now)


async def keep_held(bpp: Bpp, contract: Contract, uow: UnitOfWork, *, now: datetime) -> None:
    """Hold a pending contract's quantity for as long as utilities may take to answer."""
    until = max(contract.hold_until, now + bpp.correspondent.request_ttl + _SPARE)
    held = replace(contract, hold_until=until, refresh_at=until)
    await ContractStore(uow.connection).save(held)
    await Stock(uow.connection).hold_for(held, now=now)


async def withdraw(
    bpp: Bpp, questions: list[Question], uow: UnitOfWork, *, error: WireError, now: datetime
) -> None:
    """Wait no more for the answers to open questions; whose request waited for them is told `error`."""
    for question in questions:
        await QuestionStore(uow.connection).close(question, QuestionState.WITHDRAWN, now=now)
    for waiting in dict.fromkeys(each.waiting for each in questions):
        if waiting is not None:
            await refuse_waiting(bpp, waiting, error, uow, now=now)


async def end_at_utilities(bpp: Bpp, contract: Contract, uow: UnitOfWork, *, now: datetime) -> None:
    """Tell the utilities of a locked contract that it has ended; nobody waits for what they say to that.

    A request that still waits for them is refused. Call it wherever a contract is cancelled.
    """
    if contract.grid is None:
        return
    asked = await QuestionStore(uow.connection).of_contract(contract.id)
    waited_for = [each for each in asked if each.is_open and each.waiting is not None]
    ended = WireError.of(AlreadyCancelled(f"the order {contract.id} was cancelled meanwhile"))
    await withdraw(bpp, waited_for, uow, error=ended, now=now)
    for utility in contract.grid.sides:
        await put_notice(bpp, contract, Action.CANCEL, uow, utility=utility, known=asked, now=now)


async def put_notice(
    bpp: Bpp,
    contract: Contract,
    action: Action,
    uow: UnitOfWork,
    *,
    utility: str,
    known: list[Question],
    now: datetime,
) -> None:
    """Have a utility told something until it answers; `known` is what it was asked before.

    A contract that has to do with utilities no more is told as it was when this one was asked last.
    """
    order_id = order_ids(known).get(utility)
    if contract.grid is None:
        last = [each for each in known if each.utility_id == utility][-1]
        asked = replace(last.asked, order_id=order_id or contract.id)
    else:
        asked = grid_request(contract, order_id=order_id)
    await QuestionStore(uow.connection).put(
        Question(
            contract_id=contract.id,
            utility_id=utility,
            action=action,
            asked=asked,
            created_at=now,
            expires_at=now + bpp.correspondent.request_ttl,
        )
    )
    await uow.announce(QUESTIONS_CHANNEL)


def grid_request(contract: Contract, *, order_id: str | None) -> GridRequest:
    """Return a contract as it is put before utilities; `order_id` is theirs, where they gave one."""
    grid = contract.grid
    if grid is None:
        raise ValueError(f"no utility is asked about the contract {contract.id}")
    return GridRequest(
        order_id=order_id or contract.id,
        buyer_platform=contract.bap_id,
        seller_platform=grid.platform,
        buyer_utility=grid.buyer_utility,
        seller_utility=grid.seller_utility,
        buyer_id=contract.buyer_id,
        provider_id=contract.provider_id,
        resource_id=contract.resource_id,
        offer_id=contract.offer_id,
        source_meter=contract.source_meter,
        target_meter=contract.target_meter,
        quantity=contract.quantity,
        window=contract.window,
        settlement=contract.terms.settlement_type,
        zone=contract.zone,
    )
