"""The reference validator: slow, in Python, and what the fast one is compared with in tests."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any, Final, cast

from jsonschema import Draft202012Validator, FormatChecker, TypeChecker
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry
from referencing.jsonschema import DRAFT202012, SchemaRegistry

from kernel.clock import parse_instant
from schemas.library import Library
from schemas.violation import FALSE, Finding

_FORMATS: Final = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or parse_instant(value) is not None


def _is_finite_number(_: TypeChecker, value: object) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole_number(checker: TypeChecker, value: object) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite() and value == value.to_integral_value()
    return bool(_PLAIN.is_type(value, "integer"))


_PLAIN: Final = Draft202012Validator.TYPE_CHECKER
_WithDecimals: Final[type[Validator]] = extend(  # type: ignore[no-untyped-call]  # its stub has no types
    Draft202012Validator,
    type_checker=_PLAIN.redefine("number", _is_finite_number).redefine("integer", _is_whole_number),
)


def reference_findings(library: Library, identifier: str, document: object) -> Iterator[Finding]:
    """Yield what `jsonschema` finds wrong with `document` under the schema of that identifier."""
    for error in _validator(library, identifier).iter_errors(cast("Any", document)):
        schema: Any = error.schema
        yield Finding(
            rule=str(error.validator or FALSE),
            path=tuple(error.absolute_path),
            value=error.instance,
            schema=schema,
        )


@cache
def _validator(library: Library, identifier: str) -> Validator:
    formats = _FORMATS if library.asserts_formats else None
    return _WithDecimals({"$ref": identifier}, registry=_registry(library), format_checker=formats)


@cache
def _registry(library: Library) -> SchemaRegistry:
    # A resource that names its dialect would be handed to that dialect's own class, and lose decimals.
    plain = {
        key: {k: v for k, v in found.items() if k != "$schema"} for key, found in library.documents.items()
    }
    resources = ((key, DRAFT202012.create_resource(document)) for key, document in plain.items())
    registry: SchemaRegistry = Registry().with_resources(resources)
    return registry
