"""An order of several lines seen as one: sums, every cycle and bill, and one status. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from kernel.energy import ZERO_ENERGY
from kernel.interval import Interval
from kernel.money import Money, sum_money
from trading.cancellation import Cancellation
from trading.contract import Contract
from trading.delivery import ContractView, Delivery, DeliveryStatus
from trading.lifecycle import ContractStatus
from trading.order_lines import cycle_id_of, sum_quotes

_STANDING: Final = (
    ContractStatus.PENDING,
    ContractStatus.ACTIVE,
    ContractStatus.COMPLETED,
    ContractStatus.TERMINATED,
)
"""Lines at different statuses: the order is at the first of these at which any line is."""

_DELIVERED: Final = (
    (frozenset({DeliveryStatus.FAILED}), DeliveryStatus.FAILED),
    (frozenset({DeliveryStatus.PENDING}), DeliveryStatus.PENDING),
    (frozenset({DeliveryStatus.PENDING, DeliveryStatus.FAILED}), DeliveryStatus.PENDING),
    (frozenset({DeliveryStatus.COMPLETED, DeliveryStatus.FAILED}), DeliveryStatus.COMPLETED),
    (frozenset(DeliveryStatus), DeliveryStatus.IN_PROGRESS),
)
"""What lines whose deliveries are all at some of these come to: the first row that holds."""


def status_of(contracts: Sequence[Contract]) -> ContractStatus:
    """Return how far the order of these contracts has come."""
    return min((each.status for each in contracts), key=_STANDING.index)


def delivery_status_of(deliveries: Sequence[Delivery]) -> DeliveryStatus:
    """Return how far what is delivered under several lines has come."""
    reached = {each.status for each in deliveries}
    return next(status for among, status in _DELIVERED if reached <= among)


def join_views(views: Sequence[ContractView]) -> ContractView:
    """Return all lines of an order as one view; what cannot be summed up is that of the first line."""
    first, contracts = views[0], [view.contract for view in views]
    currency = first.contract.terms.currency
    return ContractView(
        contract=_joined_contract(contracts),
        delivery=_joined_delivery([view.delivery for view in views]),
        cycles=tuple(cycle for view in views for cycle in told_line(view).cycles),
        settled=sum_money((view.total for view in views), currency=currency),
        bills=tuple(bill for view in views for bill in told_line(view).bills),
        penalty=sum_money((view.penalty or Money.zero(currency) for view in views), currency=currency),
        cancellation=_joined_cancellation(views),
        quoted=sum_quotes([each.quote for each in contracts]),
        lacks_bills=any(
            not view.bills and view.contract.status is not ContractStatus.TERMINATED for view in views
        ),
    )


def told_line(view: ContractView) -> ContractView:
    """Return the view of a line with the ids under which its cycles and bills are told in its order."""
    line = view.contract.line
    if line == 1:
        return view
    delivery, cycle = view.delivery, view.delivery.settlement_cycle_id
    return replace(
        view,
        cycles=tuple(replace(each, cycle_id=cycle_id_of(line, each.cycle_id)) for each in view.cycles),
        bills=tuple(replace(each, cycle_id=cycle_id_of(line, each.cycle_id)) for each in view.bills),
        delivery=replace(delivery, settlement_cycle_id=cycle and cycle_id_of(line, cycle)),
    )


def hull(windows: Sequence[Interval]) -> Interval:
    """Return the shortest window in which all of these are."""
    return Interval(min(each.start for each in windows), max(each.end for each in windows))


def _joined_contract(contracts: Sequence[Contract]) -> Contract:
    return replace(
        contracts[0],
        quantity=sum((each.quantity for each in contracts), ZERO_ENERGY),
        window=hull([each.window for each in contracts]),
        status=status_of(contracts),
        updated_at=max(each.updated_at for each in contracts),
    )


def _joined_delivery(deliveries: Sequence[Delivery]) -> Delivery:
    return Delivery(
        status=delivery_status_of(deliveries),
        delivered=sum((each.delivered for each in deliveries), ZERO_ENERGY),
        window=hull([each.window for each in deliveries]),
        ended=all(each.ended for each in deliveries),
    )


def _joined_cancellation(views: Sequence[ContractView]) -> Cancellation | None:
    """Return how the order was ended, None of one of which a line goes on or is fulfilled."""
    ended = [view.cancellation for view in views if view.cancellation is not None]
    if len(ended) < len(views):
        return None
    currency = ended[0].owed.currency
    return replace(
        ended[-1],
        agreed=hull([each.agreed for each in ended]),
        value=sum_money((each.value for each in ended), currency=currency),
        owed=sum_money((each.owed for each in ended), currency=currency),
    )
