"""`degnode catalog check`: what catalogue files offer, and what is wrong with those that no node takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from degnode.__main__ import app

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "catalog"
CATALOGUES = [
    str(EXAMPLES / name) for name in ("solar-rooftop.yaml", "community-solar.yaml", "by-the-hour.yaml")
]


def check(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["catalog", "check", *arguments], env={"COLUMNS": "220"})


def test_offers_are_told_for_people_with_what_they_cost() -> None:
    result = check(*CATALOGUES)
    assert (result.exit_code, result.stderr) == (0, "")
    for words in (
        "rooftop-solar-07-daytime",
        "0.15 USD a kWh (PER_KWH)",
        "80000, 12.5 % of the meter",
        "0.24 USD a kWh (TIME_OF_DAY)",
        "15.00 USD and 0.20 USD a kWh (SUBSCRIPTION)",
        "25.00 USD (FIXED)",
    ):
        assert words in result.stdout


def test_programs_read_every_offer_with_exact_numbers() -> None:
    offers = json.loads(check(*CATALOGUES, "--json").stdout)
    assert len(offers) == 6
    eighth = next(each for each in offers if each["offer"] == "school-roof-eighth")
    assert (eighth["available_kwh"], eighth["price_per_kwh"], eighth["share_percent"]) == (
        "80000",
        "0.11",
        "12.5",
    )
    assert (eighth["flat"], eighth["produced_until"]) == (None, "2028-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("rule", "who", "words"),
    [
        ("{from: forecast}", "operator", "as forecast"),
        (
            "{from: meter, share_percent: 80, over_days: 7, ahead_days: 2, zone: UTC}",
            "meter",
            "as its meter forecasts",
        ),
    ],
    ids=["operator", "meter"],
)
def test_what_is_forecast_is_not_told_as_nothing(tmp_path: Path, rule: str, who: str, words: str) -> None:
    file = tmp_path / "shop.yaml"
    text = (EXAMPLES / "solar-rooftop.yaml").read_text()
    file.write_text(text.replace("available_kwh: 500", f"availability: {rule}"))
    assert words in check(str(file)).stdout
    [offer] = json.loads(check("--json", str(file)).stdout)
    assert (offer["available_kwh"], offer["forecast_by"]) == (None, who)


def test_each_files_offers_stand_by_themselves_and_ids_in_one_piece() -> None:
    result = CliRunner().invoke(app, ["catalog", "check", *CATALOGUES], env={"COLUMNS": "80"})
    assert result.stdout.count("On offer in") == len(CATALOGUES)
    assert "│ valley-store-02-subscription │" in result.stdout


def test_a_wrong_file_is_named_with_place_and_reason_and_the_others_are_told(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        (EXAMPLES / "solar-rooftop.yaml").read_text().replace("price_per_kwh: 0.15", "price_per_kwh: dear")
    )
    result = check(str(wrong), str(tmp_path / "none.yaml"), CATALOGUES[1])
    assert result.exit_code == 1
    assert "school-roof-eighth" in result.stdout
    assert f"{wrong}, rooftop-solar-07-daytime: offers.0.price_per_kwh" in result.stderr.replace("\n", "")
    assert "none.yaml cannot be read" in result.stderr.replace("\n", "")


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_nothing_on_offer_is_told_as_that(tmp_path: Path, option: tuple[str, ...]) -> None:
    result = check(str(tmp_path / "none.yaml"), *option)
    assert result.exit_code == 1
    assert result.stdout.strip() == ("[]" if option else "")
