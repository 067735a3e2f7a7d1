"""The identity of a meter in its many spellings."""

from __future__ import annotations

import pytest

from kernel.mrid import MridInvalid, canonical_mrid, is_provisional


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0100200300", "0" * 22 + "0100200300"),
        ("ab", "0" * 30 + "AB"),
        (" AB\n", "0" * 30 + "AB"),
        ("0123456789abcdef0123456789ABCDEF", "0123456789ABCDEF0123456789ABCDEF"),
    ],
)
def test_an_mrid_has_one_canonical_spelling(text: str, canonical: str) -> None:
    assert canonical_mrid(text) == canonical_mrid(text, lenient=True) == canonical


def test_an_odd_number_of_digits_passes_only_where_trade_messages_write_them() -> None:
    assert canonical_mrid("100200300", lenient=True) == canonical_mrid("0100200300")
    with pytest.raises(MridInvalid):
        canonical_mrid("100200300")


@pytest.mark.parametrize("text", ["", " ", "xyz", "0x12", "12-34", "12 34", "１２", "0" * 34])
@pytest.mark.parametrize("lenient", [False, True])
def test_what_is_no_mrid_is_refused(text: str, *, lenient: bool) -> None:
    with pytest.raises(MridInvalid, match="is no mRID") as refused:
        canonical_mrid(text, lenient=lenient)
    assert refused.value.http_status == 400
    assert refused.value.hint


def test_an_mrid_of_ones_is_still_being_created() -> None:
    assert is_provisional(canonical_mrid("F" * 24 + "00000001"))
    assert not is_provisional(canonical_mrid("0100200300"))
