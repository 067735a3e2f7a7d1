"""One message of our own for every action of every generation, found by the profile's name."""

from __future__ import annotations

from typing import Any

from protocol.actions import Action
from protocol.profile import PROFILES, Profile
from tests.support import lts_examples, rc_examples, v1_1_examples

_EXAMPLES = {
    "v1_1": v1_1_examples.example,
    "v2_rc": rc_examples.example,
    "v2_lts": lts_examples.example,
}


def wire_example(profile: Profile, action: Action) -> dict[str, Any]:
    """Return the whole message that `action` is on that wire."""
    return _EXAMPLES[profile.name](profile.schema_of(action))


def wire_message(profile: Profile, action: Action) -> dict[str, Any]:
    """Return its `message` alone."""
    message: dict[str, Any] = wire_example(profile, action)["message"]
    return message


ALL = tuple(PROFILES.values())
