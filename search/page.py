"""What was found as a page for people: plain HTML that refers to nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment

from trading.mapping.find import Json, find, find_objects, find_text

_PAGE: Final = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    files("search").joinpath("page.html.j2").read_text(encoding="utf-8")
)
_MOST_FACTS: Final = 20
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")
_DEEPEST: Final = 3

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"
"""The content security policy that the page keeps to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A page of what was found, as catalogues of 2.0 RC; `earlier` and `later` lead to other pages."""

    catalogs: Sequence[Json]
    total: int
    first: int
    earlier: str | None = None
    later: str | None = None


def write_results(results: Results, *, title: str, asked: Mapping[str, str]) -> str:
    """Return the page of what was found; `asked` is what was written into the form."""
    shown = sum(len(find_objects(catalog, "beckn:items")) for catalog in results.catalogs)
    told = "Nothing was found."
    if shown:
        part = f"{results.first + 1} to {results.first + shown} of " if shown < results.total else ""
        told = f"{part}{results.total} found."
    elif results.total:
        told = f"There are only {results.total}."
    return _PAGE.render(
        heading="Search",
        title=title,
        asked=_form(asked),
        told=told,
        catalogues=[_catalogue(catalog) for catalog in results.catalogs],
        earlier=results.earlier,
        later=results.later,
    )


def write_refusal(why: str, *, title: str, asked: Mapping[str, str]) -> str:
    """Return the page that says why nothing was looked for."""
    return _PAGE.render(heading="Refused", title=title, asked=_form(asked), refusal=why)


def _form(asked: Mapping[str, str]) -> dict[str, str]:
    return {name: asked.get(name, "") for name in ("text", "lat", "lon", "radius", "filters")}


def _catalogue(catalog: Json) -> dict[str, Any]:
    return {
        "name": _name(catalog) or find_text(catalog, "beckn:id") or "",
        "seller": find_text(catalog, "beckn:bppId") or "",
        "items": [_item(item, catalog) for item in find_objects(catalog, "beckn:items")],
    }


def _item(item: Json, catalog: Json) -> dict[str, Any]:
    identifier = find_text(item, "beckn:id") or ""
    offers = [
        {"name": _name(offer), "price": _price(offer)}
        for offer in find_objects(catalog, "beckn:offers")
        if identifier in (find(offer, "beckn:items") or ())
    ]
    facts = [("ID", identifier), *_place(item), *_facts(find(item, "beckn:itemAttributes"), deep=0)]
    return {
        "name": _name(item) or identifier,
        "provider": _name(find(item, "beckn:provider")),
        "offers": offers,
        "facts": [(f"{key[:1].upper()}{key[1:]}", value) for key, value in facts[:_MOST_FACTS]],
    }


def _name(thing: object) -> str:
    return find_text(thing, "beckn:descriptor", "schema:name") or ""


def _price(offer: Json) -> str:
    value, unit = (
        find(offer, "beckn:price", "value"),
        find(offer, "beckn:price", "applicableQuantity", "unitText"),
    )
    told = f"{_text(value)} {find_text(offer, 'beckn:price', 'currency') or ''}".strip()
    return f"{told} per {unit}" if isinstance(unit, str) else told


def _place(item: Json) -> Iterator[tuple[str, str]]:
    for place in find_objects(item, "beckn:availableAt")[:1]:
        address = find(place, "address")
        parts = [address] if isinstance(address, str) else list(address.values()) if address else []
        if told := ", ".join(part for part in parts if isinstance(part, str) and part):
            yield "Place", told
        position = find(place, "geo", "coordinates")
        if find_text(place, "geo", "type") == "Point" and isinstance(position, list) and len(position) > 1:
            yield "Position", f"{_text(position[1])}, {_text(position[0])}"


def _facts(bag: object, *, deep: int, before: str = "") -> Iterator[tuple[str, str]]:
    """Return what attributes say, those within others by both names; what machines alone read is left out."""
    if not isinstance(bag, Mapping) or deep >= _DEEPEST:
        return
    for key, value in bag.items():
        if key.startswith("@"):
            continue
        name = f"{before} {_in_words(key)}".strip()
        if isinstance(value, Mapping):
            yield from _facts(value, deep=deep + 1, before=name)
        elif isinstance(value, list):
            if told := ", ".join(_text(entry) for entry in value if not isinstance(entry, dict | list)):
                yield name, told
        else:
            yield name, _text(value)


def _in_words(key: str) -> str:
    """Return the name of an attribute as people write it: `connectorType` is the connector type."""
    return _WORDS.sub(" ", key.rpartition(":")[2]).lower()


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:f}" if isinstance(value, Decimal) else "" if value is None else str(value)
