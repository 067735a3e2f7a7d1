"""Decisions about a contract: pure, each with the time as an argument."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from trading.contract import (
    Contract,
    complete,
    confirm,
    expire,
    require_replaceable,
)
from trading.contracts import fingerprint
from trading.delivery import flow_between
from trading.lifecycle import ContractStatus, StateTransitionInvalid
from trading.offer import Certification, DeliveryMode, EnergySource, SourceType
from trading.records import source_from_record, source_to_record, terms_from_record, terms_to_record
from trading.refusals import AlreadyConfirmed, QuoteExpired
from trading.terms import Discount, Price, Terms, Wheeling

NOW = datetime(2026, 1, 9, 8, tzinfo=UTC)
WINDOW = Interval(NOW + timedelta(hours=2), NOW + timedelta(hours=10))
USD = Currency("USD")
TERMS = Terms(
    price=Price(per_kwh=Decimal("0.150"), currency=USD),
    wheeling=Wheeling(utility_name="Grid", amount=Money(250, USD), description="carriage"),
    discount=Discount(title="Early bird", percent=Decimal("2.5")),
)
SOURCE = EnergySource(
    source_type=SourceType.SOLAR,
    delivery_mode=DeliveryMode.GRID_INJECTION,
    meter_id="100200300",
    inverter_id="inverter-1",
    certification=Certification(status="audited", certificates=("a", "b")),
)
PENDING = Contract(
    id="order-1",
    transaction_id="t-1",
    bap_id="bap.example",
    bap_url="https://bap.example",
    buyer_id="buyer",
    provider_id="seller",
    resource_id="roof",
    offer_id="offer",
    offer_name="Offer",
    profile="v2_rc",
    source=SOURCE,
    target_meter="98765456",
    quantity=Energy(10_000),
    window=WINDOW,
    terms=TERMS,
    zone="UTC",
    status=ContractStatus.PENDING,
    created_at=NOW,
    updated_at=NOW,
    hold_until=NOW + timedelta(minutes=15),
    refresh_at=NOW + timedelta(minutes=15),
)


def test_a_confirmed_contract_is_looked_at_when_its_window_ends() -> None:
    active = confirm(PENDING, now=NOW)
    assert (active.status, active.refresh_at) == (ContractStatus.ACTIVE, WINDOW.end)
    late = confirm(replace(PENDING, hold_until=WINDOW.end + timedelta(hours=2)), now=WINDOW.end)
    assert late.refresh_at == WINDOW.end


def test_a_lapsed_hold_cannot_be_confirmed_before_or_after_it_was_noticed() -> None:
    with pytest.raises(QuoteExpired):
        confirm(PENDING, now=PENDING.hold_until)
    expired = expire(PENDING, now=PENDING.hold_until)
    assert (expired.status, expired.refresh_at) == (ContractStatus.TERMINATED, None)
    with pytest.raises(QuoteExpired):
        confirm(expired, now=PENDING.hold_until)


def test_only_a_binding_contract_is_fulfilled() -> None:
    with pytest.raises(StateTransitionInvalid):
        complete(PENDING, now=NOW)
    completed = complete(confirm(PENDING, now=NOW), now=WINDOW.end)
    assert completed.ended_at == WINDOW.end


def test_only_what_binds_nobody_is_replaced() -> None:
    require_replaceable(PENDING)
    with pytest.raises(AlreadyConfirmed):
        require_replaceable(confirm(PENDING, now=NOW))


def test_meters_are_compared_in_their_canonical_form() -> None:
    assert PENDING.source_meter == "100200300"
    assert PENDING.source_mrid == "100200300".zfill(32)
    assert PENDING.target_mrid == "98765456".zfill(32)


def test_the_fingerprint_sees_what_was_agreed_and_not_when_it_was_looked_at() -> None:
    assert fingerprint(PENDING) == fingerprint(replace(PENDING, refresh_at=None, reported="x"))
    assert fingerprint(PENDING) != fingerprint(replace(PENDING, quantity=Energy(9_999)))


def test_terms_and_source_come_back_from_their_records_exactly() -> None:
    assert terms_from_record(terms_to_record(TERMS)) == TERMS
    assert str(terms_from_record(terms_to_record(TERMS)).price.per_kwh) == "0.150"
    bare = Terms(price=Price(per_kwh=Decimal(1), currency=USD))
    assert terms_from_record(terms_to_record(bare)) == bare
    assert source_from_record(source_to_record(SOURCE)) == SOURCE
    plain = replace(SOURCE, inverter_id=None, certification=None)
    assert source_from_record(source_to_record(plain)) == plain


def test_flow_is_what_both_meters_counted_up_to_what_was_contracted() -> None:
    rows = [
        (NOW, Energy(0), None),
        (NOW, Energy(500), Energy(300)),
        (NOW, Energy(900), Energy(1_000)),
        (NOW, Energy(2_000), Energy(2_000)),
    ]
    flows = [view.flow.watt_hours for view in flow_between(rows, most=Energy(1_500))]
    assert flows == [0, 300, 600, 600]
