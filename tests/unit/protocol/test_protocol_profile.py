"""Wire profiles: every action has a path, and every path one action."""

from __future__ import annotations

import pytest

from protocol.actions import Action, Role
from protocol.profile import PROFILES, V1_1, V2_LTS, V2_RC, AckShape, Profile


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_a_profile_has_one_path_per_action(profile: Profile) -> None:
    routes = profile.routes()
    assert sorted(routes.values()) == sorted(profile.wire_names)
    assert all(profile.path_of(action) == path for path, action in routes.items())


def test_profiles_are_found_by_their_own_names() -> None:
    assert {name: profile.name for name, profile in PROFILES.items()} == {name: name for name in PROFILES}


def test_the_release_candidate_covers_every_action_under_beckn() -> None:
    assert V2_RC.routes()["/beckn/on_discover"] is Action.ON_DISCOVER
    assert set(V2_RC.wire_names) == set(Action)


def test_the_release_candidate_sends_one_digest_label_and_believes_two() -> None:
    assert V2_RC.digest_labels == ("BLAKE-512", "BLAKE2b-512")


def test_the_first_generation_searches_and_the_last_one_rates() -> None:
    assert V1_1.routes()["/search"] is Action.DISCOVER
    assert V2_LTS.routes()["/on_rate"] is Action.ON_RATING
    assert V2_LTS.action_called("rate") is Action.RATING
    assert V2_LTS.action_called("rating") is None


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://bpp.example", "https://bpp.example/beckn/confirm"),
        ("https://bpp.example/", "https://bpp.example/beckn/confirm"),
        ("https://bpp.example/beckn", "https://bpp.example/beckn/confirm"),
        ("https://bpp.example/bpp/receiver", "https://bpp.example/bpp/receiver/confirm"),
        ("https://bpp.example/bpp/receiver/", "https://bpp.example/bpp/receiver/confirm"),
    ],
)
def test_an_action_goes_below_the_subscribers_url(base: str, url: str) -> None:
    assert V2_RC.url_of(Action.CONFIRM, base) == url


def test_generations_without_a_prefix_go_right_below_the_url() -> None:
    assert V2_LTS.url_of(Action.CONFIRM, "https://bpp.example/") == "https://bpp.example/confirm"


def test_behind_the_adapter_there_are_two_shapes_of_answers() -> None:
    assert {profile.behind_adapter().ack for profile in PROFILES.values()} == {AckShape.V1, AckShape.NFH}
    assert V2_RC.behind_adapter().path_of(Action.CONFIRM) == "/confirm"


def test_keys_of_a_role_are_found_by_it() -> None:
    assert V2_LTS.keys.id_of(Role.BPP) == "bppId"
    assert V2_RC.keys.uri_of(Role.BAP) == "bap_uri"


def test_catalogues_are_published_below_a_path_of_their_own() -> None:
    assert V2_RC.routes()["/beckn/catalog/publish"] is Action.CATALOG_PUBLISH
    assert V2_LTS.routes()["/catalog/on_publish"] is Action.ON_CATALOG_PUBLISH
    assert V2_LTS.schema_of(Action.ON_CATALOG_PUBLISH) == "catalog_on_publish"
    for name in ("catalog/publish", "catalog_publish"):
        assert V2_LTS.action_called(name) is V2_RC.action_called(name) is Action.CATALOG_PUBLISH
        assert V2_LTS.names_action(name)
    assert not V2_LTS.names_action([])


def test_the_first_generation_publishes_nothing() -> None:
    assert not V1_1.speaks(Action.CATALOG_PUBLISH)
    assert V1_1.names_of(Action.CATALOG_PUBLISH) == frozenset()
    assert V1_1.action_called("catalog/publish") is None
