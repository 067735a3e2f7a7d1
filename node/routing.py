"""Which paths belong to the protocol, and which messages may come there.

Two generations share their paths, so a path stands for an action and all the profiles that may be
spoken there. The common adapter's own paths take every generation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from node.cascade import NO_CASCADE, Cascade
from protocol.actions import Action, Role
from protocol.profile import Profile

BROWSER_SEARCH: Final = "/discover/browser-search"
"""Where browsers search, behind the prefix of 2.0 RC or without one: no message comes there."""

ADAPTER_PATH: Final = {Role.BAP: "/bap/receiver", Role.BPP: "/bpp/receiver"}


class Route(NamedTuple):
    """What may come to a path; an unknown path of the protocol has no action."""

    action: Action | None
    profiles: tuple[Profile, ...]


def routes_of(
    role: Role, profiles: Sequence[Profile], *, cascade: Cascade = NO_CASCADE
) -> Mapping[str, Route]:
    """Return every path that a participant of `role` takes messages at, with its part in a cascade."""
    found: dict[str, Route] = {}
    for profile in profiles:
        for action in filter(profile.speaks, cascade.taken_by(role)):
            _add(found, profile.path_of(action), action, profile)
            if role in ADAPTER_PATH:
                adapted = profile.behind_adapter()
                _add(found, ADAPTER_PATH[role] + adapted.path_of(action), action, adapted)
    return found


def _add(found: dict[str, Route], path: str, action: Action, profile: Profile) -> None:
    known = found.get(path, Route(action, ()))
    found[path] = Route(action, (*known.profiles, profile))


def profiles_below(path: str, role: Role, profiles: Sequence[Profile]) -> tuple[Profile, ...]:
    """Return whose paths an unknown one looks like, so that a NACK of theirs answers it."""
    if path.endswith(BROWSER_SEARCH):
        return ()
    if role in ADAPTER_PATH and path.startswith(f"{ADAPTER_PATH[role]}/"):
        return tuple(profile.behind_adapter() for profile in profiles)
    return tuple(p for p in profiles if p.path_prefix and path.startswith(f"{p.path_prefix}/"))
