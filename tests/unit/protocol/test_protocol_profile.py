"""Wire profiles: every action has a path, and every path one action."""

from __future__ import annotations

import pytest

from protocol.actions import Action
from protocol.profile import PROFILES, V2_RC, Profile


@pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
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
