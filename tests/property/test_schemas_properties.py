"""What holds for every message: two validators agree, and expansion raises nothing but our errors."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.clock import parse_instant
from kernel.errors import NodeError
from schemas import iris
from schemas.jsonld import compact, expand, lost_terms
from schemas.validation import UnknownPacks, schema_set
from tests.support.bag_examples import BagExample, bag_examples
from tests.support.rc_examples import ACTIONS, ENERGY_TRADE_CONTRACT, ORDER, example

_BAGS = bag_examples()
_MRIDS = st.text(alphabet="0123456789ABCDEF", min_size=1, max_size=32)
_OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_FIRST, _LAST = datetime.fromisoformat("1000-01-02"), datetime.fromisoformat("2999-12-30")
_INSTANTS = st.datetimes(min_value=_FIRST, max_value=_LAST, timezones=_OFFSETS)
_NAMES = ("@type", "@id", "beckn:id", "beckn:buyer", "contractStatus", "name")
_KEYS = st.sampled_from(_NAMES) | st.text(max_size=8)
_SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(source=_MRIDS, target=_MRIDS)
def test_an_order_with_a_contract_names_its_meters_by_the_ieee_term(source: str, target: str) -> None:
    contract = {**ENERGY_TRADE_CONTRACT, "sourceMeterId": source, "targetMeterId": target}
    (order,) = expand({**ORDER, "beckn:orderAttributes": contract})
    (bag,) = order[f"{iris.BECKN}orderAttributes"]
    assert [value["@value"] for value in bag[iris.METER_ID]] == [source, target]


@settings(deadline=None)
@given(instant=_INSTANTS)
def test_every_instant_that_python_writes_is_taken_and_read(instant: datetime) -> None:
    document = example("status")
    document["context"]["timestamp"] = instant.isoformat()
    assert schema_set("v2_rc").is_valid("status", document)
    assert parse_instant(document["context"]["timestamp"]) == instant


@settings(deadline=None)
@given(text=st.from_regex(r"\A[0-9T:Z+.tz -]{0,36}\Z"))
def test_every_instant_that_is_taken_can_be_read(text: str) -> None:
    document = example("status")
    document["context"]["timestamp"] = text
    valid = schema_set("v2_rc").is_valid("status", document)
    assert valid == (not schema_set("v2_rc").reference_violations("status", document))
    if valid:
        assert parse_instant(text).tzinfo is not None


@settings(deadline=None)
@given(action=st.sampled_from(ACTIONS), data=st.data())
def test_both_validators_agree_whatever_stands_anywhere(action: str, data: st.DataObject) -> None:
    document = example(action)
    _put(document, data.draw(st.integers(0, 200)), data.draw(_JSON))
    schemas = schema_set("v2_rc")
    fast = schemas.violations(action, document, limit=100)
    slow = schemas.reference_violations(action, document, limit=100)
    assert {v.path for v in fast} == {v.path for v in slow}
    assert schemas.is_valid(action, document) == (not fast)


@settings(deadline=None)
@given(found=st.sampled_from(_BAGS), strict=st.booleans(), data=st.data())
def test_both_validators_agree_whatever_stands_in_a_bag(
    found: BagExample, strict: bool, data: st.DataObject
) -> None:
    document = example("confirm")
    bag = orjson.loads(orjson.dumps(found.bag))
    document["message"]["order"]["beckn:orderAttributes"] = bag
    _put(bag, data.draw(st.integers(0, 200)), data.draw(_JSON))
    schemas = schema_set("v2_rc", unknown_packs=UnknownPacks.REFUSE if strict else UnknownPacks.WARN)
    fast = schemas.violations("confirm", document, limit=100)
    slow = schemas.reference_violations("confirm", document, limit=100)
    assert {v.path for v in fast} == {v.path for v in slow}
    assert schemas.is_valid("confirm", document) == (not fast)


@settings(deadline=None)
@given(found=st.sampled_from(_BAGS), data=st.data())
def test_a_bag_that_is_expanded_and_compacted_means_what_it_meant(
    found: BagExample, data: st.DataObject
) -> None:
    bag = orjson.loads(orjson.dumps(found.bag))
    _put(bag, data.draw(st.integers(0, 200)), data.draw(_SCALARS))
    with suppress(NodeError):
        expanded = expand(bag)
        assert expand(compact(expanded, found.pack.contexts[0])) == expanded


@settings(deadline=None)
@given(found=st.sampled_from(_BAGS), key=st.text(alphabet="abcxyz", min_size=12, max_size=12))
def test_a_term_that_no_context_knows_is_found(found: BagExample, key: str) -> None:
    assert lost_terms({**found.bag, key: 1}) == sorted([*lost_terms(found.bag), f"$.{key}"])


@settings(deadline=None)
@given(context=st.sampled_from((iris.CORE_CONTEXT, iris.ENERGY_TRADE_CONTRACT_CONTEXT)) | _JSON, value=_JSON)
def test_expansion_of_anything_raises_only_our_errors(context: Any, value: Any) -> None:
    with suppress(NodeError):
        document = {"@context": context, "beckn:id": value, "status": value}
        assert isinstance(expand(document), list)
        assert isinstance(lost_terms(document), list)


def _put(document: dict[str, Any], place: int, value: object) -> None:
    holders = list(_holders(document))
    holder, key = holders[place % len(holders)]
    holder[key] = orjson.loads(orjson.dumps(value))


def _holders(node: Any) -> list[tuple[Any, Any]]:
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [pair for key, entry in entries for pair in ((node, key), *_holders(entry))]
