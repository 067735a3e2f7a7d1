"""Forecasts as they are uploaded."""

from __future__ import annotations

import pytest

from bpp.forecasts.file import ForecastForm, ForecastInvalid, form_buckets, read_forecast
from tests.support.windows import hourly

HEADING = "start,end,kwh\n"
TEN = "2026-01-09T10:00:00Z,2026-01-09T11:00:00Z,1.5\n"
ELEVEN = "2026-01-09T11:00:00Z,2026-01-09T12:00:00Z,0\n"


def test_a_table_is_read_in_the_order_of_time() -> None:
    assert read_forecast("\ufeff" + HEADING + ELEVEN + "\n" + TEN, name="f.csv") == hourly(1_500, 0)
    moved = "kwh, start, end\n2,2026-01-09T10:00:00Z,2026-01-09T11:00:00Z\n"
    assert read_forecast(moved, name="f.csv") == hourly(2_000)
    spreadsheet = (HEADING.upper() + TEN).replace(",", ";").replace("\n", "\r\n")
    assert read_forecast(spreadsheet, name="f.csv") == hourly(1_500)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the columns are none"),
        ("start,end\n", "line 1: the columns are start, end"),
        (HEADING, "there are 0 intervals"),
        (HEADING + TEN + "2026-01-09T11:00:00Z,1\n", "line 3: there are 2 cells and 3 columns"),
        (HEADING + TEN.replace("1.5", "much"), "line 2: kwh: .*decimal"),
        (
            (HEADING + TEN).replace(",", ";").replace("1.5", "1,5"),
            "line 2: kwh: .1,5. is not a decimal number",
        ),
        (HEADING + TEN.replace("1.5", "0.00001"), "line 2: kwh: .*finer than 1 Wh"),
        (HEADING + ELEVEN + TEN.replace("11:00:00Z", "11:00:00"), "line 3: end: .*offset"),
        (HEADING + ELEVEN + TEN.replace("T10", "T11"), "line 3: .*is empty"),
        (HEADING + TEN + TEN, "share time"),
        (HEADING + 'x"y"', "line 2"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ForecastInvalid, match=message):
        read_forecast(text, name="f.csv")


def test_a_form_is_refused_with_the_place_of_its_interval() -> None:
    late = {"start": "2026-01-09T12:00:00Z", "end": "2026-01-09T11:00:00Z", "kwh": 1}
    form = ForecastForm.model_validate({"intervals": [late]})
    with pytest.raises(ForecastInvalid, match=r"intervals.0: .*is empty") as refused:
        form_buckets(form)
    assert refused.value.path == "intervals.0"
