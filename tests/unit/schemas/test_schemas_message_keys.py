"""Which keys the rules of a message name inside its `message`."""

from __future__ import annotations

import pytest

from schemas.library import Rules, transport_library
from schemas.message_keys import message_keys
from schemas.validation import schema_set


@pytest.mark.parametrize(
    ("generation", "action", "keys"),
    [
        ("v1_1", "update", {"order", "update_target"}),
        ("v1_1", "on_search", {"catalog"}),
        ("v2_rc", "discover", {"text_search", "filters", "spatial", "media_search"}),
        ("v2_rc", "rating", set()),
        ("v2_lts", "on_track", {"tracking"}),
    ],
)
def test_the_keys_are_those_of_the_schema(generation: str, action: str, keys: set[str]) -> None:
    assert message_keys(transport_library(generation), action) == keys


def test_actions_are_found_by_what_a_message_is_about() -> None:
    schemas = schema_set("v1_1", Rules.TRANSPORT)
    assert schemas.actions_about(["order_id", "never heard of"]) == {"status", "track", "cancel"}
    assert schemas.actions_about(["order", "update_target"]) == {"update"}
    assert schemas.actions_about([]) == schemas.actions
