"""What a seller quotes for several lines is read with the price of each, where those come to the whole."""

from __future__ import annotations

from typing import Any

import pytest

from bap.market.answers import read_result
from protocol.actions import Action
from trading.mapping import wire_of
from trading.refusals import FieldInvalid

Json = dict[str, Any]


def price(amount: str, currency: str = "USD") -> Json:
    part = {"type": "UNIT", "value": amount, "currency": currency, "description": "energy"}
    return {"currency": currency, "value": amount, "components": [part]}


def quoted(total: str, *each: Json) -> Json:
    lines = [{"beckn:orderedItem": "roof", **({"beckn:price": told} if told else {})} for told in each]
    return {"order": {"beckn:orderItems": lines, "beckn:orderValue": price(total)}}


def read(message: Json, lines: int) -> Json:
    result = read_result(Action.SELECT, message, wire_of("v2_rc"), lines=lines)
    assert result is not None
    return result


def test_each_line_has_its_price() -> None:
    result = read(quoted("6.55", price("4.75"), price("1.80")), 2)
    assert result["total"] == {"amount": "6.55", "currency": "USD"}
    assert [each["total"]["amount"] for each in result["each"]] == ["4.75", "1.80"]


@pytest.mark.parametrize(
    "each",
    [(price("4.75"), price("1.81")), (price("4.75"), price("1.80", "EUR")), (price("6.55"), {})],
    ids=["another sum", "another currency", "no price"],
)
def test_prices_of_lines_that_do_not_come_to_the_whole_are_left_out(each: tuple[Json, Json]) -> None:
    result = read(quoted("6.55", *each), 2)
    assert result["total"]["amount"] == "6.55"
    assert "each" not in result


def test_a_price_of_one_line_is_that_of_the_whole() -> None:
    assert "each" not in read(quoted("4.75", price("4.75")), 1)


@pytest.mark.parametrize("lines", [1, 3])
def test_an_answer_about_other_lines_is_not_understood(lines: int) -> None:
    with pytest.raises(FieldInvalid, match="about 2 lines, asked were"):
        read(quoted("6.55", price("4.75"), price("1.80")), lines)


@pytest.mark.parametrize("message", [{}, {"order": {"beckn:orderItems": [{}]}}])
def test_an_answer_without_a_price_is_not_understood(message: Json) -> None:
    with pytest.raises(FieldInvalid, match="names no price"):
        read(message, 1)
