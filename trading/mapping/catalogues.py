"""Catalogues of many sellers in one answer: one that cannot be read hides none of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kernel.errors import NodeError
from trading.listing import Listing
from trading.mapping.find import find_object, find_objects
from trading.mapping.wire import Message, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCatalogues:
    """What an answer lists, and why some of its catalogues cannot be read, by the place of each."""

    listings: list[Listing]
    faults: Mapping[int, NodeError]


def read_catalogues(wire: Wire, message: Message) -> ReadCatalogues:
    """Return what an on_discover lists, as far as it can be read. Raises: NodeError, if nothing of it can."""
    try:
        return ReadCatalogues(listings=wire.read_catalog(message), faults={})
    except NodeError:
        read = _read_apart(wire, message)
        if not read.listings:
            raise
        return read


def _read_apart(wire: Wire, message: Message) -> ReadCatalogues:
    listings: list[Listing] = []
    faults: dict[int, NodeError] = {}
    for number, each in enumerate(_apart(message)):
        try:
            listings += wire.read_catalog(each)
        except NodeError as error:
            faults[number] = error
    return ReadCatalogues(listings=listings, faults=faults)


def _apart(message: Message) -> list[dict[str, Any]]:
    """Return a message for each catalogue; in v1.1 that is a provider with its items."""
    if "catalogs" in message:
        return [{**message, "catalogs": [each]} for each in find_objects(message, "catalogs")]
    catalog = find_object(message, "catalog")
    return [{"catalog": catalog | {"providers": [each]}} for each in find_objects(catalog, "providers")]
