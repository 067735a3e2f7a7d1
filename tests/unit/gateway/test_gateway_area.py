"""Where a search looks."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.area import place_of
from registry_client.subscriber import Place


@pytest.mark.parametrize(
    ("context", "place"),
    [
        ({"location": {"country": {"code": "IND"}, "city": {"code": "std:080"}}}, Place("IND", "std:080")),
        ({"location": {"country": {"code": "IND"}}}, Place("IND")),
        ({"location": {"city": {"code": "*"}, "country": {"code": "IND"}}}, Place("IND")),
        ({"country": "IND", "city": "std:080"}, Place("IND", "std:080")),
        ({"location": {"city": {"name": "Bengaluru"}}, "city": "std:080"}, Place(None, "std:080")),
        ({"location": "Bengaluru"}, None),
        ({"location": {"city": {"code": "*"}}}, None),
        ({"country": 7, "city": None}, None),
        ({}, None),
    ],
)
def test_a_place_is_read_from_either_form_of_a_context(context: dict[str, Any], place: Place | None) -> None:
    assert place_of(context) == place
