"""Whose requests a participant takes, by what the registry knows the sender as."""

from __future__ import annotations

import pytest

from node.cascade import NO_CASCADE, Cascade
from protocol.actions import Action
from protocol.errors import RoleNotEntitled
from registry_client.subscriber import SubscriberRole


def test_a_utility_takes_requests_of_sellers_platforms_and_of_buyers() -> None:
    serves = Cascade(serves=True)
    for role in (SubscriberRole.BPP, SubscriberRole.BAP, None):
        serves.check_role(role, action=Action.INIT)
    with pytest.raises(RoleNotEntitled):
        serves.check_role(SubscriberRole.BG, action=Action.INIT)


@pytest.mark.parametrize("cascade", [NO_CASCADE, Cascade(asks=True)])
def test_nobody_else_takes_a_request_of_a_sellers_platform(cascade: Cascade) -> None:
    cascade.check_role(SubscriberRole.BAP, action=Action.INIT)
    with pytest.raises(RoleNotEntitled):
        cascade.check_role(SubscriberRole.BPP, action=Action.INIT)


def test_only_who_asks_utilities_tells_them_what_of_their_words_is_not_taken() -> None:
    asks = Cascade(asks=True)
    assert asks.is_refused(Action.ON_UPDATE)
    assert not asks.is_refused(Action.ON_CONFIRM)
    assert not Cascade(serves=True).is_refused(Action.ON_UPDATE)
