"""Our 2.0 RC order and its bag beside the official ones."""

from __future__ import annotations

from schemas import iris
from schemas.validation import schema_set
from tests.support.official import official_bundle_accepts, official_order_errors
from tests.support.rc_examples import BAGS, ORDER, example


def test_the_official_order_schema_can_be_asked_alone() -> None:
    assert official_order_errors(ORDER) == []
    assert official_order_errors({**ORDER, "beckn:provider": "someone"}) != []


def test_json_ld_keys_stand_in_our_bundles_though_the_official_ones_name_none() -> None:
    bag = {**BAGS[iris.ENERGY_TRADE_CONTRACT], "@id": "urn:contract:1"}
    confirm = example("confirm")
    confirm["message"]["order"]["beckn:orderAttributes"] = bag
    assert schema_set("v2_rc").is_valid("confirm", confirm)
    assert official_bundle_accepts(iris.ENERGY_TRADE_CONTRACT, bag)
