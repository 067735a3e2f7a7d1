"""The JSON Schemas that come with the package, by their identifiers.

`<generation>/` holds what the transport asks of the messages of that wire generation.
`participant/` mirrors the same paths: a schema there has the identifier of the one it stands in
for, and says what a participant, who has to act on the message, asks instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote

from schemas.attributes import UnknownPacks, attributes_schema
from schemas.packs import Packs

JsonSchema = dict[str, Any]

BASE: Final = "https://degnode.org/schemas/"
"""Where the identifiers of our schemas start; the rest is the file's path in this package."""

GENERATIONS: Final = ("v1_1", "v2_rc", "v2_lts")
"""The wire generations; each is a folder of that name."""

_OVERLAY: Final = "participant"


class GenerationUnknown(LookupError):
    """No wire generation of that name comes with the package."""


class Rules(StrEnum):
    """Whose rules a message is held to."""

    TRANSPORT = "transport"
    """What the specification of the generation asks, no more and no less."""

    PARTICIPANT = "participant"
    """What a node needs to act on the message: readable instants, bags that fit their packs."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Library:
    """Schemas by their identifiers, and which of them rules which message."""

    name: str
    documents: Mapping[str, JsonSchema]
    messages: Mapping[str, str]
    """The identifier of the schema of each message, by the message's name on the wire."""

    asserts_formats: bool
    """Whether `format` is a rule or only a remark."""

    def schema_around(self, keyword_location: str) -> JsonSchema:
        """Return the schema object in which the keyword at an absolute location stands."""
        identifier, _, pointer = keyword_location.partition("#")
        node: Any = self.documents[identifier]
        for step in pointer.split("/")[1:-1]:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            node = node[int(key)] if isinstance(node, list) else node[key]
        found: JsonSchema = node
        return found


@cache
def transport_library(generation: str) -> Library:
    """Return the schemas of a generation as the transport has them. Raises: GenerationUnknown."""
    if generation not in GENERATIONS:
        raise GenerationUnknown(f"no schemas for {generation!r}; there are {', '.join(GENERATIONS)}")
    return _library(generation, _documents(files("schemas"), generation), asserts_formats=False)


@cache
def participant_library(generation: str, packs: Packs, unknown_packs: UnknownPacks) -> Library:
    """Return the schemas of a generation as a participant has them. Raises: GenerationUnknown."""
    documents = {
        **transport_library(generation).documents,
        **_documents(files("schemas") / _OVERLAY, generation),
        **{pack.schema["$id"]: pack.schema for pack in packs},
    }
    bag = f"{BASE}{generation}/parts/attributes.json"
    documents[bag] = attributes_schema(documents[bag], packs, unknown_packs)
    return _library(generation, documents, asserts_formats=True)


def _library(generation: str, documents: Mapping[str, JsonSchema], *, asserts_formats: bool) -> Library:
    return Library(
        name=generation,
        documents=MappingProxyType(documents),
        messages=MappingProxyType(_messages(documents, generation)),
        asserts_formats=asserts_formats,
    )


def shared_documents() -> dict[str, JsonSchema]:
    """Return the schemas that belong to no generation, as a participant has them."""
    root = files("schemas")
    return _documents(root, None) | _documents(root / _OVERLAY, None)


def _documents(root: Traversable, generation: str | None) -> dict[str, JsonSchema]:
    """Return the schemas below `root` that all generations share, and those of this one."""
    others = {_OVERLAY, *GENERATIONS} - {generation}
    folders = (entry for entry in root.iterdir() if entry.is_dir() and entry.name not in others)
    schemas = (file for folder in folders for file in _walk(folder) if file.name.endswith(".json"))
    documents = (json.loads(file.read_text(encoding="utf-8")) for file in schemas)
    return {document["$id"]: document for document in documents}


def _messages(documents: Mapping[str, JsonSchema], generation: str) -> dict[str, str]:
    prefix = f"{BASE}{generation}/messages/"
    return {
        identifier.removeprefix(prefix).removesuffix(".json"): identifier
        for identifier in documents
        if identifier.startswith(prefix)
    }


def _walk(folder: Traversable) -> Iterator[Traversable]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry)
        else:
            yield entry
