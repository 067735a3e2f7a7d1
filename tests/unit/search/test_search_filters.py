"""JSONPath as networks write it, and how much of it is too much."""

from __future__ import annotations

from decimal import Decimal
from itertools import chain
from typing import Any

import numpy as np
import orjson
import pytest

from search.facts import Fact, Facts
from search.filters import Filters
from search.finding import Index, find
from search.items import Items
from trading.geometry import point_at
from trading.refusals import FilterUnreadable
from trading.request import Criteria
from trading.spatial import Quantifier, SpatialFilter, SpatialOperator

ITEMS: list[dict[str, Any]] = [
    {"beckn:id": "roof", "beckn:networkId": ["valley", "hill"], "beckn:itemAttributes": {"kind": "SOLAR"}},
    {
        "beckn:id": "store",
        "beckn:networkId": [],
        "beckn:isActive": True,
        "beckn:itemAttributes": {"kind": "GRID"},
    },
]


def found(expression: str, *, items: int = 2) -> list[object]:
    """Return the numbers of the items that the filter leads to."""
    compiled = Filters(items=items).compile(expression, example="$", path="$.there")
    return [match.parts[0] for match in compiled.matches(ITEMS)]


@pytest.mark.parametrize(
    ("expression", "numbers"),
    [
        ("$[?@.beckn:id == 'roof']", [0]),
        ("$[?@['beckn:id'] == 'roof']", [0]),
        ("$[?@.id == 'store']", [1]),
        ("$[?@.itemAttributes.kind == 'SOLAR']", [0]),
        ("$[?@['x:itemAttributes'].kind == 'SOLAR']", []),
        ("$[?@.beckn:networkId == 'hill']", [0]),
        ("$[?'valley' == @.networkId]", [0]),
        ("$[?@.networkId == 'sea']", []),
        ("$[?@.nothing == 'x']", []),
        ("$..[?@.kind == 'GRID']", [1]),
    ],
)
def test_filters_are_taken_as_networks_write_them(expression: str, numbers: list[int]) -> None:
    assert found(expression) == numbers


def test_a_filter_is_too_much_work_whatever_it_finds() -> None:
    for expression in (
        "$" + "[*,*]" * 20,
        "$..[" + ",".join("*" * 400) + "][" + ",".join("*" * 90) + "]",
        "$[?@[?" + "||".join(["@=='x'"] * 120) + "]]",
        "$[*][" + ",".join(["'x'"] * 235) + "]",
    ):
        compiled = Filters(items=-123).compile(expression, example="$", path="$.there")  # 80 steps in all
        with pytest.raises(FilterUnreadable, match="too much work") as refused:
            list(compiled.matches(ITEMS))
        assert refused.value.path == "$.there"


def test_the_paths_of_one_search_share_their_steps() -> None:
    filters = Filters(items=-124)  # 40 steps in all
    first, second = (filters.compile("$[*]['beckn:id']", example="$", path="$") for _ in range(2))
    assert len(list(first.matches(ITEMS))) == 2
    with pytest.raises(FilterUnreadable):
        list(chain.from_iterable(second.matches(ITEMS) for _ in range(20)))


def test_a_function_that_meets_what_it_does_not_take_is_a_refusal() -> None:
    with pytest.raises(FilterUnreadable, match="cannot be applied"):
        found("$[?@[?count(@) > 1]]")


def station(*shapes: object) -> dict[str, Any]:
    return {"station": {"site": {"geo": list(shapes)}}, "https://x.example/a.b": 1}


def lying(target: str, items: list[dict[str, Any]], quantifier: Quantifier = Quantifier.ANY) -> set[int]:
    condition = SpatialFilter(
        operator=SpatialOperator.EQUALS,
        geometry=point_at(longitude=Decimal(1), latitude=Decimal(2)),
        targets=(target,),
        quantifier=quantifier,
    )
    index = Index(facts=Facts([Fact(text="")] * len(items)), items=lambda: Items(map(orjson.dumps, items)))
    found = find(index, Criteria(places=(condition,)), among=np.ones(len(items), dtype=np.bool_))
    return set(found.tolist())


def test_only_geometries_count_among_what_a_target_leads_to() -> None:
    here, there = ({"type": "Point", "coordinates": [x, 2]} for x in (1, 9))
    broken = {"type": "Point", "coordinates": "nowhere"}
    items = [station(here), station(here, there), station(broken, 3, {"type": "Depot"}), station(there), {}]
    for target in ("$.station.site.geo[*]", "$['station.site.geo'][*]", "$.station..*"):
        assert lying(target, items) == {0, 1}
        assert lying(target, items, Quantifier.ALL) == {0}
        assert lying(target, items, Quantifier.NONE) == {2, 3, 4}
    assert lying("$['https://x.example/a.b']", items) == set()


@pytest.mark.timeout(20)
def test_what_is_too_long_is_refused_before_it_is_looked_at() -> None:
    quotes = "\\'" * 100_000  # a minute of looking for the end of each quotation
    with pytest.raises(FilterUnreadable, match="too much"):
        Filters(items=1).compile(quotes, example="$", path="$.there")
