"""What holds for every contract and every quote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from trading.lifecycle import FINAL, ContractEvent, ContractStatus, StateTransitionInvalid, next_status
from trading.mapping.bags.quantity import read_quantity, write_quantity
from trading.quote import ComponentType, quote_energy
from trading.terms import Discount, Price, Terms, Wheeling

START = datetime(2026, 1, 9, tzinfo=UTC)
CURRENCIES = st.sampled_from([Currency(code) for code in ("USD", "INR", "JPY", "KWD")])


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    currency = draw(CURRENCIES)
    price = draw(st.decimals(min_value=0, max_value=10_000, places=6))
    wheeling = draw(st.none() | st.integers(min_value=0, max_value=10**6))
    percent = draw(st.none() | st.decimals(min_value=Decimal("0.01"), max_value=100, places=2))
    return Terms(
        price=Price(per_kwh=price, currency=currency),
        wheeling=None
        if wheeling is None
        else Wheeling(utility_name="Grid", amount=Money(wheeling, currency)),
        discount=None if percent is None else Discount(title="Offer", percent=percent),
    )


@given(st.lists(st.sampled_from(ContractEvent), max_size=20))
def test_no_sequence_of_events_leaves_the_table_or_revives_what_ended(events: list[ContractEvent]) -> None:
    status = ContractStatus.PENDING
    for event in events:
        before = status
        try:
            status = next_status(status, event)
        except StateTransitionInvalid:
            assert status is before
        else:
            assert before not in FINAL
    assert status in ContractStatus


@given(st.integers(min_value=1, max_value=10**12), terms(), st.integers(min_value=1, max_value=400))
def test_a_quote_is_the_exact_sum_of_its_components_and_never_negative(
    watt_hours: int, agreed: Terms, cycles: int
) -> None:
    window = Interval(START, START + cycles * timedelta(days=1))
    quote = quote_energy(Energy(watt_hours), agreed, window=window, zone="UTC")
    assert quote.total.minor == sum(part.amount.minor for part in quote.components)
    assert quote.total.minor >= 0
    discounts = [part for part in quote.components if part.type is ComponentType.DISCOUNT]
    assert all(part.amount.minor <= 0 for part in discounts)


@given(st.integers(min_value=0, max_value=10**15))
def test_a_quantity_survives_the_wire(watt_hours: int) -> None:
    assert read_quantity(write_quantity(Energy(watt_hours)), path="$") == Energy(watt_hours)
