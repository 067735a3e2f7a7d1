"""What a quality is called elsewhere, both ways."""

from __future__ import annotations

import pytest

from metering.quality import (
    DERIVED,
    ESTIMATED_BY_INTERPOLATION,
    ESTIMATED_BY_REFERENCE_DAY,
    FORECAST,
    FROM_ESPI,
    FROM_ESTFEED,
    FROM_NEM12,
    FROM_OPENADR,
    MANUALLY_EDITED,
    QUESTIONABLE,
    VALID,
    WORDS,
    combined,
    is_estimate,
    quality_of,
    to_espi,
    to_estfeed,
    to_nem12,
    to_openadr,
    words_of,
)


def test_every_set_of_bits_is_said_in_words_and_read_back() -> None:
    for quality in range(128):
        assert quality_of(words_of(quality)) == quality
    assert words_of(0) == ()
    assert words_of(1 << 9) == ()


def test_a_word_that_is_none_of_ours_is_refused() -> None:
    with pytest.raises(KeyError):
        quality_of(["splendid"])


def test_every_flag_of_nem12_and_estfeed_comes_back_as_it_was() -> None:
    assert {flag: to_nem12(quality) for flag, quality in FROM_NEM12.items()} == {f: f for f in FROM_NEM12}
    assert {flag: to_estfeed(quality) for flag, quality in FROM_ESTFEED.items()} == {"M": "M", "E": "E"}


def test_no_reading_and_several_qualities_are_no_quality() -> None:
    assert not {"N", "V"} & FROM_NEM12.keys()
    assert "MISSING" not in FROM_OPENADR


def test_the_codes_of_green_button_that_are_bits_of_2030_5_come_back_as_they_were() -> None:
    assert {code: to_espi(FROM_ESPI[code]) for code in (0, 7, 8, 9, 10, 11, 12, 14)} == {
        code: code for code in (0, 7, 8, 9, 10, 11, 12, 14)
    }


@pytest.mark.parametrize(
    ("quality", "nem12", "espi", "openadr"),
    [
        (0, "A", 14, "OK"),
        (VALID, "A", 0, "OK"),
        (MANUALLY_EDITED, "F", 7, "OK"),
        (MANUALLY_EDITED | VALID, "F", 7, "OK"),
        (ESTIMATED_BY_REFERENCE_DAY, "S", 8, "ESTIMATED"),
        (ESTIMATED_BY_INTERPOLATION, "S", 9, "ESTIMATED"),
        (FORECAST | ESTIMATED_BY_REFERENCE_DAY, "E", 12, "ESTIMATED"),
        (QUESTIONABLE | ESTIMATED_BY_INTERPOLATION, "S", 10, "BAD"),
        (DERIVED | VALID, "A", 11, "OK"),
    ],
)
def test_the_bit_that_matters_most_decides(quality: int, nem12: str, espi: int, openadr: str) -> None:
    assert (to_nem12(quality), to_espi(quality), to_openadr(quality)) == (nem12, espi, openadr)


def test_what_is_not_there_is_missing() -> None:
    assert to_openadr(None) == "MISSING"


def test_each_of_the_three_estimates_is_one_and_nothing_else() -> None:
    estimates = {ESTIMATED_BY_REFERENCE_DAY, ESTIMATED_BY_INTERPOLATION, FORECAST}
    assert {bit for bit in WORDS if is_estimate(bit)} == estimates


def test_two_values_are_valid_only_together_and_doubted_by_either() -> None:
    assert combined(VALID, VALID | DERIVED) == VALID | DERIVED
    assert combined(VALID, 0) == 0
    assert combined(VALID, QUESTIONABLE) == QUESTIONABLE
