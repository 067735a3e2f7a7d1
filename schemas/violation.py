"""What a message breaks of its schema, where, and what to do about it, in words for people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_QUOTED: Final = 60
"""Characters of a peer's value that are repeated back to it."""

_MOST_LISTED: Final = 12

TOO_DEEP: Final = "depth"
FALSE: Final = "falseSchema"
"""The rules that are no keywords of JSON Schema: too deep to be checked, and never right."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that a message breaks.

    `path` is a JSON path (of the missing or unknown key itself, where a key is the matter),
    `rule` the JSON Schema keyword.
    """

    path: str
    rule: str
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a validator reports: the keyword, the schema object it stands in, the value it met."""

    rule: str
    path: Sequence[str | int]
    value: Any
    schema: Mapping[str, Any]


def explain(findings: Iterable[Finding], *, limit: int) -> list[Violation]:
    """Return at most `limit` violations in words, no two of them at one place."""
    return list(islice(_distinct(findings), limit))


def json_path(steps: Iterable[str | int]) -> str:
    """Return `$.message.order['beckn:id']` for the steps that lead there."""
    return "$" + "".join(_step(step) for step in steps)


def _distinct(findings: Iterable[Finding]) -> Iterator[Violation]:
    seen: set[str] = set()
    for finding in findings:
        words = list(_WORDS.get(finding.rule, _other)(finding))
        for violation in words or _other(finding):
            if violation.path not in seen:
                seen.add(violation.path)
                yield violation


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _NAME.fullmatch(step):
        return f".{step}"
    return "['" + step.replace("\\", "\\\\").replace("'", "\\'") + "']"


def _missing(finding: Finding) -> Iterator[Violation]:
    for key in finding.schema.get("required", ()):
        if key not in finding.value:
            wanted = _rules(finding.schema.get("properties", {}).get(key))
            hint = _choice(wanted["enum"]) if "enum" in wanted else wanted.get("description")
            yield _at(finding, f"{key} is missing", hint, key)


def _unknown(finding: Finding) -> Iterator[Violation]:
    known = sorted(finding.schema.get("properties", ()))
    patterns = tuple(finding.schema.get("patternProperties", ()))
    for key in finding.value:
        if key not in known and not any(re.search(pattern, key) for pattern in patterns):
            near = _nearest(key, known)
            hint = f"Did you mean {near}?" if near else f"Known here: {_listed(known)}."
            yield _at(finding, f"{_short(key)} is not known here", hint, _short(key))


def _not_listed(finding: Finding) -> Iterator[Violation]:
    yield _at(
        finding, f"{_quoted(finding.value)} is no value that is allowed here", _choice(finding.schema["enum"])
    )


def _not_constant(finding: Finding) -> Iterator[Violation]:
    yield _at(finding, f"{_quoted(finding.value)} stands where {_quoted(finding.schema['const'])} must")


def _wrong_type(finding: Finding) -> Iterator[Violation]:
    wanted = finding.schema["type"]
    names = " or ".join(map(_type_name, [wanted] if isinstance(wanted, str) else wanted))
    about = finding.schema.get("description") if finding.path else None
    yield _at(finding, f"{_type_of(finding.value)} stands where {names} must", about)


def _badly_written(finding: Finding) -> Iterator[Violation]:
    examples = finding.schema.get("examples")
    hint = f"Write it like {_quoted(examples[0])}." if examples else finding.schema.get("description")
    what = finding.schema.get("title", "value of this kind").lower()
    yield _at(finding, f"{_quoted(finding.value)} is no {what}", hint)


def _beyond(finding: Finding) -> Iterator[Violation]:
    bound = finding.schema[finding.rule]
    side = "less" if finding.rule == "minimum" else "more"
    yield _at(finding, f"{_quoted(finding.value)} is {side} than {bound}", finding.schema.get("description"))


def _wrong_length(finding: Finding) -> Iterator[Violation]:
    bound = finding.schema[finding.rule]
    side = "at least" if finding.rule == "minItems" else "at most"
    yield _at(finding, f"there are {len(finding.value)} entries, and {side} {bound} must be")


def _none_of(finding: Finding) -> Iterator[Violation]:
    ways = [" and ".join(_rules(way).get("required", ["…"])) for way in finding.schema["anyOf"]]
    yield _at(finding, f"none of these is there: {'; '.join(ways)}", "Add one of them.")


def _too_deep(finding: Finding) -> Iterator[Violation]:
    yield _at(finding, "the message is wrong, and nested too deeply to say where", "Send a flatter message.")


def _other(finding: Finding) -> Iterator[Violation]:
    yield _at(finding, f"{_quoted(finding.value)} breaks the rule {finding.rule}")


_WORDS: Final[Mapping[str, Callable[[Finding], Iterator[Violation]]]] = {
    "required": _missing,
    "additionalProperties": _unknown,
    "enum": _not_listed,
    "const": _not_constant,
    "type": _wrong_type,
    "format": _badly_written,
    "pattern": _badly_written,
    "minimum": _beyond,
    "maximum": _beyond,
    "minItems": _wrong_length,
    "maxItems": _wrong_length,
    "anyOf": _none_of,
    TOO_DEEP: _too_deep,
}


def _at(finding: Finding, message: str, hint: str | None = None, key: str | None = None) -> Violation:
    steps = finding.path if key is None else (*finding.path, key)
    return Violation(json_path(steps), finding.rule, message, hint)


def _rules(schema: object) -> Mapping[str, Any]:
    """Return the keywords of a schema; `true` and `false` are schemas too, and have none."""
    return schema if isinstance(schema, dict) else {}


def _choice(options: Sequence[object]) -> str:
    return f"Write {'one of: ' if len(options) > 1 else ''}{_listed([*map(str, options)])}."


def _nearest(key: str, known: Sequence[str]) -> str | None:
    by_name = {word.rpartition(":")[2]: word for word in known}
    near = get_close_matches(key.rpartition(":")[2], by_name, n=1)
    return by_name[near[0]] if near else None


def _listed(words: Sequence[str]) -> str:
    more = ", …" if len(words) > _MOST_LISTED else ""
    return ", ".join(words[:_MOST_LISTED]) + more


def _quoted(value: object) -> str:
    if isinstance(value, dict | list):
        return _type_of(value)
    return _short(json.dumps(value, ensure_ascii=False, default=str))


def _short(text: str) -> str:
    return text if len(text) <= _MOST_QUOTED else text[:_MOST_QUOTED] + "…"


def _type_of(value: object) -> str:
    if value is None:
        return "null"
    for kinds, name in ((bool, "boolean"), (str, "string"), (list, "array"), (dict, "object")):
        if isinstance(value, kinds):
            return _type_name(name)
    return _type_name("number")


def _type_name(name: str) -> str:
    if name == "null":
        return name
    return f"{'an' if name[0] in 'aio' else 'a'} {name}"
