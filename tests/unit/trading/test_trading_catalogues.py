"""A catalogue that cannot be read hides none of those that stand beside it, in any generation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from kernel.errors import NodeError
from protocol.profile import PROFILES
from tests.support.discovery_world import shop
from trading.listing import list_catalogue
from trading.mapping import wire_of
from trading.mapping.catalogues import read_catalogues

Json = dict[str, Any]

BROKEN: Final[Mapping[str, Json]] = {
    "v1_1": {"descriptor": {"name": "Nobody"}},
    "v2_rc": {"beckn:id": "nothing"},
    "v2_lts": {"id": "nothing", "resources": [{"id": "roof"}]},
}


def told(wire: str, *catalogues: Json) -> Json:
    if wire == "v1_1":
        return {"catalog": {"descriptor": {"name": "Market"}, "providers": list(catalogues)}}
    return {"catalogs": list(catalogues)}


def good(wire: str, name: str) -> Json:
    message = wire_of(wire).write_catalog(
        list_catalogue(shop(name), left={}), bpp_id="bpp.example", bpp_url="https://bpp.example"
    )
    [one] = message["catalogs"] if "catalogs" in message else message["catalog"]["providers"]
    return dict(one)


@pytest.mark.parametrize("wire", list(PROFILES))
def test_what_can_be_read_is(wire: str) -> None:
    message = told(wire, good(wire, "roof"), BROKEN[wire], good(wire, "barn"))
    read = read_catalogues(wire_of(wire), message)
    assert [resource.id for each in read.listings for resource in each.resources] == ["roof", "barn"]
    assert list(read.faults) == [1]


@pytest.mark.parametrize("wire", list(PROFILES))
def test_of_good_ones_none_is_left_out(wire: str) -> None:
    message = told(wire, good(wire, "roof"))
    read = read_catalogues(wire_of(wire), message)
    assert (read.listings, read.faults) == (wire_of(wire).read_catalog(message), {})


@pytest.mark.parametrize("wire", list(PROFILES))
def test_where_nothing_can_be_read_why_is_said(wire: str) -> None:
    with pytest.raises(NodeError):
        read_catalogues(wire_of(wire), told(wire, BROKEN[wire]))
