"""A conversation: what the buyer asks and the seller answers, from the first look to the paid bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from degnode.demo.meters import EXPORTED, IMPORTED
from examples.conversations.recorder import BAP, BPP, Json, Recorder, Written, platforms
from examples.conversations.use_cases import P2P, Session, UseCase, agreed_at
from kernel.clock import ManualClock
from kernel.energy import Energy
from kernel.interval import Interval
from protocol.actions import Action
from protocol.profile import Profile
from storage.unit_of_work import UnitOfWorkFactory
from trading.cancellation import Reason
from trading.mapping.grid import name_utility
from trading.request import Criteria, Inquiry, OrderRequest, Rating, SessionWish

_TELLS: Final = timedelta(minutes=10)
"""How long after an interval its meters have told of it."""
_REACTS: Final = timedelta(seconds=2)
"""From a wish to the answer, which is when a session begins or ends."""
_PARTS: Final = 2
"""How often the meters tell: in the middle, and at the end."""


async def converse(
    use_case: UseCase,
    profile: Profile,
    *,
    uow_factory: UnitOfWorkFactory,
    utilities: Sequence[UnitOfWorkFactory] = (),
) -> Sequence[Written]:
    """Return every message of the use case on `profile`, in order; on empty databases always the same.

    `utilities` are the databases of those that are asked, one for each.
    """
    clock = ManualClock(agreed_at(use_case))
    recorder = platforms(uow_factory, catalogue=use_case.catalogue, profile=profile, clock=clock)
    for (name, file), database in zip(use_case.utilities.items(), utilities, strict=True):
        await recorder.join(name, file, uow_factory=database)
    async with uow_factory() as uow:
        await recorder.bpp.open_shop(uow)
    if use_case.deposit is not None:
        await recorder.pay_in(use_case.deposit)
    order_id = await _buy(recorder, use_case)
    await (_deliver if use_case.session is None else _charge)(recorder, use_case, order_id)
    if use_case is P2P:  # whatever else a buyer may ask is shown once
        await _ask_on(recorder, order_id)
        await _change_and_cancel(recorder, use_case)
    return recorder.written


async def _buy(recorder: Recorder, use_case: UseCase) -> str:
    """Return the id of a confirmed order."""
    wire = recorder.wire
    await recorder.ask(Action.DISCOVER, wire.write_criteria(Criteria(words=use_case.words)))
    wanted = wire.write_order_request(_order(recorder, use_case))
    await recorder.ask(Action.SELECT, wanted)
    confirmed = await recorder.ask(Action.CONFIRM, await recorder.ask(Action.INIT, wanted))
    return str(wire.find_parts(confirmed[wire.ORDER_KEY]).order_id)


def _order(recorder: Recorder, use_case: UseCase) -> OrderRequest:
    offer = next(each for each in recorder.bpp.catalogue.offers if each.id == use_case.offer_id)
    wanted = OrderRequest(
        seller=offer.provider_id,
        buyer_id=use_case.buyer_id,
        resource_id=offer.resource_id,
        offer_id=offer.id,
        quantity=use_case.quantity,
        contracted=use_case.quantity,
        target_meter=use_case.target_meter,
        trade_start=None if use_case.session is Session.WALK_IN else use_case.window.start,
        trade_end=None if use_case.session is Session.WALK_IN else use_case.window.end,
    )
    if use_case.buyer_utility is None:
        return wanted
    return name_utility(
        recorder.wire,
        wanted,
        utility=use_case.buyer_utility,
        buyer_platform=BAP.subscriber_id,
        seller_platform=BPP.subscriber_id,
    )


async def _deliver(recorder: Recorder, use_case: UseCase, _order_id: str) -> None:
    """Let the window go by; both meters tell twice."""
    count = len(use_case.taken)
    step = use_case.window.duration / count
    for first, last in _halves(count):
        period = Interval(use_case.window.start + first * step, use_case.window.start + last * step)
        recorder.clock.set(period.end + _TELLS)
        if use_case.target_meter is None:
            await recorder.report(use_case.source_meter, IMPORTED, period, use_case.taken[first:last])
        else:
            await recorder.report(use_case.source_meter, EXPORTED, period, use_case.given[first:last])
            await recorder.report(use_case.target_meter, IMPORTED, period, use_case.taken[first:last])
        await recorder.look_again()
        await recorder.look_again()  # what was paid ahead pays the bill, and the buyer is told of that


async def _charge(recorder: Recorder, use_case: UseCase, order_id: str) -> None:
    """Let a session go by: the buyer starts and stops it, the plug's meter tells twice."""
    window, wanted = use_case.window, replace(_order(recorder, use_case), order_id=order_id)
    recorder.clock.set(window.start - _REACTS)
    await _wish(recorder, wanted, SessionWish.START)
    middle = window.start + window.duration / _PARTS
    await _tell_of_plug(recorder, use_case, Interval(window.start, middle), use_case.taken[:1])
    recorder.clock.set(window.end - _REACTS)
    await _wish(recorder, wanted, SessionWish.STOP)
    await _tell_of_plug(recorder, use_case, Interval(middle, window.end), use_case.taken[1:])
    await recorder.look_again()


async def _wish(recorder: Recorder, wanted: OrderRequest, wish: SessionWish) -> None:
    await recorder.ask(Action.UPDATE, recorder.wire.write_update(replace(wanted, session=wish)))
    await recorder.look_again()


async def _tell_of_plug(
    recorder: Recorder, use_case: UseCase, period: Interval, energies: Sequence[Energy]
) -> None:
    recorder.clock.set(max(recorder.clock.now(), period.end))
    await recorder.report(use_case.source_meter, IMPORTED, period, energies)
    await recorder.look_again()


def _halves(count: int) -> list[tuple[int, int]]:
    middle = count // _PARTS
    return [(first, last) for first, last in ((0, middle), (middle, count)) if first < last]


async def _ask_on(recorder: Recorder, order_id: str) -> None:
    """Ask whatever a buyer may ask about an order."""
    wire, order = recorder.wire, OrderRequest(order_id=order_id)
    await recorder.ask(Action.STATUS, wire.write_order_id(order))
    await recorder.ask(Action.TRACK, wire.write_track(order, callback_url=f"{BAP.url}/track/{order_id}"))
    rating = Rating(target_id=order_id, category="ORDER", value=Decimal(5), worst=Decimal(1), best=Decimal(5))
    await recorder.ask(Action.RATING, wire.write_ratings([rating]))
    await recorder.ask(Action.SUPPORT, wire.write_support(Inquiry(category="ORDER", target_id=order_id)))


async def _change_and_cancel(recorder: Recorder, use_case: UseCase) -> None:
    """Buy again for the next day, take less of it, and then nothing."""
    day = timedelta(days=1)
    window = Interval(use_case.window.start + day, use_case.window.end + day)
    recorder.transaction_id = str(recorder.bpp.new_id())
    order_id = await _buy(recorder, replace(use_case, window=window))
    wanted = replace(_order(recorder, replace(use_case, window=window)), order_id=order_id)
    less = replace(wanted, quantity=Energy(6_000), contracted=Energy(6_000))
    await recorder.ask(Action.UPDATE, recorder.wire.write_update(less))
    reason = Reason(code="BUYER_CHANGED_MIND", words="The ovens are out of order")
    cancel: Json = recorder.wire.write_cancel(OrderRequest(order_id=order_id), reason)
    await recorder.ask(Action.CANCEL, cancel)
