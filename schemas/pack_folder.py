"""Packs of an operator's own: folders with a `pack.json`, a schema and a JSON-LD context.

rooftops/
    pack.json     {"name": "Rooftop", "version": "1.0",
                   "contexts": ["https://town.example/Rooftop/v1.0/context.jsonld"],
                   "types": ["Rooftop"], "schema": "schema.json", "context": "context.jsonld"}
    schema.json   JSON Schema 2020-12 with an "$id"; it may refer to schemas of this package
    context.jsonld
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jsonschema_rs import Draft202012Validator, RegexOptions, Registry, ValidationError

from kernel.errors import NodeError
from schemas.library import BASE, shared_documents
from schemas.packs import CORE_CONTEXTS, Pack, Packs, bundled_packs
from schemas.violation import json_path

_WORDS: Final = {"name", "version", "schema", "context"}
_LISTS: Final = {"contexts", "types"}
_ADDRESS: Final = re.compile(r"[a-z]+://[^#]+")
_ASKED: Final = f"A pack has the strings {', '.join(sorted(_WORDS))} and the lists contexts and types."


class PackInvalid(NodeError):
    """A pack cannot be used; the path says which file, and where in it."""


def load_packs(folder: Path) -> Packs:
    """Return the packs in `folder` and below, in the order of their paths.

    Raises: PackInvalid.
    """
    found = {file: _load(file) for file in sorted(folder.rglob("pack.json"))}
    if not found:
        raise PackInvalid(
            "there is no pack here", path=str(folder), hint="A pack is a folder with a pack.json in it."
        )
    _check_distinct(found)
    return tuple(found.values())


def _check_distinct(found: Mapping[Path, Pack]) -> None:
    """Refuse packs that share a context or a schema with another, or a context with the core."""
    uses = Counter(CORE_CONTEXTS)
    uses.update(name for pack in (*bundled_packs(), *found.values()) for name in _names(pack))
    for file, pack in found.items():
        for name in _names(pack):
            if uses[name] > 1:
                raise PackInvalid(
                    f"{name} belongs to another pack already",
                    path=f"{file}: $.contexts" if name in pack.contexts else str(file.parent),
                    hint="A context and a schema belong to one pack only; change one of them.",
                )


def _names(pack: Pack) -> tuple[str, ...]:
    return (*pack.contexts, pack.schema["$id"])


def _load(file: Path) -> Pack:
    about = _object(file)
    for key in sorted(_WORDS | _LISTS):
        _check(file, key, about.get(key))
    schema_file, context_file = file.parent / about["schema"], file.parent / about["context"]
    return Pack(
        name=about["name"],
        version=about["version"],
        contexts=tuple(about["contexts"]),
        types=tuple(about["types"]),
        schema=_schema(schema_file),
        context=_context(context_file),
    )


def _check(file: Path, key: str, value: object) -> None:
    fits = isinstance(value, str) if key in _WORDS else _is_list_of_words(value)
    if not fits:
        what = "a string" if key in _WORDS else "a list of strings, one at least"
        raise PackInvalid(f"{key} must be {what}", path=f"{file}: $.{key}", hint=_ASKED)


def _is_list_of_words(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(entry, str) for entry in value)


def _schema(file: Path) -> dict[str, Any]:
    schema = _object(file)
    if not isinstance(identifier := schema.get("$id"), str) or not _ADDRESS.fullmatch(identifier):
        raise PackInvalid(
            'a schema needs an "$id"', path=f"{file}: $['$id']", hint="Any https address of yours will do."
        )
    if identifier.startswith(BASE):
        raise PackInvalid(f"{identifier} is a name of this package's", path=f"{file}: $['$id']")
    documents = {**shared_documents(), identifier: schema}
    try:
        Draft202012Validator(
            {"$ref": identifier},
            registry=Registry(list(documents.items())),
            pattern_options=RegexOptions(),  # as messages are checked
        )
    except ValidationError as error:
        where = json_path(error.instance_path)
        raise PackInvalid(f"this is no JSON Schema: {error.message}", path=f"{file}: {where}") from error
    except ValueError as error:
        raise PackInvalid(f"this schema cannot be used: {error}", path=str(file)) from error
    return schema


def _context(file: Path) -> dict[str, Any]:
    context = _object(file)
    if "@context" not in context:
        raise PackInvalid('there is no "@context" in it', path=f"{file}: $['@context']")
    return context


def _object(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise PackInvalid(f"the file cannot be read: {error.strerror}", path=str(file)) from error
    except (ValueError, RecursionError) as error:
        raise PackInvalid(f"this is no JSON: {error}", path=str(file)) from error
    if not isinstance(document, dict):
        raise PackInvalid("a JSON object must stand here", path=str(file))
    return document
