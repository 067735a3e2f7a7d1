"""What a question to the registry leaves over, as conditions of the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, or_

from registry.forms import LookupForm

_ANYWHERE: Final = "*"


def conditions_of(form: LookupForm, columns: Mapping[str, ColumnElement[Any]]) -> list[ColumnElement[bool]]:
    """Return what must hold of an entry that fits `form`, save for its status.

    `columns` are what the entry has, by the names of the form; `location` stands for the places.
    """
    names = ("subscriber_id", "key_id", "type", "domain")
    given = {name: value for name in names if (value := getattr(form, name)) is not None}
    places = {"city": form.city, "country": form.country}
    return [columns[name] == value for name, value in given.items()] + [
        _serves(columns["location"], place, code) for place, code in places.items() if code is not None
    ]


def _serves(location: ColumnElement[Any], place: str, code: str) -> ColumnElement[bool]:
    """Return the condition that a subscriber serves a city or a country: all of them, if it names none."""
    own = location[(place, "code")].astext
    return or_(own.is_(None), own.in_(("", _ANYWHERE, code)))
