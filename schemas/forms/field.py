"""Finding the field of a form that somebody got wrong, for what its author said about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Final, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_LISTS: Final = (list, tuple, set, frozenset, Sequence)
_MAPPINGS: Final = (dict, Mapping)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """What is known of a place in a form: what it is for, how it is written, which names it may hold."""

    description: str | None = None
    example: str | None = None
    names: tuple[str, ...] = field(default=())


NOTHING: Final = FormField()


def find_field(form: object, steps: Sequence[str | int]) -> FormField:
    """Return what the author of `form` said of the place that `steps` lead to.

    `form` is a model, an annotation, or the fields of something by their names. Steps that
    name no part of it, such as those that a validator adds for its own kinds, are skipped.
    """
    kinds, info = tuple(_kinds(form)), None
    for step in steps:
        found = _step_into(kinds, step)
        if found is not None:
            kinds, info = found
    homes = [fields for kind in kinds if (fields := _fields(kind))]
    return FormField(
        description=None if info is None else info.description,
        example=_example(info),
        names=tuple(map(str, homes[0])) if len(homes) == 1 else (),
    )


def _step_into(kinds: Sequence[Any], step: str | int) -> tuple[tuple[Any, ...], FieldInfo | None] | None:
    for kind in kinds:
        if step in _fields(kind):
            info = _fields(kind)[step]
            return tuple(_kinds(info.annotation)), info
    inner = [entry for kind in kinds for entry in _entries(kind, step)]
    return (tuple(inner), None) if inner else None


def _entries(kind: Any, step: str | int) -> Iterator[Any]:  # noqa: ANN401  any annotation there is
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(step, int) and origin in _LISTS and arguments:
        yield from _kinds(arguments[0])
    elif origin in _MAPPINGS and len(arguments) > 1:
        yield from _kinds(arguments[1])


def _kinds(annotation: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield what a value of `annotation` may be, without what is only said about it."""
    if get_origin(annotation) is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for one in get_args(annotation):
            yield from _kinds(one)
    else:
        yield annotation


def is_form(kind: object) -> TypeGuard[type[BaseModel]]:
    """Say whether `kind` is a model."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _fields(kind: object) -> Mapping[str | int, FieldInfo]:
    if isinstance(kind, Mapping):
        return kind
    return _fields_of(kind) if is_form(kind) else {}


@lru_cache(maxsize=512)
def _fields_of(form: type[BaseModel]) -> Mapping[str | int, FieldInfo]:
    return {_name_of(name, info): info for name, info in form.model_fields.items()}


def _name_of(name: str, info: FieldInfo) -> str:
    alias = info.validation_alias or info.alias
    return alias if isinstance(alias, str) else name


def _example(info: FieldInfo | None) -> str | None:
    return str(info.examples[0]) if info is not None and info.examples else None
