"""The one table that leads from the validator's kinds of errors to words for people.

What somebody sent is repeated only where that helps and where it holds no secret: numbers, times and
choices, shortened.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from schemas.forms.field import FormField

_MOST_QUOTED: Final = 60
_MOST_LISTED: Final = 24

Words = tuple[str, str]
"""What is wrong, and what to do; the first without a capital and a full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An error as the validator has it, and what is known of the field."""

    rule: str
    name: str
    value: Any
    bounds: Mapping[str, Any]
    words: str
    field: FormField


def words_of(case: Case) -> Words:
    """Return what is wrong and what to do; what the table does not know is told as the validator has it."""
    return _WORDS.get(case.rule, _other)(case)


def short(text: str) -> str:
    """Return the text, or its beginning."""
    return text if len(text) <= _MOST_QUOTED else text[:_MOST_QUOTED] + "…"


def _missing(case: Case) -> Words:
    return f"{case.name} is missing", _about(case) or "Add it."


def _unknown(case: Case) -> Words:
    near = get_close_matches(case.name.lower(), case.field.names, n=1)
    if near:
        return f"{case.name} is not known here", f"Did you mean {near[0]}?"
    known = ", ".join(case.field.names[:_MOST_LISTED])
    more = ", …" if len(case.field.names) > _MOST_LISTED else ""
    hint = f"Known here: {known}{more}." if known else "Leave it out, or correct its spelling."
    return f"{case.name} is not known here", hint


def _wrong_kind(wanted: str) -> Callable[[Case], Words]:
    def words(case: Case) -> Words:
        return f"{_kind_of(case.value)} stands where {wanted} must", _written(case, f"Write {wanted}.")

    return words


def _unreadable(wanted: str, *, like: str = "") -> Callable[[Case], Words]:
    def words(case: Case) -> Words:
        write = f"Write {wanted}, like {like}." if like else f"Write {wanted}."
        return f"{_quoted(case.value)} is not {wanted}", _written(case, write)

    return words


def _no_number(case: Case) -> Words:
    return f"{_quoted(case.value)} is not a number that can be counted with", "Write a finite number."


def _beyond(word: str, bound: str) -> Callable[[Case], Words]:
    def words(case: Case) -> Words:
        limit = _plain(case.bounds.get(bound))
        return f"{_quoted(case.value)} is not {word} {limit}", f"Write a value that is {word} {limit}."

    return words


def _fraction(case: Case) -> Words:
    places = case.bounds.get("decimal_places")
    return (
        f"{_quoted(case.value)} has more than {_count(places, 'decimal')}",
        f"Write it with {places} at most." if places else "Write a whole number.",
    )


def _too_many_digits(case: Case) -> Words:
    most = case.bounds.get("max_digits", case.bounds.get("whole_digits"))
    before = " before the point" if "whole_digits" in case.bounds else ""
    return (
        f"{_quoted(case.value)} has more than {most} digits{before}",
        "Write a smaller or a rounder number.",
    )


def _too_few_characters(case: Case) -> Words:
    least, length = case.bounds.get("min_length"), _length(case.value)
    if not length:
        return "it is empty", _about(case) or f"Write {_count(least, 'character')} or more."
    return (
        f"it has {_count(length, 'character')}, and {least} are the least",
        _about(case) or "Write more.",
    )


def _too_many_characters(case: Case) -> Words:
    most = case.bounds.get("max_length")
    return f"it has more than {_count(most, 'character')}", f"Write {most} at most."


def _too_few_entries(case: Case) -> Words:
    least, count = case.bounds.get("min_length"), case.bounds.get("actual_length")
    if not count:
        return "it is empty", f"Give {_count(least, 'entry')} or more, or leave it out if it is not needed."
    return f"it has {_count(count, 'entry')}, and {least} are the least", "Give more."


def _too_many_entries(case: Case) -> Words:
    most = case.bounds.get("max_length")
    return f"it has more than {_count(most, 'entry')}", f"Give {most} at most."


def _misspelt(case: Case) -> Words:
    pattern = case.bounds.get("pattern")
    if case.field.example is not None:
        return "it is not written as it has to be", _about(case) or ""
    return "it is not written as it has to be", _written(case, f"It has to fit the pattern {pattern}")


def _no_choice(case: Case) -> Words:
    allowed = str(case.bounds.get("expected", case.bounds.get("expected_tags", ""))).replace("'", "")
    given = case.bounds.get("tag", case.value)
    return f"{_quoted(given)} is not one of those that are known here", f"Write {allowed}."


def _no_tag(case: Case) -> Words:
    tag = str(case.bounds.get("discriminator", "its kind")).replace("'", "")
    return f"{tag} is missing", "Add it: it says which kind of thing this is."


def _no_offset(case: Case) -> Words:
    return (
        f"{_quoted(case.value)} does not say its offset from UTC",
        "Write the instant with Z or an offset, like 2026-01-09T10:00:00Z.",
    )


def _no_url(case: Case) -> Words:
    schemes = str(case.bounds.get("expected_schemes", "")).replace("'", "")
    begins = f" that begins with {schemes}" if schemes else ""
    like = f"Write a URL{begins}, like https://example.com/path."
    return f"it is not a URL{begins}", _written(case, like)


def _no_json(_case: Case) -> Words:
    return "it is no JSON", "Send one JSON document, in UTF-8, as application/json."


def _ours(case: Case) -> Words:
    """Return what a rule of the form's own says; its author wrote it for people."""
    words = case.words.removeprefix("Value error, ").removeprefix("Assertion failed, ").rstrip(".")
    first, rest = words[:1], words[1:]
    return (first if words[:2].isupper() else first.lower()) + rest, _about(case) or "Correct it."


