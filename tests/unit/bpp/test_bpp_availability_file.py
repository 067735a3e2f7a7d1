"""When a resource of the catalogue file has how much."""

from __future__ import annotations

import pytest

from bpp.catalog import CatalogueInvalid, read_catalogue
from kernel.energy import Energy
from tests.support.seller_world import CATALOGUE_FILE, ITEM
from tests.support.windows import hourly
from trading.offer import Resource

TEXT = CATALOGUE_FILE.read_text(encoding="utf-8")
IN_ALL = "    available_kwh: 30.5\n"


def hour(start: int, kwh: str) -> str:
    return f"      - {{start: 2026-01-09T{start}:00:00Z, end: 2026-01-09T{start + 1}:00:00Z, kwh: {kwh}}}\n"


def read(availability: str) -> Resource:
    """Return the rooftop with that in the place of its quantity."""
    assert IN_ALL in TEXT
    return read_catalogue(TEXT.replace(IN_ALL, availability), name="shop.yaml").get_resource(ITEM)


def test_a_profile_is_read_in_the_order_of_time() -> None:
    roof = read("    profile:\n" + hour(11, "0") + hour(10, "1.5"))
    assert roof.profile == hourly(1_500, 0)
    assert roof.available == Energy(1_500)


@pytest.mark.parametrize(
    ("availability", "message"),
    [
        ("", "either available_kwh or a profile"),
        (IN_ALL + "    profile:\n" + hour(10, "1"), "either available_kwh or a profile"),
        ("    profile: []\n", r"resources.0.profile: .*at least 1 item"),
        ("    profile:\n" + hour(10, "1") + hour(10, "2"), "T10:00:00Z and from 2026-01-09T10:00:00Z share"),
        (
            "    profile:\n" + hour(18, "1"),
            "from 2026-01-09T18:00:00Z until .* not all within",
        ),
        ("    profile:\n" + hour(10, "-1"), r"resources.0.profile.0.kwh: .*greater than or equal to 0"),
        ("    profile:\n" + hour(10, "0.0001"), "finer than 1 Wh"),
    ],
)
def test_what_says_nothing_or_two_things_is_refused(availability: str, message: str) -> None:
    with pytest.raises(CatalogueInvalid, match=message):
        read(availability)
