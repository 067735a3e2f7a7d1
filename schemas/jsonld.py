"""JSON-LD with the contexts at hand: expanding, compacting, framing, and finding what means nothing.

No context is fetched, unless an operator allows it: see `schemas.remote_contexts`.
Numbers stay as they were parsed: a `Decimal` is carried through expansion exactly.
Expansion costs several signature checks, so it has no place where messages are received. What
was expanded lately is remembered, and so is what pyld makes of each context that never changes.
"""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from typing import Any, Final, TypeVar

from pyld import jsonld
from pyld.context_resolver import ContextResolver

from kernel.errors import NodeError
from schemas.contexts import JsonLdContextUnknown, bundled_contexts, contexts_of
from schemas.lru import Lru
from schemas.packs import Packs, bundled_packs
from schemas.remote_contexts import RemoteContexts
from schemas.violation import json_path

__all__ = [
    "JsonLd",
    "JsonLdContextUnknown",
    "JsonLdInvalid",
    "bundled_contexts",
    "compact",
    "expand",
    "frame",
    "lost_terms",
]

Json = Mapping[str, Any]
Value = TypeVar("Value")

_MOST_REMEMBERED: Final = 256
_LARGEST_REMEMBERED: Final = 64 * 1024
"""Bytes of a document; larger ones are expanded anew each time."""


class JsonLdInvalid(NodeError):
    """The document breaks the rules of JSON-LD."""

    code, http_status, retryable = "SCH_SCHEMA_VALIDATION_FAILED", 400, False


class JsonLd:
    """Reads documents with the contexts of some packs, and with remote ones if they are allowed."""

    def __init__(self, packs: Packs, remote: RemoteContexts | None = None) -> None:
        self._contexts = contexts_of(packs)
        self._remote = remote
        self._expanded: Lru[bytes, list[Any]] = Lru(_MOST_REMEMBERED)
        self._resolved: Lru[str, Any] = Lru(_MOST_REMEMBERED)

    def expand(self, document: Json) -> list[Any]:
        """Return `document` (an order, an item, a bag …) expanded, every key an absolute IRI.

        Raises: JsonLdContextUnknown, JsonLdContextUnavailable, JsonLdInvalid.
        """
        with _anticipated():
            digest = _digest(document)
            expanded = self._expanded.get(digest) if digest else None
            if expanded is None:
                expanded = jsonld.expand(document, self._options)
                if digest:
                    self._expanded[digest] = expanded
            return copy.deepcopy(expanded)

    def compact(self, document: object, context: object) -> dict[str, Any]:
        """Return `document` written with the terms of `context`, an IRI or a context itself.

        Raises: JsonLdContextUnknown, JsonLdContextUnavailable, JsonLdInvalid.
        """
        return _dictionary(lambda: jsonld.compact(document, context, self._options))

    def frame(self, document: object, shape: Json) -> dict[str, Any]:
        """Return of `document` what has the shape asked for, nested as the shape is.

        Raises: JsonLdContextUnknown, JsonLdContextUnavailable, JsonLdInvalid.
        """
        return _dictionary(lambda: jsonld.frame(document, shape, self._options))

    def lost_terms(self, document: Json) -> list[str]:
        """Return the JSON paths of the keys that mean nothing: expansion drops them with all they hold.

        Raises: JsonLdContextUnknown, JsonLdContextUnavailable, JsonLdInvalid.
        """
        lost: list[str] = []

        def note(key: str | None) -> None:
            if isinstance(key, _Key):
                lost.append(key.path)

        with _anticipated():
            jsonld.expand(_placed(document, ()), self._options, on_property_dropped=note)
        return sorted(lost)

    @property
    def _options(self) -> dict[str, Any]:
        # pyld's own memory of contexts is one for the whole process, whoever loads them.
        return {
            "documentLoader": self._load,
            "contextResolver": ContextResolver(self._resolved, self._load),
        }

    def _load(self, iri: str, _options: Json) -> dict[str, Any]:
        if context := self._contexts.get(iri):
            return _loaded(iri, context) | {"tag": "static"}  # pyld keeps what it makes of a static context
        if self._remote is None:
            raise JsonLdContextUnknown(
                f"the context {iri} does not come with this node, and none is fetched",
                path="@context",
                hint="Known are those that GET /contexts lists; an operator can add packs.",
            )
        return _loaded(iri, self._remote.fetch(iri))


@cache
def bundled() -> JsonLd:
    """Return the reader that knows the packs of the package, and fetches nothing."""
    return JsonLd(bundled_packs())


def expand(document: Json) -> list[Any]:
    """Expand with the contexts of the package, see `JsonLd.expand`."""
    return bundled().expand(document)


def compact(document: object, context: object) -> dict[str, Any]:
    """Compact with the contexts of the package, see `JsonLd.compact`."""
    return bundled().compact(document, context)


def frame(document: object, shape: Json) -> dict[str, Any]:
    """Frame with the contexts of the package, see `JsonLd.frame`."""
    return bundled().frame(document, shape)


def lost_terms(document: Json) -> list[str]:
    """Find what means nothing under the contexts of the package, see `JsonLd.lost_terms`."""
    return bundled().lost_terms(document)


class _Key(str):
    """A key that knows where it stands; pyld hands it back when it drops it."""

    path: str


def _placed(value: object, path: tuple[str | int, ...]) -> object:
    """Return `value` with keys that know where they stand."""
    if isinstance(value, Mapping):
        return {_key(key, path): _placed(entry, (*path, key)) for key, entry in value.items()}
    if isinstance(value, list):
        return [_placed(entry, (*path, number)) for number, entry in enumerate(value)]
    return value


def _key(key: str, path: tuple[str | int, ...]) -> _Key:
    placed = _Key(key)
    placed.path = json_path((*path, key))
    return placed


def _loaded(iri: str, context: Json) -> dict[str, Any]:
    return {
        "contentType": "application/ld+json",
        "contextUrl": None,
        "documentUrl": iri,
        "document": context,
    }


def _digest(document: Json) -> bytes | None:
    """Return what tells `document` from all others, 1 from 1.0 and from Decimal(1) among them."""
    written = pickle.dumps(document)
    return blake2b(written).digest() if len(written) <= _LARGEST_REMEMBERED else None


def _dictionary(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    with _anticipated():
        return work()


@contextmanager
def _anticipated() -> Iterator[None]:
    """Turn what pyld raises into errors of ours."""
    try:
        with warnings.catch_warnings():  # of a key like "@x", which is ignored as the standard wants
            warnings.simplefilter("ignore", SyntaxWarning)
            yield
    except jsonld.JsonLdError as error:
        raise _cause(error) from error
    except RecursionError as error:
        raise JsonLdInvalid("the document is nested too deeply to be expanded") from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # pyld takes some shapes on trust
        raise JsonLdInvalid(f"this is no JSON-LD: {error}") from error


def _cause(error: jsonld.JsonLdError) -> NodeError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NodeError):
            return cause
        cause = cause.__cause__
    return JsonLdInvalid(f"this is no JSON-LD: {error.args[0]}")
