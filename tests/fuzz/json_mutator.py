"""Changing JSON as JSON: blind changes of bytes seldom get past the parser."""

from __future__ import annotations

from random import Random
from typing import Any, Final

import atheris
import orjson

_STRANGE: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    0,
    1e308,
    2**63 - 1,
    "",
    "\u0000",
    "\ud7ff",
    "é" * 300,
    "0001-01-01T00:00:00+14:00",
    "PT9999999999S",
    [],
    {},
    [[[[[[]]]]]],
    {"@context": "https://else.example", "@type": "Else"},
)


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Return `data` with one value replaced, dropped or doubled; changed byte by byte where it is no JSON."""
    random = Random(seed)  # noqa: S311  reproducible, guards nothing
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        document = None
    if document is None or random.random() < 0.3:
        blind: bytes = atheris.Mutate(data, max_size)
        return blind
    holders = list(_holders(document))
    if holders:
        _change(random.choice(holders), random)
    changed = orjson.dumps(document)
    return changed if len(changed) <= max_size else data


def _holders(value: Any) -> Any:
    if isinstance(value, dict | list) and value:
        yield value
        for entry in list(value.values()) if isinstance(value, dict) else value:
            yield from _holders(entry)


def _change(holder: Any, random: Random) -> None:
    key = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    match random.randrange(3):
        case 0:
            holder[key] = random.choice(_STRANGE)
        case 1:
            del holder[key]
        case _:
            if isinstance(holder, list):
                holder.append(holder[key])
            else:
                holder[f"{key}_"] = holder[key]
