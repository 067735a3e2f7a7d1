"""Orders of several lines, as data: their ids, what may stand in one, how they look as one, on each wire."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from kernel.currency import Currency
from kernel.energy import ZERO_ENERGY, Energy
from kernel.errors import NodeError
from kernel.money import Money
from tests.support.order_lines import (
    AFTERNOON_HOURS,
    AFTERNOON_LINE,
    LINES,
    MORNING_HOURS,
    MORNING_LINE,
    ROOF_LINE,
    two_offers,
)
from tests.support.seller_world import NOW, WINDOW
from trading.cancellation import Cancellation
from trading.contract import Contract
from trading.delivery import BillingCycleView, ContractView, Delivery, DeliveryStatus
from trading.fields import Field
from trading.lifecycle import ContractStatus
from trading.line_matching import find_named, match_lines
from trading.mapping import WIRES, v1_1, v2_rc
from trading.mapping.lines import read_lines, write_lines
from trading.mapping.wire import Wire
from trading.order_lines import (
    MOST_LINES,
    NamedLine,
    Ordered,
    contract_id_of,
    cycle_id_of,
    named_bill,
    read_cycle_id,
    require_agreed_lines,
    require_one_sum,
    require_price,
    require_together,
    sum_quotes,
)
from trading.order_view import delivery_status_of, join_views, status_of
from trading.refusals import FieldInvalid, LinesDiffer, LinesUnsuitable, OneItemOnly, UpdateInconsistent
from trading.request import OrderRequest, Selection, find_selection
from trading.wheeling import Side

Json = dict[str, Any]
CATALOGUE = two_offers()


@pytest.fixture(params=list(WIRES.values()), ids=list(WIRES))
def wire(request: pytest.FixtureRequest) -> Wire:
    found: Wire = request.param
    return found


def selected(request: OrderRequest) -> Selection:
    return find_selection(CATALOGUE, request, now=NOW)


def contract(line: int, request: OrderRequest, *, lines: int = 2, **changes: Any) -> Contract:
    selection = selected(request)
    made = Contract(
        id=contract_id_of("o-1", line),
        transaction_id="t",
        bap_id="bap.example",
        bap_url="https://bap.example",
        buyer_id="baker-1",
        provider_id=selection.resource.provider_id,
        resource_id=selection.resource.id,
        offer_id=selection.offer.id,
        offer_name=selection.offer.name,
        profile="v2_rc",
        source=selection.resource.source,
        target_meter="98765456",
        quantity=selection.quantity,
        window=selection.window,
        terms=selection.offer.terms,
        zone=selection.offer.zone,
        status=ContractStatus.ACTIVE,
        created_at=NOW,
        updated_at=NOW,
        hold_until=NOW,
        confirmed_at=NOW,
        line=line,
        lines=lines,
    )
    return replace(made, **changes)


TWO = (contract(1, MORNING_LINE), contract(2, AFTERNOON_LINE))


# ids


def test_the_first_line_has_the_orders_id_and_the_others_theirs() -> None:
    assert [each.id for each in TWO] == ["o-1", "o-1.2"]
    assert [each.order_id for each in TWO] == ["o-1", "o-1"]


@pytest.mark.parametrize(("line", "told"), [(1, "bill-1"), (2, "2:bill-1"), (20, "20:bill-1")])
def test_a_bill_is_found_by_the_id_it_is_told_under(line: int, told: str) -> None:
    assert cycle_id_of(line, "bill-1") == told
    assert read_cycle_id(told) == (line, "bill-1")
    assert named_bill("o-1", told) == (contract_id_of("o-1", line), "bill-1")
    assert named_bill(contract_id_of("o-1", line), told) == (contract_id_of("o-1", line), "bill-1")


@pytest.mark.parametrize("other", ["x:bill-1", "1:bill-1", "21:bill-1", "02:bill-1", "²:bill-1", ":bill-1"])
def test_what_only_looks_like_it_is_an_id_of_its_own(other: str) -> None:
    assert read_cycle_id(other) == (1, other)


# what may stand in one order


def refused(*lines: OrderRequest) -> NodeError:
    ordered = Ordered(lines=lines, paths=v1_1.PATHS)
    with pytest.raises(LinesUnsuitable) as caught:
        require_together(ordered, [selected(each) for each in lines])
    return caught.value


def test_the_same_twice_is_refused_and_says_with_which_line() -> None:
    error = refused(MORNING_LINE, AFTERNOON_LINE, MORNING_LINE)
    assert error.message == "line 3: the same is ordered as in line 1"
    assert error.path == "$.message.order.items[2].id"


def test_the_same_offer_in_another_window_is_another_line() -> None:
    later = replace(MORNING_LINE, trade_start=AFTERNOON_HOURS.start, trade_end=AFTERNOON_HOURS.end)
    lines = (MORNING_LINE, later)
    require_together(Ordered(lines=lines), [selected(each) for each in lines])


def test_other_sellers_and_currencies_are_ordered_apart() -> None:
    ordered, first = Ordered(lines=LINES, paths=v1_1.PATHS), selected(MORNING_LINE)
    elsewhere = replace(first, resource=replace(first.resource, provider_id="hill"))
    with pytest.raises(LinesUnsuitable, match="line 2: it is sold by hill"):
        require_together(ordered, [first, elsewhere])
    euros = replace(first.offer.terms.price, currency=Currency("EUR"))
    dear = replace(
        first, offer=replace(first.offer, terms=replace(first.offer.terms, price=euros, wheeling=None))
    )
    with pytest.raises(LinesUnsuitable, match="line 2: it is paid in EUR"):
        require_together(ordered, [first, dear])


def test_the_sum_must_be_that_of_the_lines() -> None:
    require_one_sum(Ordered(lines=LINES, contracted=Energy(25_000)))
    with pytest.raises(NodeError, match="the lines come to 25 kWh"):
        require_one_sum(Ordered(lines=LINES, contracted=Energy(24_000)))


def test_the_price_must_be_that_of_all_lines() -> None:
    quote = sum_quotes([each.quote for each in TWO])
    assert (quote.total.minor, quote.quantity) == (655, Energy(25_000))
    require_price(Ordered(lines=LINES, total=Decimal("6.55"), currency="USD"), quote)
    with pytest.raises(NodeError, match=r"names a price of 6\.54"):
        require_price(Ordered(lines=LINES, total=Decimal("6.54")), quote)
    with pytest.raises(NodeError, match="the order is in EUR"):
        require_price(Ordered(lines=LINES, currency="EUR"), quote)


def test_who_confirms_names_all_lines_or_none() -> None:
    assert require_agreed_lines(Ordered(lines=LINES), 2) == LINES
    nothing = OrderRequest(order_id="o-1")
    assert require_agreed_lines(Ordered(lines=(nothing,)), 2) == (nothing, nothing)
    with pytest.raises(LinesDiffer, match="has 1 lines, agreed were 2"):
        require_agreed_lines(Ordered(lines=LINES[:1]), 2)


# which lines an update or a cancel is about


def test_all_lines_are_matched_by_their_order_and_some_by_what_they_are_of() -> None:
    assert match_lines(TWO, Ordered(lines=LINES)) == [(1, TWO[0]), (2, TWO[1])]
    assert match_lines(TWO, Ordered(lines=LINES[1:])) == [(1, TWO[1])]
    assert match_lines(TWO, Ordered(lines=(OrderRequest(),))) == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((replace(MORNING_LINE, offer_id=None),), "2 lines of the order are of rooftop-solar-07"),
        ((ROOF_LINE,), "the order has no line of rooftop-solar-08"),
        ((MORNING_LINE, MORNING_LINE), "line 2: it names the same line"),
    ],
)
def test_what_is_no_line_or_several_is_refused(lines: tuple[OrderRequest, ...], words: str) -> None:
    three = (*(replace(each, lines=3) for each in TWO), contract(3, ROOF_LINE, lines=3))
    among = TWO if len(lines) == 1 else three
    with pytest.raises(UpdateInconsistent, match=words):
        match_lines(among, Ordered(lines=lines, paths=v1_1.PATHS))


def test_lines_are_named_by_their_number_too() -> None:
    two, both = TWO[1], NamedLine(resource_id=TWO[0].resource_id)
    assert find_named(TWO, [replace(both, number=2), replace(both, number=2)]) == [two]
    with pytest.raises(UpdateInconsistent):
        find_named(TWO, [both])


# the order as one


@pytest.mark.parametrize(
    ("lines", "order"),
    [
        (("ACTIVE", "COMPLETED"), "ACTIVE"),
        (("TERMINATED", "ACTIVE"), "ACTIVE"),
        (("COMPLETED", "TERMINATED"), "COMPLETED"),
        (("TERMINATED", "TERMINATED"), "TERMINATED"),
        (("PENDING", "PENDING"), "PENDING"),
    ],
)
def test_an_order_is_as_far_as_what_goes_on_in_it(lines: tuple[str, str], order: str) -> None:
    made = [replace(each, status=ContractStatus(at)) for each, at in zip(TWO, lines, strict=True)]
    assert status_of(made) is ContractStatus(order)


def delivery(status: str, delivered: int = 0) -> Delivery:
    return Delivery(
        status=DeliveryStatus(status), delivered=Energy(delivered), window=WINDOW, ended=status == "COMPLETED"
    )


@pytest.mark.parametrize(
    ("lines", "order"),
    [
        (("PENDING", "PENDING"), "PENDING"),
        (("FAILED", "FAILED"), "FAILED"),
        (("PENDING", "FAILED"), "PENDING"),
        (("COMPLETED", "FAILED"), "COMPLETED"),
        (("COMPLETED", "PENDING"), "IN_PROGRESS"),
        (("IN_PROGRESS", "PENDING"), "IN_PROGRESS"),
    ],
)
def test_a_delivery_of_several_is_in_progress_until_all_are_over(lines: tuple[str, str], order: str) -> None:
    assert delivery_status_of([delivery(each) for each in lines]) is DeliveryStatus(order)


def test_an_order_seen_as_one_has_the_sums_and_every_bill() -> None:
    bill = BillingCycleView(
        cycle_id="bill-1", period=WINDOW, status="PENDING", total=Money(100, Currency("USD")), lines=()
    )
    views = [
        ContractView(contract=each, delivery=delivery("COMPLETED", 1_000), bills=(bill,)) for each in TWO
    ]
    whole = join_views(views)
    assert (whole.contract.quantity, whole.delivery.delivered) == (Energy(25_000), Energy(2_000))
    assert (whole.contract.window.start, whole.contract.window.end) == (
        MORNING_HOURS.start,
        AFTERNOON_HOURS.end,
    )
    assert [each.cycle_id for each in whole.bills] == ["bill-1", "2:bill-1"]
    assert (whole.quote.total.minor, whole.delivery.ended) == (655, True)


def test_an_order_is_paid_once_every_line_that_goes_on_is_billed_and_paid() -> None:
    paid = BillingCycleView(
        cycle_id="bill-1", period=WINDOW, status="PAID", total=Money(100, Currency("USD")), lines=()
    )
    due = replace(paid, status="PENDING")
    done, open_one = delivery("COMPLETED"), delivery("PENDING")
    one = ContractView(contract=TWO[0], delivery=done, bills=(paid,))
    other = ContractView(contract=TWO[1], delivery=open_one)
    assert not join_views([one, other]).is_paid
    assert not join_views([one, replace(other, bills=(due,))]).is_paid
    assert join_views([one, replace(other, bills=(paid,))]).is_paid
    ended = replace(TWO[1], status=ContractStatus.TERMINATED)
    assert join_views([one, replace(other, contract=ended)]).is_paid
    assert (one.is_paid, other.is_paid) == (True, False)


def test_an_order_is_cancelled_once_every_line_is() -> None:
    usd = Currency("USD")
    ended = Cancellation(
        side=Side.BUYER, at=NOW, agreed=MORNING_HOURS, value=Money(475, usd), owed=Money(10, usd)
    )
    one = ContractView(contract=TWO[0], delivery=delivery("FAILED"), cancellation=ended)
    other = ContractView(contract=TWO[1], delivery=delivery("PENDING"))
    assert join_views([one, other]).cancellation is None
    late = replace(ended, at=NOW + timedelta(hours=1), agreed=AFTERNOON_HOURS)
    both = join_views([one, replace(other, cancellation=late)]).cancellation
    assert both is not None
    assert (both.owed.minor, both.value.minor, both.at, both.agreed) == (20, 950, late.at, WINDOW)


# on each wire


def test_lines_are_read_as_they_were_written(wire: Wire) -> None:
    lines = (*LINES, ROOF_LINE)
    read = read_lines(wire, write_lines(wire, lines, sent={}))
    assert [replace(each, as_sent={}, contracted=None) for each in read.lines] == list(lines)
    assert read.contracted == Energy(35_000)


def test_the_price_of_all_lines_is_read_once(wire: Wire) -> None:
    priced = [replace(each, total=Decimal("1.25"), currency="USD") for each in LINES]
    read = read_lines(wire, write_lines(wire, priced, sent={}))
    assert (read.total, read.currency) == (Decimal("2.50"), "USD")
    assert [each.total for each in read.lines] == [None, None]


def test_an_order_of_one_line_is_taken_apart_into_itself(wire: Wire) -> None:
    message = wire.write_order_request(MORNING_LINE)
    order = message[wire.ORDER_KEY]
    assert wire.split_order(order) == [order]
    assert write_lines(wire, [MORNING_LINE], sent={}) == message
    read = read_lines(wire, message)
    assert (read.is_single, read.lines) == (True, (wire.read_order(message),))


def test_meter_and_times_may_be_said_once_for_all_lines(wire: Wire) -> None:
    bare = [replace(each, target_meter=None, trade_start=None, trade_end=None) for each in LINES]
    message = write_lines(wire, bare, sent={})
    bag = {"targetMeterId": "98765456", "tradeStartTime": "2026-01-09T10:00:00Z"}
    order = message[wire.ORDER_KEY]
    order[wire.ATTRIBUTES_KEY] = order.get(wire.ATTRIBUTES_KEY, {}) | bag
    for line in read_lines(wire, message).lines:
        assert (line.target_meter, line.trade_start) == ("98765456", WINDOW.start)


def test_an_order_has_so_many_lines_at_most(wire: Wire) -> None:
    lines = [MORNING_LINE] * (MOST_LINES + 1)
    with pytest.raises(NodeError, match="21 lines") as caught:
        read_lines(wire, write_lines(wire, lines, sent={}))
    assert caught.value.path == wire.PATHS[Field.ITEMS]


def test_what_cannot_be_read_of_a_line_is_refused_at_its_place() -> None:
    message = write_lines(v2_rc, LINES, sent={})
    message["order"]["beckn:orderItems"][1]["beckn:quantity"]["unitText"] = "furlongs"
    with pytest.raises(FieldInvalid, match="line 2: 'furlongs' is no unit of energy") as caught:
        read_lines(v2_rc, message)
    assert caught.value.path == "$.message.order['beckn:orderItems'][1]['beckn:quantity'].unitText"


def test_v1_1_names_one_offer_for_all_items_or_one_for_each() -> None:
    items = [{"id": "roof"}, {"id": "roof-2"}, {"id": "roof-3"}]
    one = v1_1.split_order({"items": items, "offers": [{"id": "day"}]})
    assert [each["offers"] for each in one] == [[{"id": "day"}]] * 3
    with pytest.raises(OneItemOnly, match="3 items and 2 offers"):
        v1_1.split_order({"items": items, "offers": [{"id": "day"}, {"id": "night"}]})


def test_nothing_is_delivered_of_nothing() -> None:
    views = [ContractView(contract=each, delivery=delivery("PENDING")) for each in TWO]
    assert join_views(views).delivery.delivered == ZERO_ENERGY
