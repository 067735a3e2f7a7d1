"""The schemas that a node holds messages to.

For every generation its own, with the packs there are; and beside them the network's official
document where the operator names one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protocol.actions import Action
from protocol.errors import SchemaViolated
from protocol.profile import PROFILES, Profile
from schemas.attributes import UnknownBag, UnknownPacks, unknown_bags
from schemas.packs import Packs, bundled_packs
from schemas.validation import Rules, SchemaSet, schema_set
from schemas.violation import Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """What messages must fit, by the names of profiles."""

    own: Mapping[str, SchemaSet]
    official: Mapping[str, SchemaSet]
    packs: Packs
    unknown_packs: UnknownPacks

    def check(self, document: Mapping[str, Any], *, action: Action, profile: Profile) -> None:
        """Refuse a message that breaks a schema of its action.

        Raises: SchemaViolated, with place, rule and hint of the first break.
        """
        name, official = profile.schema_of(action), self.official.get(profile.name)
        if self.own[profile.name].is_valid(name, document) and (
            official is None or name not in official.actions or official.is_valid(name, document)
        ):
            return
        violations = self.violations(document, action=action, profile=profile)
        first, others = violations[0], len(violations) - 1
        more = f" (and {others} more)" if others else ""
        raise SchemaViolated(f"{first.message} (rule {first.rule}){more}", path=first.path, hint=first.hint)

    def violations(
        self, document: Mapping[str, Any], *, action: Action, profile: Profile
    ) -> Sequence[Violation]:
        """Return what a message breaks, of our own schemas first; nothing if it fits."""
        name, official = profile.schema_of(action), self.official.get(profile.name)
        own = self.own[profile.name].violations(name, document)
        if own or official is None or name not in official.actions:
            return own
        return official.violations(name, document)

    def unknown_bags(self, document: Mapping[str, Any]) -> Sequence[UnknownBag]:
        """Return the bags of attributes that were let pass although no pack knows them."""
        return unknown_bags(document, self.packs) if self.unknown_packs is UnknownPacks.WARN else ()


def make_rulebook(
    *,
    packs: Packs | None = None,
    unknown_packs: UnknownPacks = UnknownPacks.WARN,
    official: Mapping[str, SchemaSet] | None = None,
) -> Rulebook:
    """Return the rulebook of a node; without more packs it has those that come with the project."""
    known = packs if packs is not None else bundled_packs()
    return Rulebook(
        own={
            profile.name: schema_set(
                profile.schemas, Rules.PARTICIPANT, packs=packs, unknown_packs=unknown_packs
            )
            for profile in PROFILES.values()
        },
        official=official or {},
        packs=known,
        unknown_packs=unknown_packs,
    )
