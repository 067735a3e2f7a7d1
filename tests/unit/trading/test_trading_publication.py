"""Catalogues that are published: what is told, what is gone, and what a stranger's catalogue says."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from protocol.actions import PUBLISHING
from protocol.profile import V2_LTS, V2_RC
from tests.support.seller_world import catalogue
from tests.support.wire_examples import wire_message
from trading.listing import Listing, list_catalogue
from trading.mapping import PUBLICATION_WIRES, publication_wire_of
from trading.offer import Provider
from trading.publication import Notice, Publication, PublishingUnsupported, ResultStatus, UpdateMode
from trading.refusals import FieldInvalid

Json = dict[str, Any]
BPP = {"bpp_id": "bpp.example", "bpp_url": "https://bpp.example"}
GONE = Provider(id="hill-wind", name="Hill Wind")


def listing() -> Listing:
    return list_catalogue(catalogue(), left={})


def published(profile: str, publication: Publication) -> list[Json]:
    catalogs: list[Json] = publication_wire_of(profile).write_publication(publication, **BPP)["catalogs"]
    return catalogs


def test_the_first_generation_publishes_nothing() -> None:
    with pytest.raises(PublishingUnsupported, match="v1_1 has no messages"):
        publication_wire_of("v1_1")


def test_of_an_increment_only_what_changed_is_told_where_every_provider_has_a_catalogue() -> None:
    whole, nothing = listing(), frozenset[str]()
    assert len(published("v2_lts", Publication(listing=whole))) == len(whole.providers)
    gone = Publication(listing=whole, changed=nothing, gone=(GONE,))
    (catalog,) = published("v2_lts", gone)
    assert (catalog["id"], catalog["isActive"], catalog["resources"]) == (f"{whole.id}/hill-wind", False, [])
    (first, *_) = whole.providers
    (changed,) = published("v2_lts", Publication(listing=whole, changed=frozenset({first.id})))
    assert (changed["id"], changed["isActive"]) == (f"{whole.id}/{first.id}", True)


def test_one_catalogue_for_all_is_always_told_whole() -> None:
    whole = listing()
    told = published("v2_rc", Publication(listing=whole, changed=frozenset(), gone=(GONE,)))
    assert told == published("v2_rc", Publication(listing=whole))


def test_a_catalogue_of_nothing_is_no_longer_active() -> None:
    (catalog,) = published("v2_rc", Publication(listing=listing().only(())))
    assert (catalog["beckn:isActive"], catalog["beckn:items"]) == (False, [])
    (read,) = publication_wire_of("v2_rc").read_publication({"catalogs": [catalog]})
    assert not read.is_active
    assert read.listing is not None
    assert read.listing.resources == ()


@pytest.mark.parametrize("profile", [V2_RC, V2_LTS], ids=list(PUBLICATION_WIRES))
def test_what_is_not_understood_of_a_catalogue_is_kept_as_it_was_sent(profile: Any) -> None:
    message = deepcopy(wire_message(profile, PUBLISHING.request))
    (catalog,) = message["catalogs"]
    catalog.pop("offers", None), catalog.pop("beckn:offers", None)
    for item in catalog.get("beckn:items", []) + catalog.get("resources", []):
        for key in ("beckn:itemAttributes", "resourceAttributes"):
            if key in item:
                item[key] = {"@context": "https://books.example/context.jsonld", "@type": "Book"}
    (read,) = publication_wire_of(profile.name).read_publication(message)
    assert read.listing is None
    assert isinstance(read.fault, FieldInvalid)
    assert read.as_sent == catalog


def test_a_catalogue_says_how_long_it_is_good_and_whether_it_is_a_patch() -> None:
    (catalog,) = published("v2_lts", Publication(listing=listing()))
    catalog["publishDirectives"] = {"catalogType": "regular", "updateMode": "MERGE"}
    catalog["validity"] = {"startDate": "2026-01-09T00:00:00Z"}
    (read,) = publication_wire_of("v2_lts").read_publication({"catalogs": [catalog]})
    assert read.mode is UpdateMode.MERGE
    assert read.validity is not None
    assert (read.validity.start.year, read.validity.end.year) == (2026, 9999)
    catalog["validity"] = {"endDate": "2026-01-09T00:00:00Z"}
    (read,) = publication_wire_of("v2_lts").read_publication({"catalogs": [catalog]})
    assert read.validity is not None
    assert (read.validity.start.year, read.validity.end.year) == (1, 2026)
    catalog["validity"] = {"startDate": "soon"}
    with pytest.raises(FieldInvalid, match="the validity of the catalogue"):
        publication_wire_of("v2_lts").read_publication({"catalogs": [catalog]})


def test_a_catalogue_without_its_id_is_none() -> None:
    for wire in PUBLICATION_WIRES.values():
        with pytest.raises(FieldInvalid, match="the head of a catalogue"):
            wire.read_publication({"catalogs": [{}]})


def test_results_are_read_as_both_dialects_of_the_last_generation_write_them() -> None:
    result: Json = {"catalogId": "c", "status": "REJECTED", "errors": [{"code": "A", "message": "b"}, {}]}
    (read,) = publication_wire_of("v2_lts").read_publication_results({"results": [result]})
    assert (read.status, read.items) == (ResultStatus.REJECTED, None)
    assert read.errors == (
        Notice(code="A", message="b"),
        Notice(code="NET_INTERNAL_ERROR", message="no reason was given"),
    )


def test_a_result_of_no_known_status_is_refused() -> None:
    for wire, key in ((PUBLICATION_WIRES["v2_rc"], "catalog_id"), (PUBLICATION_WIRES["v2_lts"], "catalogId")):
        with pytest.raises(FieldInvalid, match="the results"):
            wire.read_publication_results({"results": [{key: "c", "status": "PERHAPS"}]})
