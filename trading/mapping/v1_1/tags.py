"""Tags: groups of facts as text, v1.1's own way to say more than its schema has room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trading.mapping.find import Json, find_objects, find_text

PURCHASE_TERMS: Final = "purchaseTerms"
"""The group of what else is asked for."""
PROPOSAL: Final = "proposal"
"""The group of a proposed change."""


def write_tags(code: str, facts: Mapping[str, Any]) -> Json:
    """Return the facts that are text as a group of tags; the others have no place there."""
    entries = [(key, value) for key, value in facts.items() if isinstance(value, str) and key[0] != "@"]
    return write_group(code, entries)


def write_group(code: str, entries: Sequence[tuple[str, str]]) -> Json:
    """Return a group of tags."""
    return {
        "descriptor": {"code": code},
        "list": [{"descriptor": {"code": key}, "value": value} for key, value in entries],
    }


def find_facts(tags: object, *, group: str) -> Json:
    """Return the facts of the first group of that code, none if there is no such group."""
    for entry in find_objects(tags, "tags"):
        if find_text(entry, "descriptor", "code") == group:
            facts = find_objects(entry, "list")
            return {find_text(fact, "descriptor", "code") or "": find_text(fact, "value") for fact in facts}
    return {}


def find_values(tags: object, *, group: str, code: str) -> tuple[str, ...]:
    """Return the values of every tag of that code in the groups of that code."""
    groups = [
        entry for entry in find_objects(tags, "tags") if find_text(entry, "descriptor", "code") == group
    ]
    entries = [entry for found in groups for entry in find_objects(found, "list")]
    values = (
        find_text(entry, "value") for entry in entries if find_text(entry, "descriptor", "code") == code
    )
    return tuple(value for value in values if value is not None)
