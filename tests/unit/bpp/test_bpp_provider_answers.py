"""What a back office answers is read exactly, and what is no answer is told in words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bpp.provider.answer import read_answer
from bpp.provider.port import Answer, ProviderAway
from kernel.energy import Energy
from trading.seller_counter import Off, SellerCounter


def read(**said: Any) -> Answer:
    return read_answer(json.dumps(said).encode())


def test_an_order_is_accepted_or_refused_with_a_reason() -> None:
    assert read(answer="accept", more="is left aside") == Answer(accepted=True)
    assert read(answer="leave") == Answer(accepted=None)
    assert read(answer="refuse", reason="No.") == Answer(accepted=False, reason="No.")


def test_a_counter_names_price_quantity_and_window_exactly() -> None:
    answer = read(
        answer="counter",
        price_per_kwh="0.28",
        max_kwh="6.5",
        reason="Clouds.",
        **{"from": "2026-01-09T12:00:00+01:00", "until": "2026-01-09T17:00:00Z"},
    )
    counter = SellerCounter(
        price_per_kwh=Decimal("0.28"),
        most=Energy(6_500),
        start=datetime(2026, 1, 9, 11, tzinfo=UTC),
        end=datetime(2026, 1, 9, 17, tzinfo=UTC),
    )
    assert answer == Answer(accepted=False, reason="Clouds.", counter=counter)


@pytest.mark.parametrize("value", [{"percent": "5"}, {"amount": "0.50"}])
def test_a_counter_may_take_something_off(value: dict[str, str]) -> None:
    answer = read(answer="counter", discount={"title": "For neighbours"} | value)
    exact = {name: Decimal(number) for name, number in value.items()}
    assert answer.counter == SellerCounter(discount=Off(title="For neighbours", **exact))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"answer": "perhaps"}, "perhaps|accept"),
        ({}, "answer"),
        ({"answer": "accept", "price_per_kwh": "0.28"}, "price_per_kwh is said only by the answer counter"),
        (
            {"answer": "refuse", "until": "2026-01-09T17:00:00Z", "max_kwh": "1"},
            "max_kwh, until is said only",
        ),
        ({"answer": "counter"}, "names what is to be otherwise"),
        ({"answer": "counter", "price_per_kwh": 0.28}, "price_per_kwh: .*decimal number in a string"),
        ({"answer": "counter", "price_per_kwh": "-0.28"}, "price_per_kwh"),
        ({"answer": "counter", "price_per_kwh": "1e3"}, "price_per_kwh"),
        ({"answer": "counter", "max_kwh": "0.0001"}, "0.0001"),
        ({"answer": "counter", "price_per_kwh": "1", "currency": "EUR"}, "currency"),
        ({"answer": "counter", "from": "2026-01-09T10:00:00"}, "from: .*offset"),
        ({"answer": "counter", "discount": {"title": "Both", "percent": "1", "amount": "1"}}, "either"),
        ({"answer": "counter", "discount": {"percent": "1"}}, "discount.title"),
        ({"answer": "counter", "discount": {"title": "x", "percent": "1", "for": "ever"}}, "discount.for"),
        ({"answer": "refuse", "reason": "x" * 2001}, "reason"),
    ],
)
def test_what_is_no_answer_is_told(said: dict[str, Any], why: str) -> None:
    with pytest.raises(ProviderAway, match=why):
        read(**said)


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_an_empty_answer_is_called_so(body: bytes) -> None:
    with pytest.raises(ProviderAway, match="gave an empty answer"):
        read_answer(body)


@pytest.mark.parametrize("answer", ["accept", "refuse", "leave"])
def test_a_term_that_is_null_is_not_named(answer: str) -> None:
    unsaid = dict.fromkeys(("price_per_kwh", "discount", "max_kwh", "from", "until", "reason"))
    assert read(answer=answer, **unsaid) == read(answer=answer)


@pytest.mark.parametrize("body", [b"yes", b"[]", b'"accept"', b"\xff"])
def test_an_answer_is_a_json_object(body: bytes) -> None:
    with pytest.raises(ProviderAway, match="the back office gave no answer"):
        read_answer(body)


def test_what_is_accepted_as_it_stands_has_no_counter() -> None:
    with pytest.raises(ValueError, match="has no counter"):
        Answer(accepted=True, counter=SellerCounter(most=Energy(1)))
