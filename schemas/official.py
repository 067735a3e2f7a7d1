"""The network's own OpenAPI 3.1 document as the rules of its messages.

An operator who has the document sets its file, and messages are held to it as it stands: what
each path asks of a request's body is the rule of the message that is named like the path.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from kernel.errors import NodeError
from schemas.library import JsonSchema, Library
from schemas.validation import SchemaSet

_BODY: Final = ("requestBody", "content", "application/json", "schema")
_METHODS: Final = ("post", "get")


class OfficialDocumentInvalid(NodeError):
    """A file cannot serve as the rules of messages; the path says which, and where in it."""


def official_schema_set(
    file: Path, *, path_prefix: str = "", references: Mapping[str, Path] | None = None
) -> SchemaSet:
    """Return the rules that the OpenAPI document in `file` (YAML or JSON) lays down.

    A message is named by its path below `path_prefix`: `/beckn/catalog/publish` rules
    `catalog_publish`. `references` says where the documents lie that this one refers to, by
    their addresses; none is fetched.
    Raises: OfficialDocumentInvalid.
    """
    identifier, document = file.resolve().as_uri(), _read(file)
    if not str(document.get("openapi")).startswith("3.1"):
        raise OfficialDocumentInvalid(
            "this is no OpenAPI 3.1 document", path=f"{file}: $.openapi", hint="It must say openapi: 3.1.…"
        )
    messages = {name: f"{identifier}#{pointer}" for name, pointer in _messages(document, path_prefix)}
    if not messages:
        raise OfficialDocumentInvalid(
            f"no path below {path_prefix or '/'} has a request body",
            path=f"{file}: $.paths",
            hint="Set the prefix that the paths have, such as /beckn.",
        )
    others = {address: _read(other) for address, other in (references or {}).items()}
    found = Library(
        name=file.name,
        documents=MappingProxyType({identifier: document, **others}),
        messages=MappingProxyType(messages),
        asserts_formats=False,
    )
    return _compiled(found, file)


def _compiled(found: Library, file: Path) -> SchemaSet:
    try:
        schemas = SchemaSet(found)
        schemas.compile()
    except ValueError as error:
        first = str(error).partition("\n")[0]
        raise OfficialDocumentInvalid(
            f"its schemas cannot be used: {first}",
            path=str(file),
            hint="If it refers to another document, say where a copy of that lies.",
        ) from error
    return schemas


def _messages(document: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each message and the JSON pointer of its schema."""
    paths = document.get("paths")
    for path in paths if isinstance(paths, dict) else ():
        if str(path).startswith(f"{prefix}/"):
            name = str(path).removeprefix(prefix).strip("/").replace("/", "_")
            for method in _METHODS:
                if pointer := _pointer(document, ("paths", path, method)):
                    yield name, pointer
                    break


def _pointer(document: Mapping[str, Any], operation: tuple[str, ...]) -> str | None:
    """Return where the schema of an operation's body stands, be the body there or referred to."""
    steps = [*operation, _BODY[0]]
    body = _at(document, steps)
    if isinstance(body, dict) and isinstance(reference := body.get("$ref"), str):
        steps = [_unescaped(step) for step in reference.removeprefix("#/").split("/")]
    steps += _BODY[1:]
    return "".join(f"/{_escaped(step)}" for step in steps) if _at(document, steps) is not None else None


def _at(document: Mapping[str, Any], steps: list[str]) -> object:
    node: object = document
    for step in steps:
        node = node.get(step) if isinstance(node, dict) else None
    return node


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


_TEXT: Final = "tag:yaml.org,2002:str"
_MERGE: Final = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """Reads YAML as JSON would be: a date or a key is the text that it is written as."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                key.tag = _TEXT
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _read(file: Path) -> JsonSchema:
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  safe, see above
    except OSError as error:
        raise OfficialDocumentInvalid(f"the file cannot be read: {error.strerror}", path=str(file)) from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise OfficialDocumentInvalid(f"this is neither YAML nor JSON: {error}", path=str(file)) from error
    if not isinstance(document, dict):
        raise OfficialDocumentInvalid("an object must stand here", path=str(file))
    return document
