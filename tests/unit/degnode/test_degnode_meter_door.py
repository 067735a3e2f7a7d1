"""What a seller's platform is told of its meters' way in, and what it refuses to start with."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from degnode.roles.configuration import SettingsInvalid, load_settings
from degnode.roles.meter_door import MeterDoorSettings, meter_doors, mirror_policy
from metering.sep.mirror_policy import DEFAULT_POLICY
from metering.sep.terminator import CertificateHeader
from metering.sep.tls import TlsMaterialUnusable
from tests.support.device_certificates import DeviceAuthority

_NEEDED: dict[str, Any] = {
    "subscriber_id": "bpp.example",
    "public_url": "https://bpp.example",
    "registry_url": "https://registry.example",
}

_MIRRORS = ("/dcap", "/tm", "/mup", "/mup/7")


def settings(**values: Any) -> MeterDoorSettings:
    return MeterDoorSettings.model_validate({**_NEEDED, **values})


def test_where_nothing_is_said_there_is_no_port_and_nobody_is_special() -> None:
    assert mirror_policy(settings()) == DEFAULT_POLICY
    assert meter_doors(settings()) == ()


def test_what_is_said_is_the_mirrors_policy() -> None:
    told = mirror_policy(
        settings(
            trusted_proxies="10.0.0.0/24",
            meters_certificate_header="X-Client-Cert",
            meters_aggregators=f"{'ab' * 20}, {'cd-' * 19}cd",
            meters_legacy_senders=f"old meter, lfdi:{'ab' * 20}, LFDI:{'cd-' * 19}cd",
            meters_post_rate="300",
            meters_post_rate_held="true",
            meters_poll_rate="60",
            meters_time_zone="Asia/Kolkata",
            meters_time_quality="4",
        )
    )
    assert told.certificate_header == CertificateHeader(
        name="X-Client-Cert", proxies=(ip_network("10.0.0.0/24"),)
    )
    assert told.aggregators == {"AB" * 20, "CD" * 20}
    assert told.legacy_senders == {"old meter", "lfdi:" + "AB" * 20, "lfdi:" + "CD" * 20}
    assert (told.post_rate, told.holds_post_rate) == (timedelta(seconds=300), True)
    assert (told.poll_rate, told.time_zone) == (timedelta(seconds=60), ZoneInfo("Asia/Kolkata"))
    assert told.time_quality == 4


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"meters_certificate_header": "X-Client-Cert"}, "DEGNODE_TRUSTED_PROXIES"),
        ({"meters_certificate_header": "X Client", "trusted_proxies": "10.0.0.1"}, "no name of a header"),
        ({"meters_aggregators": "AB"}, "no LFDI"),
        ({"meters_legacy_senders": "lfdi:AB"}, "no LFDI"),
        ({"meters_post_rate": "0"}, "whole seconds"),
        ({"meters_post_rate": "0.5"}, "whole seconds"),
        ({"meters_post_rate_held": "true"}, "DEGNODE_METERS_POST_RATE"),
        ({"meters_time_zone": "Mars/Olympus"}, "no time zone"),
        ({"meters_time_zone": "../../etc/passwd"}, "no time zone"),
        ({"meters_time_quality": "2"}, "greater than or equal to 3"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(**values)


def test_a_port_needs_a_certificate_a_key_and_the_roots_of_devices() -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(MeterDoorSettings, **_NEEDED, meters_port=8443)
    for name in ("CERTIFICATE", "KEY", "AUTHORITIES"):
        assert f"DEGNODE_METERS_{name} is not set" in str(caught.value)


def test_a_port_leads_to_the_mirror_alone(tmp_path: Path) -> None:
    server = DeviceAuthority(tmp_path).server().material
    told = settings(
        meters_port=0,
        meters_certificate=server.certificate,
        meters_key=server.key,
        meters_authorities=str(server.authorities[0]),
    )
    (door,) = meter_doors(told)
    assert (door.host, door.port) == ("127.0.0.1", 0)
    led_to = [path for path in (*_MIRRORS, "/mups", "/", "/api/v1/meters") if door.leads_to(path)]
    assert led_to == list(_MIRRORS)
    with pytest.raises(TlsMaterialUnusable):
        meter_doors(told.model_copy(update={"meters_key": tmp_path / "missing"}))
