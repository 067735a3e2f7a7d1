"""The file of stations says how each is reached, and is refused with where and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from stations.password import PasswordUnfit, hash_password, is_password_hash, is_right
from stations.roster import Roster, StationUnknown
from stations.station_file import OcppStation, StationsInvalid, WebhookStation, load_stations, read_stations
from tests.support.signed_meter import SignedMeter

METER_KEY = SignedMeter().public_key
HASH = hash_password("sixteen-characters-at-least")
GOOD = f"""
stations:
  - id: CP-7
    protocol: ocpp
    password: "{HASH}"
    connectors:
      - {{number: 1, resource: plug-1, meter: "0A01", greatest_watts: 22000}}
  - id: depot
    protocol: webhook
    url: https://depot.example.org/charging
    secret_file: depot.secret
    connectors:
      - {{number: 1, resource: plug-2, meter: "0A02", greatest_watts: 60000}}
"""


def test_a_connector_is_found_by_its_resource_and_by_its_number() -> None:
    roster = Roster(read_stations(GOOD, name="stations.yaml"))
    place = roster.find_place("plug-2")
    assert place is not None
    assert str(place) == "depot/1"
    assert roster.get_place_at("CP-7", 1).connector.meter == "0A01".zfill(32)
    assert roster.find_place("plug-3") is None
    assert roster.find_station("CP-9") is None
    assert roster.places_of("CP-9") == []
    with pytest.raises(StationUnknown, match="no connector 2"):
        roster.get_place_at("CP-7", 2)


def test_files_that_it_names_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "stations.yaml").write_text(GOOD)
    station = Roster(load_stations(tmp_path / "stations.yaml")).find_station("depot")
    assert isinstance(station, WebhookStation)
    assert station.secret_file == tmp_path / "depot.secret"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("stations:", "stations: [", "is no YAML"),
        ("protocol: ocpp", "protocol: ocpi", "Write ocpp, webhook or simulator"),
        ("    protocol: ocpp\n", "", "Add `protocol`"),
        pytest.param(HASH, "secret", "no hash of a password", id="no hash"),  # salted
        ("    password:", "    # password:", "a `password` or `certificates`, and not both"),
        ("    password:", f"    certificates: ['{'ab' * 32}']\n    password:", "and not both"),
        ("    password:", "    certificates: [ab]\n    # ", "no SHA-256 fingerprint"),
        ("    password:", "    certificates: [12]\n    # ", "no SHA-256 fingerprint"),
        ("id: CP-7", "id: CP/7", "1 to 48 letters"),
        ("number: 1, resource: plug-1", "number: 0, resource: plug-1", "greater than or equal to 1"),
        ('meter: "0A01"', "meter: kWh", "stations.0.ocpp.connectors.0.meter"),
        ("greatest_watts: 22000", "max_watts: 22000", "Add this key"),
        ("greatest_watts: 22000", "greatest_watts: 1, meter_key: x", "no public key in hexadecimal"),
        ("greatest_watts: 22000", "greatest_watts: 1, signed_only: true", "needs the `meter_key`"),
        ("60000}", f"60000, signed_only: true, meter_key: {METER_KEY}}}", "`signed_only` is for OCPP"),
        ("id: depot", "id: CP-7", "the station CP-7 is there twice"),
        ("plug-2", "plug-1", "the resource plug-1 is there twice"),
        ('"0A02"', '"A01"', "the meter"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_where_and_why(old: str, new: str, said: str) -> None:
    with pytest.raises(StationsInvalid, match=r"stations\.yaml") as refused:
        read_stations(GOOD.replace(old, new, 1), name="stations.yaml")
    assert said in str(refused.value)


def test_a_certificate_is_known_by_its_fingerprint_however_it_is_written() -> None:
    written = ":".join(["AB"] * 32)
    [station, _] = read_stations(
        GOOD.replace(f'password: "{HASH}"', f'certificates: ["{written}", {"cd" * 32}]'), name="s.yaml"
    )
    assert isinstance(station, OcppStation)
    assert station.certificates == (b"\xab" * 32, b"\xcd" * 32)
    assert station.password is None


def test_two_connectors_of_one_number_are_refused() -> None:
    twice = GOOD.replace(
        "  - id: depot",
        '      - {number: 1, resource: plug-9, meter: "0A09", greatest_watts: 1}\n  - id: depot',
    )
    with pytest.raises(StationsInvalid, match="the connector CP-7/1 is there twice"):
        read_stations(twice, name="stations.yaml")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StationsInvalid, match="cannot be read"):
        load_stations(tmp_path / "stations.yaml")


def test_a_password_is_kept_as_its_hash_only() -> None:
    assert is_password_hash(HASH)
    assert is_right("sixteen-characters-at-least", HASH)
    assert not is_right("sixteen-characters-at-lease", HASH)
    assert not is_right("x" * 41, HASH)
    assert not is_right("sixteen-characters-at-least", "plain")
    assert hash_password("sixteen-characters-at-least") != HASH


@pytest.mark.parametrize("password", ["short", "x" * 41, "sixteen\ncharacters-at-least"])
def test_a_password_that_no_station_may_have_is_refused(password: str) -> None:
    with pytest.raises(PasswordUnfit, match="16 to 40"):
        hash_password(password)
