"""Changing a catalogue's document: putting entries, withdrawing them, and what two versions differ in.

Pure: a document goes in, another comes out. Whether it can be traded from is checked afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bpp.catalog.document import Document
from kernel.errors import NodeError


class Kind(StrEnum):
    """The lists of a catalogue."""

    PROVIDER = "providers"
    RESOURCE = "resources"
    OFFER = "offers"


class EntryUnknown(NodeError):
    """The catalogue has nothing of that id."""

    code, http_status, retryable = "BIZ_ITEM_NOT_FOUND", 404, False


class EntryUnclear(NodeError):
    """The id stands for several things."""

    code, http_status, retryable = "BPP_CATALOGUE_ENTRY_UNCLEAR", 409, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one version has otherwise than another, by ids."""

    added: Mapping[Kind, tuple[str, ...]]
    changed: Mapping[Kind, tuple[str, ...]]
    removed: Mapping[Kind, tuple[str, ...]]

    @property
    def is_nothing(self) -> bool:
        return not any(ids for kinds in (self.added, self.changed, self.removed) for ids in kinds.values())


def put_entry(document: Document, kind: Kind, entry: Mapping[str, Any]) -> Document:
    """Return the catalogue with `entry` in the place of the one that has its id, else behind the others."""
    entries = [entry if each["id"] == entry["id"] else each for each in entries_of(document, kind)]
    if all(each is not entry for each in entries):
        entries.append(dict(entry))
    return document | {kind.value: entries}


def merge_entries(document: Document, kind: Kind, entries: Iterable[Mapping[str, Any]]) -> Document:
    """Return the catalogue with what `entries` say; of one that is there they change what they say."""
    merged = {each["id"]: each for each in entries_of(document, kind)}
    for entry in entries:
        merged[entry["id"]] = _merged(merged.get(entry["id"], {}), entry)
    return document | {kind.value: list(merged.values())}


def withdraw(document: Document, ids: Sequence[str], *, kind: Kind | None = None) -> Document:
    """Return the catalogue without these, and without what is sold only with them.

    With a provider go its resources, with a resource its offers. Raises: EntryUnknown, EntryUnclear.
    """
    gone: dict[Kind, set[str]] = {each: set() for each in Kind}
    kinds = Kind if kind is None else (kind,)
    known = {each: {entry["id"] for entry in entries_of(document, each)} for each in kinds}
    for identifier in ids:
        gone[_kind_of(known, identifier, kind)].add(identifier)
    gone[Kind.RESOURCE] |= {
        entry["id"]
        for entry in entries_of(document, Kind.RESOURCE)
        if entry["provider"] in gone[Kind.PROVIDER]
    }
    gone[Kind.OFFER] |= {
        entry["id"] for entry in entries_of(document, Kind.OFFER) if entry["resource"] in gone[Kind.RESOURCE]
    }
    return document | {
        each.value: [entry for entry in entries_of(document, each) if entry["id"] not in gone[each]]
        for each in Kind
    }


def difference(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Difference:
    """Return what `new` has otherwise than `old`, None for nothing at all."""
    added: dict[Kind, tuple[str, ...]] = {}
    changed: dict[Kind, tuple[str, ...]] = {}
    removed: dict[Kind, tuple[str, ...]] = {}
    for kind in Kind:
        before = {entry["id"]: entry for entry in entries_of(old or {}, kind)}
        after = {entry["id"]: entry for entry in entries_of(new, kind)}
        added[kind] = tuple(key for key in after if key not in before)
        changed[kind] = tuple(key for key, entry in after.items() if before.get(key, entry) != entry)
        removed[kind] = tuple(key for key in before if key not in after)
    return Difference(added=added, changed=changed, removed=removed)


def touched_providers(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the providers of whom anything is otherwise in `new`; None if it concerns all of them."""
    if any(old.get(key) != new.get(key) for key in ("id", "name", "networks")):
        return None
    differs = difference(old, new)
    touched: set[str] = set()
    for document in (old, new):
        sellers = {entry["id"]: entry["provider"] for entry in entries_of(document, Kind.RESOURCE)}
        of_offers = {entry["id"]: sellers[entry["resource"]] for entry in entries_of(document, Kind.OFFER)}
        owners = {Kind.RESOURCE: sellers, Kind.OFFER: of_offers}
        for kinds in (differs.added, differs.changed, differs.removed):
            touched |= set(kinds[Kind.PROVIDER])
            touched |= {owner[key] for kind, owner in owners.items() for key in kinds[kind] if key in owner}
    return frozenset(touched)


def entries_of(document: Mapping[str, Any], kind: Kind) -> list[Document]:
    """Return the entries of a kind."""
    return list(document.get(kind.value, ()))


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> Document:
    """Return an entry with what `new` says; a part of it that is an object keeps the rest."""
    return {
        **old,
        **{
            key: {**(old.get(key) or {}), **value} if isinstance(value, dict) else value
            for key, value in new.items()
        },
    }


def _kind_of(known: Mapping[Kind, Set[str]], identifier: str, wanted: Kind | None) -> Kind:
    kinds = [kind for kind, ids in known.items() if identifier in ids]
    if not kinds:
        what = "entry" if wanted is None else wanted.value.removesuffix("s")
        raise EntryUnknown(
            f"the catalogue has no {what} {identifier!r}", path="ids", hint="Look up what it has."
        )
    if len(kinds) > 1:
        raise EntryUnclear(
            f"{identifier!r} is one of the {' and of the '.join(kinds)}",
            path="ids",
            hint="Say which kind is meant.",
        )
    return kinds[0]
