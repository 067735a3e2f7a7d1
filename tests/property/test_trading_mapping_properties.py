"""Everything that the domain says survives each generation of the wire, and fits its schemas."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import orjson
import pytest
import simplejson
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.actions import Action
from protocol.context import Context, write_context
from protocol.profile import PROFILES
from schemas.validation import UnknownPacks, schema_set
from tests.support import trade_strategies as trades
from trading.delivery import ContractView
from trading.listing import Listing
from trading.mapping import WIRES, wire_of
from trading.mapping.find import find_objects
from trading.offer import SupportContact
from trading.report import report_contract
from trading.request import Inquiry, OrderRequest, Rating

Json = dict[str, Any]

generations: Final = pytest.mark.parametrize("profile", PROFILES)
few: Final = settings(max_examples=40, deadline=None)


def through(profile: str, action: Action, message: Json) -> Json:
    """Return the message as it arrives; the strictest of peers must take it."""
    spoken = PROFILES[profile]
    context = Context(
        version=spoken.version,
        action=spoken.wire_names[action],
        domain="energy",
        timestamp=datetime(2026, 1, 9, tzinfo=UTC),
        message_id="2b4d69aa-22e4-4c78-9f56-5a7b9e2b2002",
        transaction_id="2b4d69aa-22e4-4c78-9f56-5a7b9e2b2003",
        bap_id="bap.example",
        bap_uri="https://bap.example",
        bpp_id="bpp.example",
        bpp_uri="https://bpp.example",
        ttl=timedelta(seconds=30),
    )
    raw = simplejson.dumps({"context": write_context(context, spoken), "message": message}, use_decimal=True)
    for unknown in UnknownPacks:
        rules = schema_set(spoken.schemas, unknown_packs=unknown)
        assert rules.violations(spoken.schema_of(action), orjson.loads(raw)) == []
    arrived: Json = simplejson.loads(raw, use_decimal=True)["message"]
    return arrived


def test_every_profile_has_its_mapping() -> None:
    assert WIRES.keys() == PROFILES.keys()
    fields = {frozenset(wire.PATHS) for wire in WIRES.values()}
    assert len(fields) == 1


@generations
@few
@given(request=trades.order_requests())
def test_an_order_survives(profile: str, request: OrderRequest) -> None:
    wire = wire_of(profile)
    for action, written in (
        (Action.SELECT, wire.write_order_request(request)),
        (Action.UPDATE, wire.write_update(replace(request, order_id=request.order_id or "order-1"))),
    ):
        arrived = through(profile, action, written)
        read = wire.read_order(arrived)
        assert replace(read, as_sent={}, order_id=request.order_id) == request
        assert wire.write_order_request(read)[wire.ORDER_KEY] == arrived[wire.ORDER_KEY]


@generations
@few
@given(data=st.data())
def test_criteria_survive(profile: str, data: st.DataObject) -> None:
    wire, criteria = wire_of(profile), data.draw(trades.criteria_of(profile))
    assert wire.read_criteria(through(profile, Action.DISCOVER, wire.write_criteria(criteria))) == criteria


@generations
@few
@given(ratings=st.lists(trades.ratings, max_size=2))
def test_ratings_survive(profile: str, ratings: list[Rating]) -> None:
    wire = wire_of(profile)
    assert wire.read_ratings(through(profile, Action.RATING, wire.write_ratings(ratings))) == ratings


@generations
@few
@given(inquiry=trades.inquiries, contact=trades.contacts)
def test_an_inquiry_and_its_answer_survive(profile: str, inquiry: Inquiry, contact: SupportContact) -> None:
    wire = wire_of(profile)
    assert wire.read_support(through(profile, Action.SUPPORT, wire.write_support(inquiry))) == inquiry
    answer = through(profile, Action.ON_SUPPORT, wire.write_contact(inquiry, contact))
    assert wire.read_contact(answer) == contact


def told_on(listing: Listing, profile: str) -> Listing:
    """Return what a generation can tell of a listing: prices by interval are told by LTS alone."""
    if profile == "v2_lts":
        return listing
    plain = [replace(offer, terms=replace(offer.terms, by_interval=None)) for offer in listing.offers]
    return replace(listing, offers=tuple(plain))


@generations
@few
@given(listing=trades.listings())
def test_a_listing_survives(profile: str, listing: Listing) -> None:
    wire = wire_of(profile)
    written = wire.write_catalog(listing, bpp_id="bpp.example", bpp_url="https://bpp.example")
    assert wire.read_catalog(through(profile, Action.ON_DISCOVER, written)) == [told_on(listing, profile)]
    assert len(wire.write_items(listing)) == len(listing.resources)


@generations
@few
@given(view=trades.contract_views())
def test_a_contract_survives(profile: str, view: ContractView) -> None:
    wire, told = wire_of(profile), trades.told_on(view, profile)
    order = wire.write_contract_order(told)
    arrived = through(profile, Action.ON_STATUS, {wire.ORDER_KEY: order})[wire.ORDER_KEY]
    assert wire.read_contract(arrived) == report_contract(told)
    parts = wire.find_parts(arrived)
    assert (parts.order_id, parts.contract is None, parts.delivery is None) == (
        view.contract.id,
        False,
        False,
    )
    assert parts.value is not None
    assert Decimal(parts.value["value"]) == told.contract.quote.total.amount


@few
@given(view=trades.contract_views())
def test_what_flows_adds_up_to_nothing(view: ContractView) -> None:
    contract = wire_of("v2_lts").write_contract_order(view)
    for consideration in contract["consideration"]:
        flows = find_objects(consideration, "considerationAttributes", "revenueFlows")
        assert sum(flow["value"] for flow in flows) == 0
        assert flows