def _other(case: Case) -> Words:
    return f"it breaks the rule {case.rule}: {case.words.rstrip('.')}", _about(case) or "Correct it."


_INSTANT: Final = _unreadable("a date and time", like="2026-01-09T10:00:00Z")
_DATE: Final = _unreadable("a date", like="2026-01-09")
_DURATION: Final = _unreadable("a length of time", like="PT15M")
_DECIMAL: Final = _unreadable("a decimal number", like='"12.5"')
_WHOLE: Final = _unreadable("a whole number", like="12")
_TRUTH: Final = _unreadable("true or false")
_UUID: Final = _unreadable("a UUID")
_OBJECT: Final = _wrong_kind("an object")
_LIST: Final = _wrong_kind("a list")

_WORDS: Final[Mapping[str, Callable[[Case], Words]]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "invalid_key": _wrong_kind("a name"),
    "none_required": _wrong_kind("nothing"),
    "string_type": _wrong_kind("text"),
    "bytes_type": _wrong_kind("text"),
    "string_unicode": _unreadable("text in Unicode"),
    "bool_type": _wrong_kind("true or false"),
    "int_type": _wrong_kind("a whole number"),
    "float_type": _wrong_kind("a number"),
    "decimal_type": _wrong_kind("a decimal number"),
    "date_type": _wrong_kind("a date"),
    "datetime_type": _wrong_kind("a date and time"),
    "time_delta_type": _wrong_kind("a length of time"),
    "url_type": _wrong_kind("a URL"),
    "uuid_type": _wrong_kind("a UUID"),
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "iterable_type": _LIST,
    "dict_type": _OBJECT,
    "mapping_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "bool_parsing": _TRUTH,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_parsing": _unreadable("a number", like="12.5"),
    "decimal_parsing": _DECIMAL,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "datetime_parsing": _INSTANT,
    "datetime_object_invalid": _INSTANT,
    "datetime_from_date_parsing": _INSTANT,
    "time_delta_parsing": _DURATION,
    "uuid_parsing": _UUID,
    "uuid_version": _UUID,
    "finite_number": _no_number,
    "greater_than": _beyond("greater than", "gt"),
    "greater_than_equal": _beyond("at least", "ge"),
    "less_than": _beyond("less than", "lt"),
    "less_than_equal": _beyond("at most", "le"),
    "multiple_of": _beyond("a multiple of", "multiple_of"),
    "decimal_max_places": _fraction,
    "decimal_max_digits": _too_many_digits,
    "decimal_whole_digits": _too_many_digits,
    "string_too_short": _too_few_characters,
    "string_too_long": _too_many_characters,
    "bytes_too_short": _too_few_characters,
    "bytes_too_long": _too_many_characters,
    "url_too_long": _too_many_characters,
    "too_short": _too_few_entries,
    "too_long": _too_many_entries,
    "string_pattern_mismatch": _misspelt,
    "enum": _no_choice,
    "literal_error": _no_choice,
    "union_tag_invalid": _no_choice,
    "union_tag_not_found": _no_tag,
    "timezone_aware": _no_offset,
    "url_parsing": _no_url,
    "url_syntax_violation": _no_url,
    "url_scheme": _no_url,
    "json_invalid": _no_json,
    "json_type": _no_json,
    "value_error": _ours,
    "assertion_error": _ours,
}


def _written(case: Case, usually: str) -> str:
    """Return how the field is written: by its own example, else as such things are, and what it is."""
    if case.field.example is not None:
        return _about(case) or usually
    return " ".join(part for part in (usually, case.field.description) if part)


def _about(case: Case) -> str | None:
    """Return what the form's author says of the field: how it is written, and what it is."""
    sentences = [
        None if case.field.example is None else f"Write it like {short(case.field.example)}.",
        case.field.description,
    ]
    return " ".join(sentence for sentence in sentences if sentence) or None


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    for kinds, name in (
        ((bool,), "true or false"),
        ((str, bytes), "text"),
        ((list, tuple), "a list"),
        ((dict,), "an object"),
    ):
        if isinstance(value, kinds):
            return name
    return "a number"


def _quoted(value: object) -> str:
    if isinstance(value, str | bytes | int | float | bool) or value is None:
        return short(json.dumps(value, ensure_ascii=False, default=_plain))
    return _kind_of(value) if isinstance(value, dict | list | tuple) else short(_plain(value))


def _plain(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a bound, of which the framework makes a fraction
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _length(value: object) -> int:
    return len(value) if isinstance(value, Sequence) else 0


def _count(number: object, what: str) -> str:
    if number == 1:
        return f"1 {what}"
    return f"{number or 'no'} {what.removesuffix('y') + 'ies' if what.endswith('y') else what + 's'}"
