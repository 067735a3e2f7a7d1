"""LFDI and SFDI: published figures, and how LFDIs are read."""

from __future__ import annotations

import hashlib

import pytest

from metering.sep.identity import LfdiInvalid, lfdi_of_certificate, read_lfdi, sender_name, sfdi_of

LFDI = "854D10A201CA99E5E90D3C3E1F9BC1C3BD075F3B"


@pytest.mark.parametrize(
    ("lfdi", "sfdi"),
    [
        (LFDI, 357_827_241_281),
        ("EC80646C5131FFA8", 634_853_966_776),
        ("93A527C16D8FCA36", 396_331_899_108),
        ("0671C144D27DC9E6", 17_298_934_539),  # eleven digits: nothing is put in front
    ],
)
def test_the_sfdi_is_as_published(lfdi: str, sfdi: int) -> None:
    assert sfdi_of(lfdi) == sfdi
    assert sum(map(int, str(sfdi))) % 10 == 0


def test_the_lfdi_is_the_first_half_of_the_fingerprint() -> None:
    assert lfdi_of_certificate(b"der") == hashlib.sha256(b"der").hexdigest()[:40].upper()


@pytest.mark.parametrize(
    "text", [LFDI, LFDI.lower(), "-".join(LFDI[i : i + 4] for i in range(0, 40, 4)), f" {LFDI} "]
)
def test_an_lfdi_is_read_however_people_write_it(text: str) -> None:
    assert read_lfdi(text) == LFDI
    assert sender_name(read_lfdi(text)) == f"lfdi:{LFDI}"


@pytest.mark.parametrize("text", ["", LFDI[:-1], LFDI + "0", "G" * 40, hashlib.sha256(b"x").hexdigest()])
def test_what_is_no_lfdi_is_refused(text: str) -> None:
    with pytest.raises(LfdiInvalid, match="40 hexadecimal digits"):
        read_lfdi(text)
