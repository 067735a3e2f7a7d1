"""What is published arrives on each wire that publishes; its schemas and the official ones take it."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from protocol.actions import Action
from protocol.profile import PROFILES
from tests.property.test_trading_mapping_properties import few, through, told_on
from tests.support import term_strategies
from tests.support import trade_strategies as trades
from tests.support.official import official_message_errors
from trading.listing import Listing
from trading.mapping import PUBLICATION_WIRES, publication_wire_of
from trading.offer import Provider
from trading.publication import Notice, Publication, PublicationResult, ResultStatus, UpdateMode

generations = pytest.mark.parametrize("profile", PUBLICATION_WIRES)
BPP = {"bpp_id": "bpp.example", "bpp_url": "https://bpp.example"}
notices = st.lists(
    st.builds(Notice, code=term_strategies.words, message=term_strategies.words), max_size=2
).map(tuple)


@generations
@few
@given(listing=trades.listings())
def test_a_publication_survives(profile: str, listing: Listing) -> None:
    wire = publication_wire_of(profile)
    written = wire.write_publication(Publication(listing=listing), **BPP)
    read = wire.read_publication(through(profile, Action.CATALOG_PUBLISH, written))
    assert all(each.fault is None and each.is_active and each.mode is UpdateMode.FULL for each in read)
    assert {(each.bpp_id, each.bpp_url) for each in read} == {("bpp.example", "https://bpp.example")}
    understood = [each.listing for each in read if each.listing is not None]
    told = told_on(listing, profile)
    assert {each.id for each in understood} == {listing.id}
    assert {r for each in understood for r in each.resources} == set(told.resources)
    assert [o for each in understood for o in each.offers] == [
        offer for resource in told.resources for offer in told.offers_of(resource)
    ]


@generations
@few
@given(data=st.data())
def test_results_survive(profile: str, data: st.DataObject) -> None:
    wire = publication_wire_of(profile)
    results = data.draw(
        st.lists(
            st.builds(
                PublicationResult,
                catalogue_id=term_strategies.words,
                status=st.sampled_from(ResultStatus),
                items=st.none() | st.integers(0, 10**6),
                errors=notices,
                warnings=notices,
            ),
            max_size=3,
        )
    )
    arrived = through(profile, Action.ON_CATALOG_PUBLISH, wire.write_publication_results(results))
    read = wire.read_publication_results(arrived)
    assert [replace(each, errors=(), warnings=()) for each in read] == [
        replace(each, errors=(), warnings=()) for each in results
    ]
    for one, other in zip(read, results, strict=True):
        assert (*one.errors, *one.warnings) == (*other.errors, *other.warnings)
        assert one.errors[:1] == (other.errors or (other.warnings if profile == "v2_lts" else ()))[:1]


@generations
@few
@given(listing=trades.listings(), result=st.sampled_from(ResultStatus))
def test_the_official_documents_take_both_messages(
    profile: str, listing: Listing, result: ResultStatus
) -> None:
    wire, spoken = publication_wire_of(profile), PROFILES[profile]
    gone = (Provider(id="gone", name="Somebody who left"),)
    notice = (Notice(code="SCH_TYPE_MISMATCH", message="one picture was left out"),)
    results = [
        PublicationResult(catalogue_id="c", status=result, items=1, errors=notice, warnings=notice),
        PublicationResult(catalogue_id="d", status=result),
    ]
    for action, message in (
        (
            Action.CATALOG_PUBLISH,
            wire.write_publication(Publication(listing=listing, gone=gone), **BPP),
        ),
        (Action.ON_CATALOG_PUBLISH, wire.write_publication_results(results)),
    ):
        context = {"action": spoken.wire_names[action], "version": "2.0.0"}
        if profile == "v2_rc":
            context |= {
                "timestamp": "2026-01-09T10:00:00Z",
                "message_id": "m",
                "transaction_id": "t",
                "bap_id": "bpp.example",
                "bap_uri": "https://bpp.example",
                "ttl": "PT30S",
            }
        plain = orjson.loads(simplejson.dumps({"context": context, "message": message}, use_decimal=True))
        assert official_message_errors(spoken.schema_of(action), plain, profile=profile) == []
