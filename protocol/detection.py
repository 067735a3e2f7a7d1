"""Which generation a message is of, by what it holds.

Two generations say the same version, and two name the fields of `context` alike; so everything
that tells them apart is weighed, the strongest evidence first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from protocol.profile import Profile

_LEVELS: Final = 2
"""How deep `message` is looked into for keys; marks stand near its top."""


def detect(document: Mapping[str, Any], candidates: Sequence[Profile]) -> Profile:
    """Return the profile that `document` is of; of two that fit equally well, the first.

    In this order count: the names of the context's ids, keys that only one generation has, and the
    version. `candidates` must not be empty.
    """
    if len(candidates) == 1:
        return candidates[0]
    return max(candidates, key=lambda profile: evidence(document, profile))


def evidence(document: Mapping[str, Any], profile: Profile) -> tuple[int, int, int]:
    """Return how many ids bear this profile's names, how many keys its marks, whether its version fits."""
    context, message = _object(document.get("context")), _object(document.get("message"))
    keys = profile.keys
    named = sum(
        name in context
        for name in (keys.message_id, keys.transaction_id, keys.bap_id, keys.bap_uri, keys.bpp_id)
    )
    named += profile.names_action(context.get(keys.action))
    marked = marks(message, profile) + sum(key in profile.context_keys for key in context)
    return named, marked, profile.has_version(context.get(keys.version))


def detect_message(message: Mapping[str, Any], candidates: Sequence[Profile]) -> Profile | None:
    """Return the profile whose marks a bare `message` bears, None if it bears nobody's or several's."""
    found = [profile for profile in candidates if marks(message, profile)]
    return found[0] if len(found) == 1 else None


def marks(message: Mapping[str, Any], profile: Profile) -> int:
    """Return how many keys of `message` only this profile has."""
    keys = sum(key in profile.message_keys for key in message)
    return keys + sum(key.startswith(profile.key_marks) for key in _keys(message, _LEVELS))


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _keys(value: object, levels: int) -> Iterable[str]:
    """Return the keys near the top of `value`; of an array, those of its first entry."""
    if levels == 0:
        return ()
    if isinstance(value, Mapping):
        return chain(value, *(_keys(inner, levels - 1) for inner in value.values()))
    if isinstance(value, list):
        return chain.from_iterable(_keys(inner, levels) for inner in value[:1])
    return ()
