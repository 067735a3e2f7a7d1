"""Which paths belong to the protocol, and which generations may come there."""

from __future__ import annotations

from node.cascade import Cascade
from node.routing import profiles_below, routes_of
from protocol.actions import Action, Role
from protocol.profile import PROFILES, V1_1, V2_LTS, V2_RC, AckShape

ALL = tuple(PROFILES.values())


def test_two_generations_share_a_path() -> None:
    routes = routes_of(Role.BPP, ALL)
    assert routes["/confirm"] == (Action.CONFIRM, (V1_1, V2_LTS))
    assert routes["/beckn/confirm"] == (Action.CONFIRM, (V2_RC,))
    assert routes["/search"] == (Action.DISCOVER, (V1_1,))
    assert routes["/rate"] == (Action.RATING, (V2_LTS,))


def test_the_adapters_path_takes_every_generation() -> None:
    route = routes_of(Role.BAP, ALL)["/bap/receiver/on_confirm"]
    assert route.action is Action.ON_CONFIRM
    assert [profile.name for profile in route.profiles] == list(PROFILES)
    assert {profile.ack for profile in route.profiles} == {AckShape.V1, AckShape.NFH}


def test_only_what_is_spoken_has_a_path() -> None:
    assert "/search" not in routes_of(Role.BPP, (V2_RC,))
    assert "/beckn/on_confirm" not in routes_of(Role.BPP, ALL)


def test_an_unknown_path_below_a_prefix_is_answered_as_that_generation_does() -> None:
    assert profiles_below("/beckn/nothing", Role.BPP, ALL) == (V2_RC,)
    assert len(profiles_below("/bpp/receiver/nothing", Role.BPP, ALL)) == len(ALL)
    assert profiles_below("/nothing", Role.BPP, ALL) == ()


def test_a_utility_takes_refusals_of_what_it_says_on_every_generation_and_no_other_callback() -> None:
    beside = routes_of(Role.BPP, ALL, cascade=Cascade(serves=True)).keys() - routes_of(Role.BPP, ALL).keys()
    assert {path.rsplit("/", 1)[-1] for path in beside} == {"on_update"}
    assert {"/on_update", "/beckn/on_update", "/bpp/receiver/on_update"} <= beside
