"""A catalogue as a document: the plain JSON of its file, with the tariffs of utilities in its offers.

This is what is kept of each version; it needs no other file, and its numbers are exact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import simplejson

from bpp.catalog_file.reader import CatalogueInvalid, file_catalogue, parse_yaml, text_of

Document = dict[str, Any]

_JSON: Final = ".json"


def load_document(path: Path) -> Document:
    """Return the catalogue of a YAML or JSON file, checked. Raises: CatalogueInvalid."""
    text, name = text_of(path, "catalogue"), str(path)
    content = parse_json(text, name) if path.suffix.lower() == _JSON else parse_yaml(text, name)
    file_catalogue(content, name=name)
    return _self_contained(content, path.parent)


def parse_json(text: str | bytes, name: str) -> object:
    """Return what the JSON `text` says, its fractions as Decimals. Raises: CatalogueInvalid."""
    try:
        return simplejson.loads(text, use_decimal=True, object_pairs_hook=_each_once)
    except ValueError as error:  # of JSON, and of bytes that are no UTF-8
        raise CatalogueInvalid(f"{name} is no JSON: {error}") from error


def _each_once(pairs: list[tuple[str, Any]]) -> Document:
    """Return the object of these pairs. Raises: ValueError, if a key is there twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is there twice in one object")
    return made


def write_document(document: Mapping[str, Any]) -> str:
    """Return a document as text; documents that say the same have the same."""
    return simplejson.dumps(
        document,
        use_decimal=True,
        iterable_as_array=True,
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )


def read_document(text: str) -> Document:
    """Return a document that was kept as `text`."""
    document: Document = simplejson.loads(text, use_decimal=True)
    return document


def digest_of(text: str) -> str:
    """Return the SHA-256 of a document's text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _self_contained(content: Any, folder: Path) -> Document:  # noqa: ANN401  it was checked
    """Return the content of a file with what its offers take from tariff files."""
    return {**content, "offers": [_with_tariffs(offer, folder) for offer in content["offers"]]}


def _with_tariffs(offer: Document, folder: Path) -> Document:
    files = offer.get("tariffs") or ()
    plain = {key: value for key, value in offer.items() if key != "tariffs"}
    if not files:
        return plain
    own = offer.get("wheeling") or []
    charges = [charge for file in files for charge in _charges(folder / file)]
    return plain | {"wheeling": [*([own] if isinstance(own, dict) else own), *charges]}


def _charges(path: Path) -> list[Document]:
    """Return what the utility of a tariff file charges, each charge as an offer writes it."""
    tariff: Any = parse_yaml(text_of(path, "tariff"), str(path))
    return [
        {
            "utility": tariff["utility"],
            **charge,
            "currency": charge.get("currency") or tariff["currency"],
            "description": charge.get("description") or tariff["zone"],
        }
        for charge in tariff["charges"]
    ]
