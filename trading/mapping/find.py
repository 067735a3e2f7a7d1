"""Finding one's way through documents that others wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from trading.refusals import FieldInvalid

_MOST_DIGITS: Final = 30
"""Before and after the point; within these, sums and products stay exact enough to be computed at all."""

Json = dict[str, Any]
Step = str | int


def find(document: object, *steps: Step) -> Any:  # noqa: ANN401  any JSON
    """Return what stands at the end of `steps` (keys and indices), None where the way ends before."""
    for step in steps:
        if isinstance(step, str) and isinstance(document, Mapping):
            document = document.get(step)
        elif isinstance(step, int) and isinstance(document, list) and step < len(document):
            document = document[step]
        else:
            return None
    return document


def find_text(document: object, *steps: Step) -> str | None:
    """Return the text at the end of `steps`, None if something else or nothing stands there."""
    found = find(document, *steps)
    return found if isinstance(found, str) else None


def find_object(document: object, *steps: Step) -> Json:
    """Return the object at the end of `steps`, an empty one if something else or nothing stands there."""
    found = find(document, *steps)
    return found if isinstance(found, dict) else {}


def find_objects(document: object, *steps: Step) -> list[Json]:
    """Return the objects in the list at the end of `steps`; what is no object is passed over."""
    found = find(document, *steps)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def read_decimal(value: object, *, path: str) -> Decimal:
    """Return a number, also one that is written as text. Raises: FieldInvalid."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise FieldInvalid("a number is needed here", path=path)
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise FieldInvalid("that is no number", path=path) from error
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS or len(str(value)) > 2 * _MOST_DIGITS:
        raise FieldInvalid("that is no number that anybody trades in", path=path)
    return number


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Refuse what stands inside if a part of the document is missing there or cannot be read.

    Raises: FieldInvalid.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise FieldInvalid(f"{what} cannot be read: {error!r}") from error


def without_none(values: Mapping[str, Any]) -> Json:
    """Return what there is to say: the entries that are not None."""
    return {key: value for key, value in values.items() if value is not None}
