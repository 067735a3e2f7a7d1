"""Searching the catalogue: words, and JSONPath (RFC 9535) over items.

Filters come from strangers, so their length, their depth and their functions are limited.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import simplejson
from jsonpath import JSONPath, JSONPathEnvironment
from jsonpath.exceptions import JSONPathError

from trading.refusals import FilterUnreadable
from trading.request import Criteria

MOST_CHARACTERS: Final = 1_000
MOST_FILTERS: Final = 4
MOST_DESCENTS: Final = 1
_PATH: Final = "$.message.filters.expression"

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


def matching_items(
    items: Sequence[Mapping[str, Any]], offers: Sequence[Mapping[str, Any]], criteria: Criteria
) -> list[Mapping[str, Any]]:
    """Return the items that match all of the criteria, in their order. Raises: FilterUnreadable."""
    chosen = _chosen(items, criteria.expression)
    return [
        item
        for index, item in enumerate(items)
        if index in chosen and _has_words(item, offers, criteria.words)
    ]


def compile_filter(expression: str) -> JSONPath:
    """Return the filter ready for use. Raises: FilterUnreadable, if it is wrong or too much work."""
    if not expression:  # the library's own error for it cannot be put into words
        raise FilterUnreadable("the filter is empty", path=_PATH, hint="Leave it out to find everything.")
    bare = _QUOTED.sub("''", expression)
    if (
        len(expression) > MOST_CHARACTERS
        or bare.count("?") > MOST_FILTERS
        or bare.count("..") > MOST_DESCENTS
    ):
        raise FilterUnreadable(
            "the filter asks for too much",
            path=_PATH,
            hint=f"At most {MOST_CHARACTERS} characters, {MOST_FILTERS} filters and one descent (..).",
        )
    try:
        compiled = _ENVIRONMENT.compile(_QUOTED_OR_PREFIXED.sub(_bracketed, expression))
    except (JSONPathError, ValueError, OverflowError, RecursionError) as error:  # 1e999 overflows
        first_line = str(error).partition("\n")[0][:200]
        raise FilterUnreadable(
            f"the filter is no JSONPath: {first_line}",
            path=_PATH,
            hint="Write it like $[?@['beckn:itemAttributes'].sourceType == 'SOLAR'].",
        ) from error
    if not isinstance(compiled, JSONPath):  # pragma: no cover  strict mode joins no paths
        raise FilterUnreadable("the filter joins several paths", path=_PATH)
    return compiled


def _chosen(items: Sequence[Mapping[str, Any]], expression: str | None) -> set[object]:
    if expression is None:
        return set(range(len(items)))
    compiled = compile_filter(expression)
    # As any JSON reader has them: the filter's own numbers are not Decimals either.
    plain = json.loads(simplejson.dumps(items, use_decimal=True))
    try:
        return {match.parts[0] for match in compiled.finditer(plain) if match.parts}
    except (JSONPathError, RecursionError) as error:
        raise FilterUnreadable(f"the filter cannot be applied: {error}", path=_PATH) from error


def _bracketed(match: re.Match[str]) -> str:
    name = match["name"]
    return match[0] if name is None else f"['{name}']"


def _has_words(item: Mapping[str, Any], offers: Sequence[Mapping[str, Any]], words: Sequence[str]) -> bool:
    if not words:
        return True
    of_item = [offer for offer in offers if item["beckn:id"] in offer["beckn:items"]]
    texts = [entry["beckn:descriptor"]["schema:name"] for entry in (item, item["beckn:provider"], *of_item)]
    attributes = item["beckn:itemAttributes"]
    texts += [str(attributes.get(key, "")) for key in ("sourceType", "deliveryMode", "certificationStatus")]
    text = " ".join(texts).casefold()
    return all(word in text for word in words)
