"""Searching the catalogue: words, and JSONPath (RFC 9535) over items.

Filters come from strangers, so their length, their depth and their functions are limited.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

import simplejson
from jsonpath import JSONPath, JSONPathEnvironment
from jsonpath.exceptions import JSONPathError

from trading.fields import Field
from trading.listing import Listing
from trading.mapping.wire import Wire
from trading.offer import Resource
from trading.refusals import FilterUnreadable
from trading.request import Criteria

MOST_CHARACTERS: Final = 1_000
MOST_FILTERS: Final = 4
MOST_DESCENTS: Final = 1

# Live networks write @.beckn:id, which RFC 9535 has no room for: it wants @['beckn:id'].
_QUOTED_OR_PREFIXED: Final = re.compile(
    r"""(?P<quoted>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|\.(?P<name>[A-Za-z_]\w*:[A-Za-z_]\w*)"""
)
_QUOTED: Final = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")


def _environment() -> JSONPathEnvironment:
    environment = JSONPathEnvironment(strict=True)
    for function in ("match", "search"):  # a stranger's regular expression may run for hours
        del environment.function_extensions[function]
    return environment


_ENVIRONMENT: Final = _environment()


def search(listing: Listing, criteria: Criteria, *, wire: Wire) -> Listing:
    """Return the part of the listing that matches all of the criteria, in its order.

    Words are looked for in what things are called; a JSONPath is applied to the items as `wire`
    writes them. Raises: FilterUnreadable.
    """
    chosen = _chosen(listing, criteria.expression, wire)
    return listing.only(
        tuple(
            resource
            for index, resource in enumerate(listing.resources)
            if index in chosen and _has_words(resource, listing, criteria.words)
        )
    )


def compile_filter(expression: str, *, example: str) -> JSONPath:
    """Return the filter ready for use. Raises: FilterUnreadable, if it is wrong or too much work."""
    if not expression:  # the library's own error for it cannot be put into words
        raise FilterUnreadable(
            "the filter is empty", path=Field.FILTER, hint="Leave it out to find everything."
        )
    bare = _QUOTED.sub("''", expression)
    if (
        len(expression) > MOST_CHARACTERS
        or bare.count("?") > MOST_FILTERS
        or bare.count("..") > MOST_DESCENTS
    ):
        raise FilterUnreadable(
            "the filter asks for too much",
            path=Field.FILTER,
            hint=f"At most {MOST_CHARACTERS} characters, {MOST_FILTERS} filters and one descent (..).",
        )
    try:
        compiled = _ENVIRONMENT.compile(_QUOTED_OR_PREFIXED.sub(_bracketed, expression))
    except (JSONPathError, ValueError, OverflowError, RecursionError) as error:  # 1e999 overflows
        first_line = str(error).partition("\n")[0][:200]
        raise FilterUnreadable(
            f"the filter is no JSONPath: {first_line}",
            path=Field.FILTER,
            hint=f"Write it like {example}.",
        ) from error
    if not isinstance(compiled, JSONPath):  # pragma: no cover  strict mode joins no paths
        raise FilterUnreadable("the filter joins several paths", path=Field.FILTER)
    return compiled


def _chosen(listing: Listing, expression: str | None, wire: Wire) -> set[object]:
    if expression is None:
        return set(range(len(listing.resources)))
    compiled = compile_filter(expression, example=wire.FILTER_EXAMPLE)
    # As any JSON reader has them: the filter's own numbers are not Decimals either.
    plain = json.loads(simplejson.dumps(wire.write_items(listing), use_decimal=True))
    try:
        return {match.parts[0] for match in compiled.finditer(plain) if match.parts}
    except (JSONPathError, RecursionError) as error:
        raise FilterUnreadable(f"the filter cannot be applied: {error}", path=Field.FILTER) from error


def _bracketed(match: re.Match[str]) -> str:
    name = match["name"]
    return match[0] if name is None else f"['{name}']"


def _has_words(resource: Resource, listing: Listing, words: Sequence[str]) -> bool:
    if not words:
        return True
    source, provider = resource.source, listing.provider_of(resource)
    texts = [resource.name, provider.name, *(offer.name for offer in listing.offers_of(resource))]
    texts += [source.source_type.value, source.delivery_mode.value]
    texts += [source.certification.status] if source.certification else []
    text = " ".join(texts).casefold()
    return all(word in text for word in words)
