"""The table of error codes: whole, in order, and with a number of v1 for each."""

from __future__ import annotations

import pytest

from protocol.codes import CODES, GENERIC, V1_CODES, Code, Layer, is_retryable, number_of


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_every_code_has_a_layer_a_meaning_and_an_error_status(code: Code) -> None:
    assert code.name.startswith(f"{code.layer}_")
    assert code.meaning.endswith(".")
    assert 400 <= code.http_status < 600


def test_no_code_stands_twice_and_no_meaning_either() -> None:
    assert len({code.meaning for code in CODES.values()}) == len(CODES) == 76


def test_the_layers_look_from_the_envelope_to_the_trade() -> None:
    assert list(Layer) == ["CTX", "NET", "AUT", "SCH", "POL", "BIZ"]
    layers = [code.layer for code in CODES.values()]
    assert layers == sorted(layers, key=list(Layer).index)


def test_what_may_be_sent_again_is_what_passes_by_itself() -> None:
    retryable = {name for name in CODES if is_retryable(name)}
    assert {name for name in retryable if not name.startswith("NET_")} == {
        "AUT_RATE_LIMITED",
        "POL_NP_CAPACITY_EXCEEDED",
        "POL_NP_DORMANT",
    }
    assert {name for name in CODES if name.startswith("NET_")} - retryable == {"NET_NOT_IMPLEMENTED"}
    assert not is_retryable("METER_UNKNOWN")


def test_every_number_of_v1_has_become_a_code_of_the_table() -> None:
    assert len(V1_CODES) == 16 + 7 + 5
    assert set(V1_CODES.values()) <= set(CODES)


@pytest.mark.parametrize("name", sorted(set(V1_CODES.values())))
def test_a_code_that_v1_has_too_survives_the_way_there_and_back(name: str) -> None:
    assert V1_CODES[number_of(name)] == name


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("BIZ_CATEGORY_NOT_FOUND", "30005"),
        ("BIZ_FULFILLMENT_UNAVAILABLE", "30008"),
        ("BIZ_RATING_TARGET_NOT_FOUND", "30014"),
        (GENERIC, "40000"),
        ("AUT_SIGNATURE_INVALID", "30000"),
        ("CTX_TTL_EXPIRED", "30000"),
        ("SCH_INVALID_ENUM", "30000"),
        ("NET_TIMEOUT", "40000"),
        ("BIZ_PRICE_MISMATCH", "40000"),
        ("POL_KYC_REQUIRED", "50000"),
    ],
)
def test_a_code_is_sent_under_the_closest_number_that_v1_has(name: str, number: str) -> None:
    assert number_of(name) == number
