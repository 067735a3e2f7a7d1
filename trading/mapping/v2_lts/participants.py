"""Who takes part in a contract, and as what.

A role is named by the participant, by its attributes, or by the contract's list of roles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trading.mapping.find import Json, find_objects, find_text

BUYER: Final = ("buyer", "buyerPlatform")
SELLER: Final = ("seller",)
"""A `sellerPlatform` is the platform itself, not who sells through it."""


def find_participant(contract: Mapping[str, Any], roles: tuple[str, ...]) -> Json:
    """Return the participant in the first of `roles` that somebody has, an empty one if nobody has any."""
    named = {
        find_text(entry, "role"): find_text(entry, "participantId")
        for entry in find_objects(contract, "contractAttributes", "roles")
    }
    people = find_objects(contract, "participants")
    for role in roles:
        for person in people:
            if _own_role(person) == role or find_id(person) == named.get(role, ""):
                return person
        if named.get(role):
            return {"id": named[role]}
    return {}


def find_id(participant: Mapping[str, Any]) -> str | None:
    """Return the participant's id, by either of its names."""
    return find_text(participant, "id") or find_text(participant, "participantId")


def write_participants(contract: Mapping[str, Any], *, seller: str | None, buyer: str | None) -> list[Json]:
    """Return the participants that `contract` has, with seller and buyer where it names none."""
    people = find_objects(contract, "participants")
    for roles, identifier in ((SELLER, seller), (BUYER, buyer)):
        if identifier is not None and not find_participant(contract, roles):
            people.append({"id": identifier, "role": roles[0]})
    return people


def _own_role(person: Mapping[str, Any]) -> str | None:
    return find_text(person, "role") or find_text(person, "participantAttributes", "role")
