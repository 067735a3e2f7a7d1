"""When a resource of the catalogue file has how much."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import simplejson

from bpp.catalog_file.reader import CatalogueInvalid, read_catalogue
from kernel.energy import Energy
from tests.support.seller_world import CATALOGUE_FILE, ITEM
from tests.support.windows import hourly
from trading.availability.source import Forecasting, MeterRule
from trading.offer import Resource

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "catalog"
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
        ("", "one of available_kwh, profile and availability"),
        (IN_ALL + "    profile:\n" + hour(10, "1"), "one of available_kwh, profile and availability"),
        ("    profile: []\n", r"resources.0.profile: it is empty"),
        ("    profile:\n" + hour(10, "1") + hour(10, "2"), "T10:00:00Z and from 2026-01-09T10:00:00Z share"),
        (
            "    profile:\n" + hour(18, "1"),
            "from 2026-01-09T18:00:00Z until .* not all within",
        ),
        ("    profile:\n" + hour(10, "-1"), r"resources.0.profile.0.kwh: .*at least 0"),
        ("    profile:\n" + hour(10, "0.0001"), "finer than 1 Wh"),
    ],
)
def test_what_says_nothing_or_two_things_is_refused(availability: str, message: str) -> None:
    with pytest.raises(CatalogueInvalid, match=message):
        read(availability)


def availability(**rule: object) -> str:
    return f"    availability: {simplejson.dumps(rule)}\n"


METER = {"from": "meter", "share_percent": 80, "zone": "America/Denver"}


def test_what_there_is_may_follow_from_forecasts_or_from_the_meter() -> None:
    forecast = read(availability(**{"from": "forecast"}))
    assert (forecast.available, forecast.forecasting) == (Energy(0), Forecasting())
    assert read(availability(**METER)).forecasting == Forecasting(
        by_meter=MeterRule(share_percent=Decimal(80), over_days=7, ahead_days=2, zone="America/Denver")
    )


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"from": "forecast", "over_days": 3}, "only from: meter has over_days"),
        ({"from": "meter", "share_percent": 80}, "needs share_percent and zone"),
        ({"from": "meter", "zone": "UTC"}, "needs share_percent and zone"),
        ({"from": "weather"}, "resources.0.availability.from"),
        (METER | {"zone": "Mars"}, "no IANA time zone"),
        (METER | {"share_percent": 101}, "at most 100"),
    ],
)
def test_a_rule_that_says_too_little_or_too_much_is_refused(rule: dict[str, object], message: str) -> None:
    with pytest.raises(CatalogueInvalid, match=message):
        read(availability(**rule))


def test_a_meter_that_counts_what_is_taken_from_it_is_not_forecast_from() -> None:
    swap = TEXT.replace("GRID_INJECTION", "BATTERY_SWAP").replace(IN_ALL, availability(**METER))
    with pytest.raises(CatalogueInvalid, match="exports nothing to forecast from"):
        read_catalogue(swap, name="shop.yaml")


def test_an_offer_of_charging_sessions_has_no_window_of_its_own() -> None:
    text = (EXAMPLES / "charging-station.yaml").read_text(encoding="utf-8")
    window = "    window: {start: 2026-05-01T10:00:00Z, end: 2026-05-01T12:00:00Z}\n    zone:"
    with pytest.raises(CatalogueInvalid, match="a charging session has its own window"):
        read_catalogue(text.replace("    zone:", window, 1), name="shop.yaml")
