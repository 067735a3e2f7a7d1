"""Hundreds of applications in one process: FastAPI forgets those that are gone, and knows again what it knew.

FastAPI is made for one application that lives as long as its process. It keeps the last thousands of
endpoints, and with each the application, its database and its pool; and it has pydantic work out for
every answer of every route how a model is written, some 160 times an application.
"""

from __future__ import annotations

from functools import _lru_cache_wrapper
from typing import Any, get_args

import fastapi._compat.v2
import fastapi.dependencies.models
from fastapi._compat.v2 import ModelField
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

_MEMORIES = [
    each for each in vars(fastapi.dependencies.models).values() if isinstance(each, _lru_cache_wrapper)
]
_ADAPTERS: dict[type[BaseModel], TypeAdapter[Any]] = {}


class _Probe(BaseModel):
    """A model of no content."""


def forget_applications() -> None:
    """Let go of the endpoints of applications that no longer run."""
    for memory in _MEMORIES:
        memory.cache_clear()


def remember_models() -> None:
    """Have FastAPI make one adapter for a model that says nothing beyond itself, instead of one a route."""
    plain = repr(_plain_field())

    def adapter(annotated: Any, **options: Any) -> TypeAdapter[Any]:
        model, *said = get_args(annotated)
        if isinstance(model, type) and issubclass(model, BaseModel) and [*map(repr, said)] == [plain]:
            if model not in _ADAPTERS:
                _ADAPTERS[model] = TypeAdapter(annotated, **options)
            return _ADAPTERS[model]
        return TypeAdapter(annotated, **options)

    fastapi._compat.v2.TypeAdapter = adapter  # type: ignore[assignment, attr-defined]


def _plain_field() -> FieldInfo:
    """Return what FastAPI says of a model of which a route says nothing more."""
    field = ModelField(field_info=FieldInfo(annotation=_Probe), name="probe")
    _, said = get_args(field._type_adapter._type)
    assert isinstance(said, FieldInfo)
    return said
