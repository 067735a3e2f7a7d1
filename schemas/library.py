"""The JSON Schemas that come with the package, by their identifiers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote

JsonSchema = dict[str, Any]

BASE: Final = "https://degnode.org/schemas/"
"""Where the identifiers of our schemas start; the rest is the file's path in this package."""


class GenerationUnknown(LookupError):
    """No wire generation of that name comes with the package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One wire generation: its folder, and whether `format` is a rule in it or only a remark."""

    folder: str
    asserts_formats: bool


GENERATIONS: Final = MappingProxyType({"v2_rc": Generation(folder="v2_rc", asserts_formats=True)})
"""Our schemas name a format only where it shall be a rule: on instants that we must read."""


def get_generation(name: str) -> Generation:
    """Return the generation of that name. Raises: GenerationUnknown."""
    try:
        return GENERATIONS[name]
    except KeyError:
        raise GenerationUnknown(f"no schemas for {name!r}; there are {', '.join(GENERATIONS)}") from None


@cache
def documents() -> Mapping[str, JsonSchema]:
    """Return every schema of the package by its `$id`."""
    root = files("schemas")
    found = (
        json.loads(file.read_text(encoding="utf-8")) for file in _walk(root) if file.name.endswith(".json")
    )
    return MappingProxyType({document["$id"]: document for document in found})


def messages(generation: Generation) -> dict[str, str]:
    """Return the `$id` of the schema of every action of a generation."""
    prefix = f"{BASE}{generation.folder}/messages/"
    return {
        identifier.removeprefix(prefix).removesuffix(".json"): identifier
        for identifier in documents()
        if identifier.startswith(prefix)
    }


def schema_around(keyword_location: str) -> JsonSchema:
    """Return the schema object in which the keyword at an absolute location stands."""
    identifier, _, pointer = keyword_location.partition("#")
    node: Any = documents()[identifier]
    for step in pointer.split("/")[1:-1]:
        key = unquote(step).replace("~1", "/").replace("~0", "~")
        node = node[int(key)] if isinstance(node, list) else node[key]
    found: JsonSchema = node
    return found


def _walk(folder: Traversable) -> Iterator[Traversable]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry)
        else:
            yield entry
