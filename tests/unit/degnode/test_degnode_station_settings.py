"""A station that is known by its certificate needs a proxy that says whose it has checked."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError

from degnode.roles.stations import StationSettings, load_roster
from metering.sep.terminator import CertificateHeader
from stations.station_file import StationsInvalid

_NEEDED: Final = {
    "subscriber_id": "bpp.example.com",
    "public_url": "https://bpp.example.com",
    "registry_url": "https://registry.example.com",
}
_STATIONS: Final = f"""
stations:
  - id: CP-7
    protocol: ocpp
    certificates: [{"ab" * 32}]
    connectors:
      - {{number: 1, resource: plug-1, meter: "0A01", greatest_watts: 22000}}
"""
_PROXY: Final = {"stations_certificate_header": "X-Client-Cert", "trusted_proxies": "10.0.0.0/24"}


def settings(**values: Any) -> StationSettings:
    return StationSettings.model_validate({**_NEEDED, **values})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "stations.yaml"
    file.write_text(_STATIONS)
    return file


def test_a_node_without_a_file_has_no_stations() -> None:
    assert load_roster(settings()).stations == ()
    assert settings().certificate_header() is None


def test_a_trusted_proxy_passes_certificates_on(file: Path) -> None:
    told = settings(stations=file, **_PROXY)
    assert told.certificate_header() == CertificateHeader(
        name="X-Client-Cert", proxies=(ip_network("10.0.0.0/24"),)
    )
    assert [station.id for station in load_roster(told).stations] == ["CP-7"]


def test_certificates_that_nobody_passes_on_stop_the_start(file: Path) -> None:
    with pytest.raises(StationsInvalid, match="CP-7 is known by its certificate") as refused:
        load_roster(settings(stations=file))
    assert "DEGNODE_STATIONS_CERTIFICATE_HEADER" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"stations_certificate_header": "X-Client-Cert"}, "DEGNODE_TRUSTED_PROXIES"),
        ({**_PROXY, "stations_certificate_header": "X Client"}, "no name of a header"),
    ],
)
def test_a_header_that_anybody_could_set_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(**values)
