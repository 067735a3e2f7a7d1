"""Documents that touch everything a JSON Schema says, to see whether two schemas mean the same.

`Walk` goes through a schema property by property. At each place it puts one value after the other
into an otherwise small document: a value of every type, every listed word and words that are not
listed, both sides of every bound, texts that fit a pattern and texts that do not, each required
key left out, a key never heard of. Whether a probe is valid is for the validators to say.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urljoin

import jsonschema_rs

Path = tuple[str | int, ...]
_Put = Callable[[Any], Any]

TEXTS: Final = (
    "never heard of", "", "7", "-12.5", "+.5", "12.9716, 77.5946", "91,181", "P1D",
    "2026-03-02T09:00:00Z", "2026-03-02T09:00:00.5Z", "https://peer.example/beckn", "2.0.0",
    "8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60", "solar-1", "BLAKE-512=YWJj",
    'Signature keyId="a|b|ed25519",algorithm="ed25519",created="1",expires="2",headers="x",signature="YWJj"',
)  # fmt: skip
"""Where a schema has a pattern, each of these is tried; one of them has to fit it."""

_ONE_OF_EACH: Final[tuple[object, ...]] = (
    "never heard of",
    7,
    7.5,
    True,
    None,
    {},
    [],
    ["never heard of"],
    {"neverHeardOf": 7},
)
_UNKNOWN_KEY: Final = "neverHeardOf"
_MOST_VARIANTS: Final = 12
_DEEPEST_SAMPLE: Final = 12


class Probe(NamedTuple):
    """A document, the place in it that was changed, and what was put there."""

    path: Path
    kind: str
    document: Any

    @property
    def label(self) -> str:
        """The place and the kind in words."""
        return f"{'/'.join(map(str, self.path))} {self.kind}"


class Place(NamedTuple):
    """Where a schema stands: the identifier of its document, and the pointer into it."""

    document: str
    pointer: str

    def under(self, *steps: str | int) -> Place:
        """Return the place reached from here by these steps."""
        tail = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
        return Place(self.document, self.pointer + tail)


_Places = tuple[Place, ...]
"""Schemas that all speak of one value."""


@dataclass(slots=True)
class Shape:
    """What several schemas together say of one value."""

    nodes: list[Mapping[str, Any]] = field(default_factory=list)
    properties: dict[str, _Places] = field(default_factory=dict)
    entries: _Places = ()
    others: _Places = ()

    def each(self, keyword: str) -> list[Any]:
        """Return what each schema says under a keyword."""
        return [node[keyword] for node in self.nodes if keyword in node]

    @property
    def required(self) -> list[str]:
        """The keys that must be there."""
        return list(dict.fromkeys(key for keys in self.each("required") for key in keys))

    @property
    def listed(self) -> list[Any]:
        """The values that are allowed, where they are listed."""
        lists = [*self.each("enum"), *([value] for value in self.each("const"))]
        return [value for value in lists[0] if all(value in other for other in lists)] if lists else []

    @property
    def kinds(self) -> list[str]:
        """The types that are allowed, or the one that the other rules speak of."""
        named = [[kind] if isinstance(kind, str) else kind for kind in self.each("type")]
        if named:
            return [kind for kind in named[0] if all(kind in other for other in named)] or named[0]
        if self.properties or self.required:
            return ["object"]
        return ["array"] if self.entries else ["string"]

    def bound(self, keyword: str, otherwise: float) -> float:
        """Return the closest bound of that keyword."""
        bounds = self.each(keyword)
        return (max if keyword.startswith("min") else min)(bounds) if bounds else otherwise


class Walk:
    """A walk through schemas; what was seen once in full is only glanced at the next time."""

    def __init__(self, documents: Mapping[str, Any], *, glance: int = 1) -> None:
        """Remember the documents by identifier, and how many levels a glance goes down."""
        self._documents = documents
        self._glance = glance
        self._seen: set[_Places] = set()

    def probes(self, reference: str) -> Iterator[Probe]:
        """Yield documents for the schema at a reference such as `urn:x#/components/schemas/Order`."""
        yield from self._probes((_place(reference),), (), lambda value: value, depth=math.inf)

    def _probes(self, places: _Places, path: Path, put: _Put, *, depth: float) -> Iterator[Probe]:
        if places in self._seen:
            depth = min(depth, self._glance)
        self._seen.add(places)
        for value in _ONE_OF_EACH:
            yield Probe(path, f"{value!r} instead", put(value))
        for shape in self._variants(places):
            sample = self._accepted(places, self._candidates(shape))
            yield Probe(path, "sample", put(sample))
            for kind, value in _edges(shape, sample):
                yield Probe(path, kind, put(value))
            yield from self._object_probes(shape, path, put, sample=sample, depth=depth)
            if shape.entries and depth > 0:
                yield from self._entry_probes(shape, path, put, depth=depth - 1)

    def _object_probes(
        self, shape: Shape, path: Path, put: _Put, *, sample: Any, depth: float
    ) -> Iterator[Probe]:
        if "object" not in shape.kinds:
            return
        base = sample if isinstance(sample, dict) else {}
        everything = self._with_every_key(shape)
        yield Probe(path, "with every key", put(everything))
        for key in shape.required:
            without = {name: value for name, value in everything.items() if name != key}
            yield Probe((*path, key), "left out", put(without))
        for value in _ONE_OF_EACH:
            yield Probe((*path, _UNKNOWN_KEY), f"{value!r} added", put({**base, _UNKNOWN_KEY: value}))
        if depth > 0:
            children = shape.properties | ({_UNKNOWN_KEY: shape.others} if shape.others else {})
            for key, places in children.items():
                put_key = _into_key(put, base, key)
                yield from self._probes(places, (*path, key), put_key, depth=depth - 1)

    def _entry_probes(self, shape: Shape, path: Path, put: _Put, *, depth: float) -> Iterator[Probe]:
        entry = self._sample(shape.entries)
        least = int(shape.bound("minItems", 1))
        for count in {0, max(least - 1, 0), least, least + 1, int(shape.bound("maxItems", 2)) + 1}:
            yield Probe(path, f"{count} entries", put([entry] * count))
        put_entry = _into_entry(put, [entry] * max(least - 1, 0))
        yield from self._probes(shape.entries, (*path, max(least - 1, 0)), put_entry, depth=depth)

    def _sample(self, places: _Places, depth: int = 0) -> Any:
        """Return a small value that the schemas accept."""
        shapes = self._variants(places)
        if len(shapes) == 1:
            return self._sample_of(shapes[0], depth)
        return self._accepted(places, [value for shape in shapes for value in self._candidates(shape, depth)])

    def _accepted(self, places: _Places, candidates: Sequence[Any]) -> Any:
        """Return the first value that the schemas accept, or the first if they accept none."""
        accepts = self._validator(places)
        return next((value for value in candidates if accepts.is_valid(value)), candidates[0])

    def _candidates(self, shape: Shape, depth: int = 0) -> list[Any]:
        """Return values that may fit: one form can be told from another by a key that need not be there."""
        sample = self._sample_of(shape, depth)
        roomy = isinstance(sample, dict) and depth < _DEEPEST_SAMPLE
        return [sample, self._with_every_key(shape, depth + 1)] if roomy else [sample]

    def _with_every_key(self, shape: Shape, depth: int = 0) -> dict[str, Any]:
        return {key: self._sample(places, depth) for key, places in shape.properties.items()}

    def _sample_of(self, shape: Shape, depth: int = 0) -> Any:
        if shape.listed:
            return shape.listed[0]
        kind = shape.kinds[0]
        if kind == "object":
            keys = shape.required if depth < _DEEPEST_SAMPLE else []
            return {key: self._sample(shape.properties.get(key, ()), depth + 1) for key in keys}
        if kind == "array":
            count = int(shape.bound("minItems", 0))
            return [self._sample(shape.entries, depth + 1)] * count
        if kind in {"integer", "number"}:
            return shape.bound("minimum", min(1, shape.bound("maximum", 1)))
        return {"boolean": True, "null": None}.get(kind) if kind != "string" else _fitting_text(shape)

    def _variants(self, places: _Places) -> list[Shape]:
        """Return one shape for every choice among the alternatives in the schemas."""
        return [self._shape(nodes) for nodes in list(self._choices(places))[:_MOST_VARIANTS]]

    def _choices(self, places: _Places) -> Iterator[_Places]:
        """Yield the schemas with every reference followed and one branch of each alternative taken."""
        options = [list(self._ways(place)) for place in places]
        for choice in product(*options):
            yield tuple(dict.fromkeys(place for way in choice for place in way))

    def _ways(self, place: Place) -> Iterator[_Places]:
        node = self._node(place)
        if not isinstance(node, Mapping):
            yield ()
            return
        always = [place.under("allOf", number) for number in range(len(node.get("allOf", ())))]
        if "$ref" in node:
            always.append(self._target(place, node["$ref"]))
        for branches in self._branches(place, node):
            for rest in self._choices((*always, *branches)):
                yield (place, *rest)

    @staticmethod
    def _branches(place: Place, node: Mapping[str, Any]) -> Iterator[_Places]:
        options: list[list[_Places]] = [
            [(place.under(keyword, number),) for number in range(len(node[keyword]))]
            for keyword in ("anyOf", "oneOf")
            if keyword in node
        ]
        if "if" in node:
            options.append([(place.under("if"), place.under("then")), (place.under("else"),)])
        for choice in product(*options):
            yield tuple(branch for way in choice for branch in way)

    def _shape(self, places: _Places) -> Shape:
        shape = Shape()
        for place in places:
            node = self._node(place)
            shape.nodes.append(node)
            for key in node.get("properties", ()):
                shape.properties[key] = (*shape.properties.get(key, ()), place.under("properties", key))
            if "items" in node:
                shape.entries = (*shape.entries, place.under("items"))
            if isinstance(node.get("additionalProperties"), Mapping):
                shape.others = (*shape.others, place.under("additionalProperties"))
        return shape

    def _node(self, place: Place) -> Any:
        node: Any = self._documents[place.document]
        for step in place.pointer.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            node = node[int(key)] if isinstance(node, list) else node.get(key, {})
        return node

    @staticmethod
    def _target(place: Place, reference: str) -> Place:
        if reference.startswith("#"):
            return Place(place.document, unquote(reference[1:]))
        return _place(urljoin(place.document, reference))

    @cached_property
    def _registry(self) -> jsonschema_rs.Registry:
        return jsonschema_rs.Registry(list(self._documents.items()), draft=jsonschema_rs.Draft202012)

    def _validator(self, places: _Places) -> jsonschema_rs.Draft202012Validator:
        schema = {"allOf": [{"$ref": f"{place.document}#{place.pointer}"} for place in places]}
        return jsonschema_rs.Draft202012Validator(schema, registry=self._registry, validate_formats=False)


def _place(reference: str) -> Place:
    document, _, pointer = reference.partition("#")
    return Place(document, unquote(pointer))


def _edges(shape: Shape, sample: Any) -> Iterator[tuple[str, Any]]:
    """Yield values on both sides of every rule for a single value."""
    for value in shape.listed:
        yield f"{value!r} of the list", value
        if isinstance(value, str):
            yield from ((f"{other!r} beside the list", other) for other in _near(value))
    if any(map(shape.each, ("pattern", "minLength", "maxLength"))):
        yield from ((f"text {text!r}", text) for text in TEXTS)
    for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        for bound in shape.each(keyword):
            yield from ((f"{keyword} {bound} by {by}", bound + by) for by in (-1, -0.5, 0, 0.5, 1))
    if isinstance(sample, int) and not isinstance(sample, bool):
        yield "whole number with a point", float(sample)


def _near(word: str) -> Iterator[str]:
    yield from {word.upper(), word.lower(), f"{word} ", word[:-1]} - {word}


def _fitting_text(shape: Shape) -> str:
    patterns = shape.each("pattern")
    least = shape.bound("minLength", 0)
    for text in TEXTS:
        if len(text) >= least and all(re.search(pattern, text) for pattern in patterns):
            return text
    raise LookupError(f"no text of TEXTS fits {patterns}; add one that does")


def _into_key(put: _Put, base: Mapping[str, Any], key: str) -> _Put:
    return lambda value: put({**base, key: value})


def _into_entry(put: _Put, before: list[Any]) -> _Put:
    return lambda value: put([*before, value])
