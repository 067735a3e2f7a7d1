"""The usual mistakes in filling in a form, made of the form's own description in an OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_SAMPLES: Final[Json] = {
    "date-time": "2026-01-09T10:00:00Z",
    "date": "2026-01-09",
    "uri": "https://example.com/",
    "boolean": True,
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_TEXT: Final = "words"
_NUMBERS: Final = ("number", "integer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A request with one mistake: where it is, of what kind, and how it is sent."""

    operation: str
    kind: str
    place: str
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes | None
    headers: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.operation}: {self.kind} at {self.place}"


def mistakes_in(document: Json) -> Iterator[Mistake]:
    """Yield each usual mistake in each form and each parameter of an OpenAPI document."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in _METHODS:
                yield from _Operation(document, method, path, operation).mistakes()


def _wrong_values(way: Json) -> Iterator[tuple[str, Any]]:
    """Yield values that break one way in which a value may be written."""
    if "enum" in way:
        yield "bad choice", "no-such-thing"
    if way.get("format") == "date-time":
        yield from (("naive time", "2026-01-09T10:00:00"), ("no time", "soon"))
    if way.get("type") in _NUMBERS:
        yield from (("no number", "many"), ("NaN", float("nan")), ("NaN", "NaN"))
        yield from (("below", -(10**30)), ("too exact", 0.00000001))
    if way.get("type") == "boolean":
        yield "no truth", "perhaps"
    if way.get("minItems"):
        yield "empty list", []
    yield from _wrong_texts(way)


def _wrong_texts(way: Json) -> Iterator[tuple[str, Any]]:
    if "pattern" in way or "maxLength" in way:
        yield from (("wrong characters", "\x00"), ("half a character", "\ud800"))
    if way.get("minLength"):
        yield "empty text", ""
    if 0 < way.get("maxLength", 0) < 10_000:
        yield "too long", "x" * (way["maxLength"] + 1)


class _Operation:
    def __init__(self, document: Json, method: str, path: str, operation: Json) -> None:
        self.document, self.method, self.path = document, method, path
        content = operation.get("requestBody", {}).get("content", {})
        self.body = content.get("application/json", {}).get("schema")
        self.parameters = operation.get("parameters", [])

    def mistakes(self) -> Iterator[Mistake]:
        for parameter in self.parameters:
            if parameter["in"] == "query":
                name = parameter["name"]
                for kind, value in self._wrong(parameter["schema"]):
                    if isinstance(value, str) and kind != "half a character":
                        yield self._sent(kind, name, self._sample(self.body), {name: value})
        if self.body is None:
            return
        yield self._sent("no body", "body", None, {})
        for kind, raw in (("no JSON", b"{"), ("a list", b"[]"), ("null", b"null")):
            yield self._sent(kind, "body", raw, {})
        yield self._sent("no Content-Type", "body", json.dumps(self._sample(self.body)).encode(), {}, kind="")
        for kind, place, changed in self._changed(self.body, "body"):
            yield self._sent(kind, place, changed, {})

    def _changed(self, schema: Json, place: str) -> Iterator[tuple[str, str, Any]]:
        """Yield samples of a form, each with one mistake in it or in what it holds."""
        schema = self._resolved(schema)
        properties = schema.get("properties", {})
        whole = self._sample(schema)
        if not properties or not isinstance(whole, dict):
            return
        yield "unknown field", f"{place}.surprise", whole | {"surprise": 1}
        for name, inner in properties.items():
            if name in schema.get("required", ()):
                yield "missing", f"{place}.{name}", {k: v for k, v in whole.items() if k != name}
            for kind, value in self._wrong(inner):
                yield kind, f"{place}.{name}", whole | {name: value}
            for kind, below, value in self._below(inner, f"{place}.{name}"):
                yield kind, below, whole | {name: value}

    def _below(self, schema: Json, place: str) -> Iterator[tuple[str, str, Any]]:
        for way in self._ways(schema):
            if way.get("type") == "array":
                for kind, below, value in self._changed(way["items"], f"{place}.0"):
                    yield kind, below, [value]
            else:
                yield from self._changed(way, place)

    def _wrong(self, schema: Json) -> Iterator[tuple[str, Any]]:
        """Yield values that do not fit, each with the kind of mistake that it is."""
        ways = self._ways(schema)
        kinds = {way.get("type") for way in ways}
        if not kinds & {"object", None}:
            yield "wrong type", {"a": 1}
        if "array" not in kinds and None not in kinds:
            yield "wrong type", ["a"]
        for way in ways:
            yield from _wrong_values(way)
            if 0 < way.get("maxItems", 0) < 1_000:
                yield "too many", [self._sample(way["items"])] * (way["maxItems"] + 1)

    def _ways(self, schema: Json) -> list[Json]:
        schema = self._resolved(schema)
        ways = schema.get("anyOf") or schema.get("oneOf") or [schema]
        return [each for way in ways if (each := self._resolved(way)).get("type") != "null"]

    def _resolved(self, schema: Json) -> Json:
        while "$ref" in schema:
            found: Json = self.document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        return schema

    def _sample(self, schema: Json | None) -> Any:
        if schema is None:
            return None
        way = self._ways(schema)[0]
        if fixed := [*schema.get("examples", ()), *way.get("examples", ()), *way.get("enum", ())]:
            return fixed[0]
        if way.get("type") == "object":
            wanted = {name: way["properties"][name] for name in way.get("required", ())}
            return {name: self._sample(inner) for name, inner in wanted.items()}
        if way.get("type") == "array":
            return [self._sample(way["items"])]
        usual = 1 if way.get("type") in _NUMBERS else _SAMPLES.get(way.get("format") or way.get("type", ""))
        return way.get("const", way.get("minimum", usual or _TEXT))

    def _sent(
        self, kind_: str, place: str, body: Any, query: Mapping[str, str], *, kind: str = "application/json"
    ) -> Mistake:
        path = self.path.replace("{", "").replace("}", "")
        return Mistake(
            operation=f"{self.method.upper()} {self.path}",
            kind=kind_,
            place=place,
            method=self.method.upper(),
            path=path,
            query=query,
            body=body if isinstance(body, bytes) or body is None else json.dumps(body).encode(),
            headers={"Content-Type": kind} if kind and body is not None else {},
        )
