"""Meters are the same however their mRID is spelled."""

from __future__ import annotations

import pytest

from metering.mrid import MridInvalid, canonical_mrid, is_provisional

_CANONICAL = "00000000000000000000000100200300"


@pytest.mark.parametrize("text", ["0100200300", " 0100200300\n", _CANONICAL, "000100200300"])
def test_padding_makes_no_difference(text: str) -> None:
    assert canonical_mrid(text) == _CANONICAL


def test_case_makes_no_difference() -> None:
    assert canonical_mrid("a1") == canonical_mrid("A1") == "A1".zfill(32)


def test_an_odd_number_of_digits_is_lenience_only() -> None:
    assert canonical_mrid("100200300", lenient=True) == _CANONICAL
    with pytest.raises(MridInvalid):
        canonical_mrid("100200300")


@pytest.mark.parametrize(
    "text", ["", "M1", "1_0", "0" * 34, "urn:uuid:1", "der://meter/100200300", "01 02", "0100200300\n\n0"]
)
@pytest.mark.parametrize("lenient", [False, True])
def test_what_is_no_number_in_hexadecimal_is_refused(text: str, lenient: bool) -> None:
    with pytest.raises(MridInvalid):
        canonical_mrid(text, lenient=lenient)


def test_an_object_still_being_created_is_known_by_its_ones() -> None:
    assert is_provisional(canonical_mrid("F" * 24 + "0000A1B2"))
    assert not is_provisional(_CANONICAL)
