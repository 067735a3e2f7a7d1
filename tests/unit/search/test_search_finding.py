"""What columns, trees and words answer, and what is left to looking at each item."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pytest

from search.earth import boxes_within
from search.facts import Fact, Facts
from search.filters import Filters
from search.finding import Index, find
from search.items import MOST_COLUMNS, MOST_SITES, Items
from search.paths import plain_path
from search.plans import Plan, paths_of, plan_of
from search.sites import MOST_SHAPES, shapes_among
from trading.geometry import point_at
from trading.refusals import FilterUnreadable
from trading.request import Criteria
from trading.spatial import Quantifier, SpatialFilter, SpatialOperator

POINT = {"type": "Point", "coordinates": [1, 2]}
ELSEWHERE = {"type": "Point", "coordinates": [50, 2]}
ITEMS: list[dict[str, Any]] = [
    {"beckn:id": "a", "kind": "SOLAR", "sum": 5, "on": True, "tags": ["x", "y"], "at": [POINT]},
    {"beckn:id": "b", "kind": "GRID", "sum": 7.5, "on": False, "tags": [], "at": [ELSEWHERE, POINT]},
    {"beckn:id": "c", "kind": None, "sum": "7", "on": 1, "at": []},
    {"beckn:id": "d", "kind": "GRID", "sum": 5.0, "deep": {"est": [{"x": 1}]}},
]


def index(items: list[dict[str, Any]] | None = None) -> Index:
    written = Items(map(orjson.dumps, ITEMS if items is None else items))
    return Index(facts=Facts([Fact(text=item["beckn:id"]) for item in ITEMS]), items=lambda: written)


def found(criteria: Criteria, *, of: Index | None = None, among: list[int] | None = None) -> str:
    rows = np.zeros(len(ITEMS), dtype=np.bool_)
    rows[[0, 1, 2, 3] if among is None else among] = True
    return "".join("abcd"[row] for row in find(of or index(), criteria, among=rows).tolist())


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("$[?@.kind == 'GRID']", "bd"),
        ("$[?@.kind != 'GRID']", "ac"),
        ("$[?@.kind == null]", "c"),
        ("$[?'GRID' < @.kind]", "a"),
        ("$[?@.sum > 5]", "b"),
        ("$[?@.sum >= 5]", "abd"),
        ("$[?@.sum <= 5]", "ad"),
        ("$[?@.sum < '8']", "c"),
        ("$[?@.on == true]", "a"),
        ("$[?@.on != true]", "bcd"),
        ("$[?@.tags == 'y']", "a"),
        ("$[?@.tags[-1] == 'y']", "a"),
        ("$[?@.tags]", "ab"),
        ("$[?!@.tags]", "cd"),
        ("$[?!(@.tags && @.kind == 'GRID')]", "acd"),
        ("$[?@.deep.est[0].x == 1]", "d"),
        ("$[?@.deep.est[1].x == 1 || @.sum == 7.5]", "b"),
        ("$[?(@.kind == 'GRID' && count(@.tags[*]) < 1)]", "bd"),
        ("$[?@.kind == 'GRID' || count(@.tags[*]) == 2]", "abd"),
        ("$[?!(count(@.tags[*]) == 2)]", "bcd"),
        ("$[?@.kind == @.kind && @.sum == 5]", "ad"),
        ("$[?@.tags[*] && @.on]", "a"),
        ("$[0]", "a"),
        ("$[?@.kind == 'GRID'].deep", "d"),
        ("$[?@.sum == $[0].sum]", "ad"),
        ("$..[?@.x == 1]", "d"),
        ("$", ""),
        ("$[?@.kind == 'GRID', 0]", "abd"),
    ],
)
def test_a_filter_finds(expression: str, ids: str) -> None:
    assert found(Criteria(expression=expression)) == ids


def test_what_looks_at_places_in_the_list_looks_at_what_is_for_sale() -> None:
    assert found(Criteria(expression="$[0]"), among=[1, 2]) == "b"
    assert found(Criteria(expression="$[0:2]"), among=[1, 2, 3]) == "bc"
    assert found(Criteria(expression="$[?@.kind == 'GRID']"), among=[0, 3]) == "d"
    assert found(Criteria(expression="$[?@.kind == 'GRID']"), among=[]) == ""


@pytest.mark.parametrize(
    ("expression", "is_by_row", "is_whole"),
    [
        ("$[?@.a.b == 1 && @['x:y'] >= 'z']", True, True),
        ("$[?@.a == 1 && count(@.b[*]) > 1]", True, False),
        ("$[?@.a == 1 || count(@.b[*]) > 1]", True, False),
        ("$[?@[?@.a == 1]]", True, False),
        ("$[?@.a].b", True, False),
        ("$[*][?@.a]", True, False),
        ("$..a", True, False),
        ("$..[0]", False, False),
        ("$[?@.a == $[0].a]", False, False),
        ("$[1:3]", False, False),
    ],
)
def test_what_of_a_filter_columns_answer_is_known_before_anything_is_looked_at(
    expression: str, is_by_row: bool, is_whole: bool
) -> None:
    query = Filters(items=1).compile(expression, example="$", path="$").query
    plan = plan_of(query)
    assert (plan.is_by_row, plan.is_whole) == (is_by_row, is_whole)
    if is_whole:
        assert plan.condition is not None
        assert list(paths_of(plan.condition)) == [("a", "b"), ("x:y",)]
    assert plan_of(Filters(items=1).compile("$", example="$", path="$").query) == Plan()


def test_a_filter_of_very_many_paths_is_looked_at_item_by_item() -> None:
    many = " || ".join(f"@.p{n}" for n in range(20))
    assert found(Criteria(expression=f"$[?{many} || @.sum == 5]")) == "ad"


def test_a_filter_that_is_too_much_work_over_many_items_is_refused() -> None:
    items = Items(orjson.dumps({"n": n}) for n in range(30_000))
    many = Index(facts=Facts([Fact(text="")] * 30_000), items=lambda: items)
    everything = np.ones(30_000, dtype=np.bool_)
    with pytest.raises(FilterUnreadable, match="too much work"):
        find(many, Criteria(expression="$[?" + " || ".join(["count(@[*]) > 1"] * 9) + "]"), among=everything)
    by_column = find(many, Criteria(expression="$[?@.n >= 29999]"), among=everything)
    assert by_column.tolist() == [29_999]


def near(*targets: str, quantifier: Quantifier = Quantifier.ANY) -> Criteria:
    place = SpatialFilter(
        operator=SpatialOperator.DWITHIN,
        geometry=point_at(longitude=Decimal(1), latitude=Decimal(2)),
        targets=targets,
        quantifier=quantifier,
        distance=Decimal(10),
        path="$",
    )
    return Criteria(places=(place,))


def test_targets_are_followed_by_paths_or_step_by_step() -> None:
    for targets in (("$.at[*]",), ("$.at[0]", "$.at[1]"), ("$..at[*]",), ("$.nowhere", "$.at[?@.type]")):
        assert found(near(*targets)) == "ab"
        assert found(near(*targets, quantifier=Quantifier.ALL)) == "a"
        assert found(near(*targets, quantifier=Quantifier.NONE)) == "cd"
        assert found(near(*targets), among=[1, 2]) == "b"
    assert found(near("$.at[*]"), among=[]) == ""
    assert found(near()) == ""  # nobody says where they are themselves


def test_positions_that_the_earth_does_not_have_are_measured_like_any() -> None:
    beyond = {"type": "Point", "coordinates": [361, 2]}
    items = [{"beckn:id": "a", "at": beyond}, *ITEMS[1:3], {"beckn:id": "d", "at": "there"}]
    assert found(near("$.at"), of=index(items)) == "a"


def test_no_more_shapes_of_an_item_are_looked_at_than_it_may_have() -> None:
    deep: dict[str, Any] = {"type": "Point", "coordinates": []}
    for _ in range(300):
        deep = {"type": "GeometryCollection", "geometries": [deep]}
    assert shapes_among([deep]) == []
    assert len(shapes_among([POINT] * (MOST_SHAPES + 1))) == MOST_SHAPES


def test_what_was_named_last_is_kept() -> None:
    items = index().items()
    first = items.columns([("kind",)])[("kind",)]
    for number in range(MOST_COLUMNS - 1):
        items.columns([(f"p{number}",)])
    assert items.columns([("kind",)])[("kind",)] is first
    items.columns([("one",), ("more",)])
    assert items.columns([("kind",)])[("kind",)] is first
    sites = items.sites([("at", None)])
    for number in range(MOST_SITES):
        items.sites([(f"p{number}",)])
    assert items.sites([("at", None)]) is not sites


def test_an_item_in_place_of_another_is_found_by_what_it_says() -> None:
    of = index()
    assert found(Criteria(expression="$[?@.kind == 'GRID' && @.sum > 5 && @.on != null]"), of=of) == "b"
    changed = {"beckn:id": "a", "kind": "GRID", "sum": 6, "on": None}
    of.items().replace(0, orjson.dumps(changed))
    assert found(Criteria(expression="$[?@.kind == 'GRID' && @.sum > 5 && @.on != null]"), of=of) == "b"
    of.items().replace(0, orjson.dumps(changed | {"on": {"a": [1]}, "kind": "H"}))
    assert found(Criteria(expression="$[?@.kind >= 'GRID' && @.sum > 5 && @.on != null]"), of=of) == "ab"


def test_paths_of_slices_and_descents_are_not_plain() -> None:
    def path(expression: str) -> Any:
        return plain_path(Filters(items=1).compile(expression, example="$", path="$").query.segments)

    assert path("$.a['b'][0][*]") == ("a", "b", 0, None)
    for other in ("$..a", "$[0:1]", "$['a','b']", "$[?@.a]"):
        assert path(other) is None


@pytest.mark.parametrize(
    ("bounds", "metres", "boxes"),
    [
        ((10, 10, 10, 10), 1_000, 1),
        ((179.99, 10, 179.99, 10), 5_000, 2),
        ((-179.99, 10, -179.99, 10), 5_000, 2),
        ((10, 89.99, 10, 89.99), 5_000, 1),
        ((-170, 0, 170, 1), 2_000_000, 1),
    ],
)
def test_boxes_around_go_round_the_earth(bounds: tuple[float, ...], metres: float, boxes: int) -> None:
    made = boxes_within(np.array(bounds, dtype=np.float64), metres=metres)
    assert len(made) == boxes
    assert all(-180 <= west <= east <= 180 for west, _, east, _ in made)
