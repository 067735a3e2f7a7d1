"""What may be said of a meter, and what may not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from metering.registration.record import (
    MOST_EXTERNAL_IDS,
    MeterIdentity,
    MeterRegistrationInvalid,
    MeterTerms,
    check_terms,
)

METER = MeterIdentity.of(mrid="100200300", device_lfdi=None)
GOOD = MeterTerms(
    external_ids=("100200300", "M1", "der://meter/7", "urn:uuid:8f3c1a52-0000-4000-8000-000000000001"),
    owner="Asha",
    zone="Asia/Kolkata",
    sanctioned_watts=5_000,
    import_modulus=100_000_000,
    interval_seconds=900,
    inverter_id="INV-7",
)


def test_a_meter_is_named_in_any_spelling_of_its_mrid_and_its_device() -> None:
    assert METER.mrid == "0100200300".zfill(32)
    assert MeterIdentity.of(mrid="0100200300", device_lfdi=" " + "ab" * 20).device_lfdi == "AB" * 20
    with pytest.raises(MeterRegistrationInvalid, match="no LFDI"):
        MeterIdentity.of(mrid="01", device_lfdi="AB")


def test_ids_of_every_kind_are_taken_verbatim() -> None:
    check_terms(METER, GOOD)
    check_terms(METER, MeterTerms())


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"external_ids": ("M1", "M1")}, "external_ids"),
        ({"external_ids": tuple(f"M{number}" for number in range(MOST_EXTERNAL_IDS + 1))}, "external_ids"),
        ({"external_ids": (" M1",)}, "external_ids"),
        ({"external_ids": ("",)}, "external_ids"),
        ({"external_ids": ("M\x001",)}, "external_ids"),
        ({"external_ids": ("\ud800",)}, "external_ids"),
        ({"owner": "A" * 201}, "owner"),
        ({"inverter_id": "a\nb"}, "inverter_id"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "../../etc"}, "zone"),
        ({"sanctioned_watts": 0}, "sanctioned_watts"),
        ({"sanctioned_watts": 10**12 + 1}, "sanctioned_watts"),
        ({"import_modulus": -1}, "import_modulus"),
        ({"export_modulus": 10**15 + 1}, "export_modulus"),
        ({"interval_seconds": 0}, "interval_seconds"),
        ({"sanctioned_watts": None}, "sanctioned_watts"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(change: dict[str, Any], path: str) -> None:
    with pytest.raises(MeterRegistrationInvalid) as caught:
        check_terms(METER, replace(GOOD, **change))
    assert caught.value.path == path


def test_an_object_that_is_still_being_created_is_no_meter() -> None:
    with pytest.raises(MeterRegistrationInvalid, match="still being created"):
        check_terms(MeterIdentity(mrid="F" * 24 + "0000A1B2"), MeterTerms())
